"""Pictures for people: contact sheets (left | right | disparity), and one sample with its flags."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fsd_gen.shards.flags import Flag
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import SampleRecord, record_of
from fsd_gen.shards.sample import StereoSample
from jobs.files import part_file
from jobs.outputs import refuse_output
from stereo_model.data.shards.find import FoundShard
from stereo_model.inference.colours import span_of


class PictureNameError(ValueError):
    """No picture can be written under this name."""


CAPTION_PX = 14
GAP_PX = 4
BACKGROUND = (18, 18, 18)
NO_DISPARITY = (40, 40, 48)  # sky and NO_TRUTH
FLAG_COLOURS = {
    Flag.OCCLUDED: (255, 60, 60),
    Flag.OUT_OF_FRAME: (255, 160, 0),
    Flag.SKY: (70, 130, 255),
    Flag.TRANSPARENT: (0, 230, 230),
    Flag.MIRROR: (230, 0, 230),
    Flag.NO_TRUTH: (255, 255, 255),
}
TURN = 0.618034  # of the colour circle: neighbouring ids look different


def contact_sheet(samples: Iterable[StereoSample], *, columns: int = 1, thumb_px: int = 320) -> Image.Image:
    """One cell per sample: left, right, disparity and any optional channels, each `thumb_px` wide, over a
    caption.

    Raises:
        ValueError: no samples.
    """
    cells = [_cell(sample, thumb_px) for sample in samples]
    if not cells:
        raise ValueError("a contact sheet needs at least one sample")
    width, height = (max(cell.size[axis] for cell in cells) + GAP_PX for axis in (0, 1))
    rows = math.ceil(len(cells) / columns)
    sheet = Image.new("RGB", (columns * width + GAP_PX, rows * height + GAP_PX), BACKGROUND)
    for i, cell in enumerate(cells):
        sheet.paste(cell, (GAP_PX + i % columns * width, GAP_PX + i // columns * height))
    return sheet


def contact_sheet_of_shards(
    shards: Sequence[str | os.PathLike[str] | FoundShard],
    *,
    most: int = 64,
    columns: int = 1,
    thumb_px: int = 320,
) -> Image.Image:
    """A contact sheet of the first `most` samples that are meant of `shards`.

    Raises:
        ShardError: there is no sample in them.
    """
    meant = [each if isinstance(each, FoundShard) else FoundShard(path=Path(each)) for each in shards]
    samples = _samples(meant)
    first = next(samples, None)
    if first is None:
        raise ShardError(
            f"no sample to show: every slot of {', '.join(str(each.path) for each in meant)} is quarantined; "
            "`fsd-gen info` says why"
        )
    return contact_sheet(islice(chain([first], samples), most), columns=columns, thumb_px=thumb_px)


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write `picture` to `path`, all or nothing; its folder is made.

    Raises:
        PictureNameError: the name ends in no format that can be written.
        OutputError: no picture can be written there, or something else is there.
    """
    kind = refuse_unwritable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_file(path) as part:
        picture.save(part, format=kind)


def refuse_unwritable(path: Path) -> str:
    """The format that a picture of this name has.

    Raises:
        PictureNameError: it can be none.
        OutputError: no picture can be written there, or something else is there.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise PictureNameError(f"{path}: expected the name of a picture, such as preview.png or preview.jpg")
    refuse_output(path, "a picture", _is_picture)
    return kind


def _is_picture(path: Path) -> bool:
    try:
        with Image.open(path):
            return True
    except (OSError, ValueError, Image.DecompressionBombError):  # of no kind that is known, or damaged
        return False


def sample_view(sample: StereoSample) -> Image.Image:
    """One sample in full size: images, disparity maps, the left view with its flags, optional channels."""
    span = _disparity_range(sample)
    left = disparity_picture(sample.disparity_left_hw, sample.flags_left_hw, span)
    right = disparity_picture(sample.disparity_right_hw, sample.flags_right_hw, span)
    pictures = (
        (sample.left_hwc, sample.right_hwc),
        (left, right),
        (flags_overlay(sample.left_hwc, sample.flags_left_hw), _legend(sample.left_hwc.shape[:2])),
    )
    shown = [np.hstack(row) for row in pictures]
    for array in sample.optional.values():
        picture_hwc = channel_picture(array)
        shown.append(np.hstack([picture_hwc, np.full_like(picture_hwc, BACKGROUND)]))
    return _captioned(np.vstack(shown), caption(record_of(sample)))


def disparity_picture(
    disparity_hw: NDArray[np.float32], flags_hw: NDArray[np.uint8], span: tuple[float, float]
) -> NDArray[np.uint8]:
    """Disparity as colours (H, W, 3): `span` in pixels goes from blue (far) to red (near)."""
    low, high = span
    scaled_hw = (disparity_hw - low) / (high - low)
    picture_hwc = _colours("turbo", np.clip(scaled_hw, 0, 1))
    picture_hwc[(flags_hw & (Flag.SKY | Flag.NO_TRUTH).value) != 0] = NO_DISPARITY
    return picture_hwc


def channel_picture(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Any channel as colours (H, W, 3): ids each in a colour of its own, but 0 as no disparity; numbers from
    blue (least) to red (greatest); the first three numbers of a pixel as red, green and blue.
    """
    if array.dtype.kind == "u" and array.ndim == 2:
        picture_hwc = _colours("hsv", array * TURN % 1)
        picture_hwc[array == 0] = NO_DISPARITY
        return picture_hwc
    low, high = float(array.min()), float(array.max())
    scaled = (array.astype(np.float32) - low) / max(high - low, 1e-6)
    if array.ndim == 2:
        return _colours("turbo", scaled)
    numbers_hwn = scaled.reshape(*array.shape[:2], -1)[..., :3]
    picture_hwc = np.zeros((*array.shape[:2], 3), np.uint8)
    picture_hwc[..., : numbers_hwn.shape[2]] = np.rint(255 * numbers_hwn)
    return picture_hwc


def _colours(name: str, scaled_hw: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values between 0 and 1 in a colour map."""
    return np.array(colormaps[name](scaled_hw, bytes=True)[..., :3], np.uint8)


def flags_overlay(image_hwc: NDArray[np.uint8], flags_hw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image with every flagged pixel tinted in its flag's colour (H, W, 3)."""
    out_hwc = image_hwc.astype(np.float32)
    for flag, colour in FLAG_COLOURS.items():
        flagged_hw = (flags_hw & flag.value) != 0
        out_hwc[flagged_hw] = 0.4 * out_hwc[flagged_hw] + 0.6 * np.array(colour, np.float32)
    return out_hwc.astype(np.uint8)


def caption(record: SampleRecord) -> str:
    """One line that says which sample this is."""
    if record.disparity_p50 is None:
        disparity = "no valid disparity"
    else:
        disparity = f"d {record.disparity_p05:.1f} .. {record.disparity_max:.1f} px"
    rig = f"B {1000 * record.baseline_m:.0f} mm  f {record.focal_px:.0f} px"
    return f"{record.sample_id}  {record.stratum}  {rig}  {disparity}"


def _samples(shards: Iterable[FoundShard]) -> Iterator[StereoSample]:
    for shard in shards:
        with ShardReader(shard.path, ranged=True) as reader:
            for record in reader.records():
                if shard.holds((record.slot, record.attempt)):
                    yield reader.sample(record.row)


def _cell(sample: StereoSample, thumb_px: int) -> Image.Image:
    height = max(1, round(thumb_px * sample.left_hwc.shape[0] / sample.left_hwc.shape[1]))
    disparity = disparity_picture(sample.disparity_left_hw, sample.flags_left_hw, _disparity_range(sample))
    thumbs = [
        Image.fromarray(picture).resize((thumb_px, height), how)
        for picture, how in (
            (sample.left_hwc, Image.Resampling.LANCZOS),
            (sample.right_hwc, Image.Resampling.LANCZOS),
            (disparity, Image.Resampling.NEAREST),
            *((channel_picture(array), Image.Resampling.NEAREST) for array in sample.optional.values()),
        )
    ]
    return _captioned(np.hstack([np.asarray(thumb) for thumb in thumbs]), caption(record_of(sample)))


def _captioned(picture_hwc: NDArray[np.uint8], text: str) -> Image.Image:
    height, width = picture_hwc.shape[:2]
    out = Image.new("RGB", (width, height + CAPTION_PX), BACKGROUND)
    out.paste(Image.fromarray(picture_hwc), (0, 0))
    draw = ImageDraw.Draw(out)
    draw.text((2, height + 1), text, fill=(220, 220, 220), font=ImageFont.load_default(11))
    return out


def _disparity_range(sample: StereoSample) -> tuple[float, float]:
    surface_hw = (sample.flags_left_hw & (Flag.SKY | Flag.NO_TRUTH).value) == 0
    return span_of(sample.disparity_left_hw[surface_hw])


def _legend(shape: tuple[int, int]) -> NDArray[np.uint8]:
    picture = Image.new("RGB", (shape[1], shape[0]), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for line, (flag, colour) in enumerate(FLAG_COLOURS.items()):
        y = 4 + line * CAPTION_PX
        draw.rectangle((4, y, 14, y + 10), fill=colour)
        draw.text((20, y - 1), str(flag.name).lower(), fill=(220, 220, 220), font=ImageFont.load_default(11))
    return np.asarray(picture)
