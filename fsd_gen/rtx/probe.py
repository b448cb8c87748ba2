"""A renderer before it is believed: stages whose right pictures are known, and what it makes of them.

What versions are known to do differently is put right by their rows in the table (`child.versions`), through
the same layer that scenes get. The probe measures what is left, and refuses whatever is off: a wrong factor
of light, a dome that is turned, another unit of depth would spoil every sample in silence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fsd_gen.backends.base import Backend
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx import probe_stages as stages
from fsd_gen.rtx.child.versions import LUX, LUX_FACTORS, Lux
from fsd_gen.rtx.frames import Frames, frames_of
from fsd_gen.rtx.layer import author_rtx_layer
from fsd_gen.rtx.measures import SKY_COLUMNS, SKY_ROWS, Row, depths, edges, factor, sky_rows, things
from fsd_gen.rtx.probe_lamps import card_points, rect_irradiance, sphere_irradiance
from fsd_gen.rtx.shooting import Render
from fsd_gen.rtx.targets import Target
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene
from jobs.scratch import scratch_folder

SETTINGS = RenderSettings(spp=64, max_depth=4, denoise=False)
SUN_ROW, GLOW_ROW = "a grey card in the sun", "a card that glows"
RECT_ROW, SPHERE_ROW = "a grey card by a rectangular lamp", "a grey card by a spherical lamp"
FACTOR_OF_ROW = {SUN_ROW: "distant", GLOW_ROW: "glow", RECT_ROW: "rect", SPHERE_ROW: "sphere"}  # of `Lux`
DARKER = 2.0**-3  # of the second exposure
GREY_COLUMNS, GLOW_COLUMNS, CARD_ROWS = slice(14, 42), slice(54, 68), slice(20, 44)  # well inside the cards


class Look(Protocol):
    """How a probe sees a stage. `scale` is what the cameras expose by, where they are ours."""

    def __call__(self, staged: StagedScene, rig: StereoRig, scale: float | None = None) -> Frames: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a probe found."""

    named: str  # renderer and version
    rows: tuple[Row, ...]
    lens_rows: tuple[Row, ...] = ()  # of the OpenCV lens; a renderer is used without it
    id_rows: tuple[Row, ...] = ()  # of its ids, which it is not asked for where they are wrong
    lux: Lux | None = None  # by which its lights were written

    @property
    def lens(self) -> bool:
        """Whether rigs that need the OpenCV lens can be rendered."""
        return all(row.right for row in self.lens_rows)

    @property
    def ids(self) -> bool:
        """Whether its ids are worth asking for."""
        return bool(self.id_rows) and all(row.right for row in self.id_rows)

    def refuse(self) -> None:
        """Raises BackendUnavailableError where anything but the lens and the ids is off."""
        wrong = [row for row in self.rows if not row.right]
        if wrong:
            said = "; ".join(row.said for row in wrong)
            command = f"fsd-gen selftest --backend {self.named.partition(' ')[0]}"
            raise BackendUnavailableError(
                f"{self.named} renders known scenes wrongly: {said}. Nothing was rendered; please report "
                f"what `{command}` prints{self._switch(wrong)}"
            )

    def _switch(self, wrong: Sequence[Row]) -> str:
        """What takes back factors of light that are all that is wrong."""
        if self.lux is None or not {row.name for row in wrong} <= set(FACTOR_OF_ROW):
            return ""
        off = {FACTOR_OF_ROW[row.name]: row.measured / row.expected for row in wrong}
        factors = {name: getattr(self.lux, name) * off.get(name, 1.0) for name in LUX_FACTORS}
        if min(factors.values()) <= 0:
            return ""
        told = {name: value for name, value in factors.items() if name in ("distant", "glow") or value != 1}
        text = ",".join(f"{name}={value:.5g}" for name, value in told.items())
        return f"; to go on with what was measured, set {LUX}={text}"


def probe(target: Target, render: Render) -> Probe:
    """Measure a rendering process that says it is `target`.

    Raises:
        BackendError: it gave no pictures at all.
    """

    def look(staged: StagedScene, rig: StereoRig, scale: float | None = None) -> Frames:
        with scratch_folder("rtx") as folder:
            stage = author_rtx_layer(staged, rig, SETTINGS, target, folder, scale=scale)
            return frames_of(render(stage.job(SETTINGS)), stage, target.named)

    with scratch_folder("probe") as folder:
        rows = tuple(_rows(look, folder, exposes=True))
        lens = tuple(_lens(look, folder)) if target.row.opencv_lens else ()
        ids = (_ids(look, folder),) if target.ids else ()
    return Probe(named=target.named, rows=rows, lens_rows=lens, id_rows=ids, lux=target.row.lux)


def probe_backend(backend: Backend) -> Probe:
    """Measure a backend as scenes are rendered with it."""

    def look(staged: StagedScene, rig: StereoRig, scale: float | None = None) -> Frames:
        images = backend.render(staged, rig, SETTINGS, seed=0)
        return Frames(left_hwc=images.left_hwc, right_hwc=images.right_hwc, seen=images.seen)

    with scratch_folder("probe") as folder:
        rows = tuple(_rows(look, folder, exposes=False))
    return Probe(named=f"{backend.name} {backend.version}", rows=rows)


def _rows(look: Look, folder: Path, *, exposes: bool) -> Iterator[Row]:
    """No two looks in a row have the same right picture: one that comes again is an old frame."""
    dome = stages.dome_stage(folder)
    seen = look(dome, stages.RIG)
    yield factor("radiance of a dome", 1.0, seen.left_hwc[SKY_ROWS, SKY_COLUMNS])
    yield from edges(seen, stages.RIG, "in colour")
    if seen.seen is not None:
        least = float(seen.seen[0].depth_hw[SKY_ROWS, SKY_COLUMNS].min())
        yield Row(name="depth where nothing is", expected=math.inf, measured=least, tolerance=0)
    cards = look(stages.card_stage(folder), stages.RIG).left_hwc[CARD_ROWS]
    yield factor(SUN_ROW, stages.GREY * stages.SUN / math.pi, cards[:, GREY_COLUMNS])
    yield factor(GLOW_ROW, stages.GLOW, cards[:, GLOW_COLUMNS])
    lit = look(stages.lamp_stage(folder), stages.RIG).left_hwc[CARD_ROWS, GREY_COLUMNS]
    there_n3 = card_points(CARD_ROWS, GREY_COLUMNS)
    yield factor(RECT_ROW, stages.GREY / math.pi * rect_irradiance(there_n3), lit[..., 0])
    yield factor(SPHERE_ROW, stages.GREY / math.pi * sphere_irradiance(there_n3), lit[..., 2])
    if exposes:
        darker = look(dome, stages.RIG, scale=DARKER)
        yield factor("a dome exposed by 1/8", 1.0, darker.left_hwc[SKY_ROWS, SKY_COLUMNS])
    yield from _ruler_rows(look, folder, stages.Measures(), "in metres")
    panorama = stages.panorama_stage(folder)
    yield from sky_rows(look(panorama, stages.RIG), panorama)
    yield from _ruler_rows(look, folder, stages.Measures(y_up=True, metres=0.01), "in centimetres, y up")


def _ruler_rows(look: Look, folder: Path, measures: stages.Measures, where: str) -> Iterator[Row]:
    name = "ruler_up" if measures.y_up else "ruler"  # of its own: renderers read a layer of one name once
    ruler = stages.ruler_stage(folder, measures, name)
    yield from depths(look(ruler, stages.RIG), ruler, stages.RIG, f"of a stage {where}")


def _ids(look: Look, folder: Path) -> Row:
    cards = stages.card_stage(folder)
    return things(look(cards, stages.RIG), cards, stages.RIG)


def _lens(look: Look, folder: Path) -> Iterator[Row]:
    ruler = stages.ruler_stage(folder, stages.Measures(), "odd")
    yield from depths(look(ruler, stages.ODD_RIG), ruler, stages.ODD_RIG, "through the OpenCV lens")
    dome = stages.dome_stage(folder)
    yield from edges(look(dome, stages.ODD_RIG), stages.ODD_RIG, "in colour through the OpenCV lens")
