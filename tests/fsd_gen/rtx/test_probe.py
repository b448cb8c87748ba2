"""A renderer that is right passes the probe; each fault is refused with what was measured."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fsd_gen.backends.base import BackendError
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.child.contract import Hello
from fsd_gen.rtx.child.versions import LEGACY, OPENUSD, OVRTX, REPLICATOR
from fsd_gen.rtx.probe import Probe, probe
from fsd_gen.rtx.targets import Target, target_of
from tests.fsd_gen.rtx.plain import PlainRenderer, Wrongness

SLOW = pytest.mark.slow  # much like a case of the fast suite
NEW = Target(engine="replicator", version="6.0.1", row=REPLICATOR["6.0.1"])
BARE = replace(NEW, row=replace(NEW.row, opencv_lens=False))  # there is less to measure
OLD = Target(engine="replicator", version="5.1.0", row=REPLICATOR["5.1"])


def probed(wrong: Wrongness, target: Target = NEW) -> Probe:
    return probe(target, PlainRenderer(wrong=wrong))


@pytest.mark.parametrize(
    "target",
    [pytest.param(NEW, marks=SLOW), OLD, Target(engine="ovrtx", version="0.5.1", row=OVRTX["0.5.1"])],
    ids=lambda target: target.named,
)
def test_a_renderer_that_does_what_its_version_does_passes(target):
    found = probed(Wrongness(lux=target.row.lux), target)
    rows = (*found.rows, *found.lens_rows, *found.id_rows)
    assert [row.said for row in rows if not row.right] == []
    assert found.lens and found.ids
    found.refuse()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param(
            Wrongness(colour=8.8e-4), "radiance of a dome: expected 1, measured 0.00088", marks=SLOW
        ),
        pytest.param(Wrongness(colour=1.03), "radiance of a dome: expected 1, measured 1.03", marks=SLOW),
        pytest.param(Wrongness(exposes=False), "a dome exposed by 1/8: expected 1, measured 8", marks=SLOW),
        (Wrongness(sun=3.14159265), "a grey card in the sun: expected 0.5, measured 1.571"),
        (Wrongness(rect=0.5), "a grey card by a rectangular lamp: expected 0.4011, measured 0.2"),
        (Wrongness(sphere=3.14159265), "a grey card by a spherical lamp: expected 0.2504, measured 0.7866"),
        pytest.param(Wrongness(glow=0.0), "a card that glows: expected 2, measured 0", marks=SLOW),
        pytest.param(
            Wrongness(dome_z_deg=90), "turn of a panorama: expected 0 degrees, measured ", marks=SLOW
        ),
        pytest.param(
            Wrongness(dome_z_deg=3), "turn of a panorama: expected 0 degrees, measured ", marks=SLOW
        ),
        (Wrongness(mirrored=True), "turn of a panorama: expected 0 degrees, measured 180"),
        pytest.param(Wrongness(image=0.25), "radiance of a panorama: expected 1, measured 0.25", marks=SLOW),
        (Wrongness(depth=100), "depth of a stage in metres: expected 1, measured 100"),
        pytest.param(
            Wrongness(metres=False),
            "depth of a stage in centimetres, y up: expected 1, measured 100",
            marks=SLOW,
        ),
        (Wrongness(rays=True), "depth of a stage in metres, aside against ahead: expected 1, measured 1."),
        pytest.param(Wrongness(miss=0.0), "depth where nothing is: expected inf, measured 0", marks=SLOW),
        (Wrongness(shift_px=(0.5, 0)), "u of the pixels' centres of a stage in metres, left eye"),
        pytest.param(
            Wrongness(shift_px=(0, -0.5)),
            "v of the pixels' centres of a stage in metres, left eye",
            marks=SLOW,
        ),
        (Wrongness(swapped=True), "both eyes got the same frame"),
    ],
)
def test_a_fault_is_refused_with_what_was_measured(wrong, said):
    with pytest.raises((BackendUnavailableError, BackendError), match=re.escape(said)):
        probed(wrong, BARE).refuse()


def test_the_table_takes_back_what_old_lights_do_differently():
    with pytest.raises(BackendUnavailableError) as refusal:
        probed(Wrongness(lux=LEGACY), BARE).refuse()
    assert "a grey card in the sun: expected 0.5, measured 1.571" in str(refusal.value)
    assert "turn of a panorama: expected 0 degrees, measured 90" in str(refusal.value)
    with pytest.raises(BackendUnavailableError, match="a grey card in the sun: expected 0.5, measured 0.159"):
        probed(Wrongness(lux=OPENUSD), OLD).refuse()


@SLOW
def test_factors_of_light_are_taken_back_by_the_switch_that_the_refusal_names():
    wrong = Wrongness(sun=2.0, glow=0.25)
    with pytest.raises(BackendUnavailableError, match=r"set FSD_RTX_LUX=distant=2,glow=0\.25$"):
        probed(wrong, BARE).refuse()
    hello = Hello(engine="replicator", version="6.0.1", python="", gpu="", pid=1)
    probed(wrong, target_of(hello, {"FSD_RTX_LUX": "distant=2,glow=0.25"})).refuse()
    with pytest.raises(BackendUnavailableError) as refusal:
        probed(Wrongness(sun=2.0, depth=2.0), BARE).refuse()
    assert "FSD_RTX_LUX" not in str(refusal.value)


@pytest.mark.parametrize(("ids", "measured"), [("mixed", "1"), ("none", "nan")])
def test_ids_that_are_wrong_are_not_asked_for_and_refuse_nothing(ids, measured):
    found = probed(Wrongness(ids=ids), BARE)
    found.refuse()
    assert not found.ids
    assert found.id_rows[0].said.startswith("share of pixels that name another thing: expected 0, measured ")
    assert found.id_rows[0].said.endswith(measured)


def test_a_switch_keeps_ids_from_being_asked_for():
    hello = Hello(engine="ovrtx", version="0.5.1", python="", gpu="", pid=1)
    assert target_of(hello, {}).ids
    found = probed(Wrongness(), target_of(hello, {"FSD_RTX_IDS": "0"}))
    assert found.id_rows == () and not found.ids
    with pytest.raises(BackendUnavailableError, match="FSD_RTX_IDS=no: expected 0 or 1"):
        target_of(hello, {"FSD_RTX_IDS": "no"})


@SLOW
def test_factors_of_lamps_are_taken_back_by_the_switch_that_the_refusal_names():
    wrong = Wrongness(rect=0.5, sphere=3.0)
    with pytest.raises(BackendUnavailableError) as refusal:
        probed(wrong, BARE).refuse()
    switch = re.search(r"set FSD_RTX_LUX=(\S+)$", str(refusal.value)).group(1)
    assert switch.startswith("distant=1,glow=1,rect=0.")
    hello = Hello(engine="replicator", version="6.0.1", python="", gpu="", pid=1)
    probed(wrong, target_of(hello, {"FSD_RTX_LUX": switch})).refuse()


@pytest.mark.parametrize("text", ["sun=2", "distant", "distant=0", "glow=nan", "distant=2;glow=1"])
def test_another_word_in_the_switch_is_refused(text):
    hello = Hello(engine="replicator", version="6.0.1", python="", gpu="", pid=1)
    with pytest.raises(
        BackendUnavailableError,
        match="expected numbers of distant, glow, rect, sphere, dome_x_deg|must be positive",
    ):
        target_of(hello, {"FSD_RTX_LUX": text})


def test_a_wrong_lens_is_only_refused_to_rigs_that_need_it():
    found = probed(Wrongness(lens_px=0.5))
    found.refuse()
    assert not found.lens
    wrong = [row for row in found.lens_rows if not row.right]
    assert {row.name.split(" of ")[0] for row in wrong} == {"u"}
    assert [abs(row.measured) for row in wrong] == pytest.approx(
        [0.5] * 4, abs=0.05
    )  # by depth and by colour


@pytest.mark.parametrize("target", [NEW, BARE], ids=["with a lens", "without"])
def test_no_two_looks_in_a_row_show_the_same(target):
    seen: list[bytes] = []

    def render(job):
        views = PlainRenderer()(job)
        seen.append(b"".join(view.colour_hwc.tobytes() for view in views))
        return views

    probe(target, render).refuse()
    assert all(one != other for one, other in zip(seen, seen[1:], strict=False))
