"""A buffer is a picture, or it is said why not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fsd_gen.rtx.child.buffers import Refusal, digest_of, paths_of, picture
from fsd_gen.rtx.child.contract import COLOUR, DEPTH, IDS, NORMALS, View

COLOURS = np.linspace(0.5, 1, 2 * 4 * 4, dtype=np.float16).reshape(2, 4, 4)


@pytest.mark.parametrize(
    ("raw", "channel", "code", "message"),
    [
        (None, COLOUR, "empty", "None"),
        (np.array([]), COLOUR, "empty", r"\(0,\)"),
        (np.zeros((0, 0, 4)), COLOUR, "empty", r"\(0, 0, 4\)"),
        (COLOURS[:, :3], COLOUR, "flat", r"\(2, 3, 4\) for 4 x 2"),
        (COLOURS.transpose(1, 0, 2), COLOUR, "flat", r"\(4, 2, 4\)"),
        (COLOURS.ravel()[1:], COLOUR, "flat", r"\(31,\)"),
        (np.ones((2, 4, 4), np.uint8), COLOUR, "flat", "dtype uint8, expected float16 or float32"),
        (np.zeros((2, 4, 4), np.float16), COLOUR, "black", "every pixel is 0"),
        (np.ones((2, 4), np.float16), DEPTH, "flat", "dtype float16, expected float32"),
        (np.ones((2, 4, 4), np.uint8), IDS, "flat", "dtype uint8"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(raw, channel, code, message):
    found = picture(raw, channel, 4, 2)
    assert isinstance(found, Refusal) and found.code == code
    assert re.search(message, found.message)


@pytest.mark.parametrize("raw", [COLOURS, COLOURS.ravel(), COLOURS.astype(np.float32), COLOURS[..., :3]])
def test_colour_is_three_channels_of_single_precision(raw):
    found = picture(raw, COLOUR, 4, 2)
    assert found.dtype == np.float32 and np.array_equal(found, COLOURS[..., :3].astype(np.float32))


def test_alpha_alone_is_black():
    raw = np.zeros((2, 4, 4), np.float16)
    raw[..., 3] = 1
    assert picture(raw, COLOUR, 4, 2).code == "black"


def test_what_no_ray_hits_is_at_infinity_whatever_the_renderer_says():
    raw = np.array([[1.0, 0.0, np.inf, np.nan], [-1.0, 2.0, -np.inf, 3.0]], np.float32)[..., None]
    inf = np.inf
    assert picture(raw, DEPTH, 4, 2).tolist() == [[1, inf, inf, inf], [inf, 2, inf, 3]]


def test_ids_that_arrive_signed_keep_their_bits():
    raw = np.full((2, 4), -1, np.int32)
    assert picture(raw, IDS, 4, 2).tolist() == [[2**32 - 1] * 4] * 2


def test_a_picture_does_not_share_the_renderers_memory():
    raw = np.ones((2, 4, 4), np.float32)
    found = picture(raw, NORMALS, 4, 2)
    raw[...] = 7
    assert (found == 1).all()


def test_labels_are_prim_paths_by_number():
    labels = {"0": "INVALID", 1: "/World/Wall", "2": "/World/Chair/Seat", 3: "BACKGROUND"}
    assert paths_of(labels) == {1: "/World/Wall", 2: "/World/Chair/Seat"}
    assert paths_of(None) == {}


def test_the_colours_of_every_view_count_in_the_digest():
    view = View(eye="left", colour_hwc=np.ones((2, 4, 3), np.float32))
    other = View(eye="left", colour_hwc=np.full((2, 4, 3), 2, np.float32))
    assert digest_of((view, view)) == digest_of((view, view)) != digest_of((view, other))
