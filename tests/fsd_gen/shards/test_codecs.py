"""Every codec gives back what it was given, whatever the size of the image and of its last tile."""

import h5py
import numpy as np
import pytest

from fsd_gen.shards.codecs import BANDS, CODECS, COLOUR, SMOOTH
from fsd_gen.shards.sample import quantise

SIZES = ((1, 1), (2, 3), (3, 3), (7, 161), (80, 160), (81, 330), (100, 640))


def pictures(kind: str, height: int, width: int) -> list[np.ndarray]:
    """Noise, one value, and a slope with an edge."""
    rng = np.random.default_rng(height * width)
    slope = np.add.outer(np.arange(height), np.arange(width) / 7.0)
    slope[:, width // 2 :] += 400
    drawn = [rng.uniform(0, 500, slope.shape), np.full_like(slope, 255.0), slope]
    if kind == SMOOTH:
        return [quantise(one) for one in drawn]
    return [np.repeat(one[..., None].astype(np.uint8), 3, axis=2) ^ np.uint8([0, 1, 9]) for one in drawn]


@pytest.mark.parametrize("codec", [BANDS, COLOUR, SMOOTH])
def test_a_codec_loses_nothing_and_gives_the_same_bytes_again(codec):
    coding = CODECS[codec]
    for height, width in SIZES:
        images = np.stack(pictures(codec, height, width))
        chunks = (1, *coding.tile(height, width), *images.shape[3:])
        stored = []
        for name in ("one", "two"):
            with h5py.File(name, "w", driver="core", backing_store=False, rdcc_nbytes=0) as file:
                file.create_dataset("x", data=images, chunks=chunks, fletcher32=True, **coding.arguments)
                np.testing.assert_array_equal(file["x"][:], images)
                declared = file["x"].id.get_create_plist()
                found = tuple(declared.get_filter(index)[0] for index in range(declared.get_nfilters()))
                assert found == coding.filters
                stored.append(file["x"].id.read_direct_chunk((0,) * images.ndim))
        assert stored[0] == stored[1]


def test_tiles_take_less_room_than_bands_for_what_they_are_made_for():
    """A smooth wall in coloured light, and the slope of its disparity."""
    rng = np.random.default_rng(0)
    u_hw, v_hw = np.meshgrid(np.arange(320), np.arange(160))
    light = [100 + 60 * np.sin(u_hw / 41 + phase) + v_hw / 3 for phase in (0, 1, 2)]
    wall = (np.stack(light, 2) + rng.normal(0, 1, (160, 320, 3))).astype(np.uint8)
    for codec, image in ((COLOUR, wall), (SMOOTH, _plane())):
        assert _stored_bytes(codec, image) < 0.8 * _stored_bytes(BANDS, image)


def _plane() -> np.ndarray:
    return quantise(np.add.outer(np.arange(160) / 9.1, np.arange(320) / 7.3) + 20)


def _stored_bytes(codec: str, image: np.ndarray) -> int:
    chunks = (*CODECS[codec].tile(*image.shape[:2]), *image.shape[2:])
    with h5py.File("memory", "w", driver="core", backing_store=False, rdcc_nbytes=0) as file:
        stored = file.create_dataset("x", data=image, chunks=chunks, **CODECS[codec].arguments)
        size: int = stored.id.get_storage_size()
        return size
