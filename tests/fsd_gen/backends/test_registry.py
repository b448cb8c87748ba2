"""Backends are found, not listed: a folder of the package or an entry point is all it takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fsd_gen.backends.plugin import BackendPlugin, BackendUnavailableError
from fsd_gen.backends.registry import backend_names, create_backend, offered_backends
from fsd_gen.config import ConfigError, load_config


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, *names: str) -> None:
    """A package `tracer` beside ours whose entry points are called `names`."""
    points = "".join(f"{name} = tracer:BACKEND\n" for name in names)
    info = folder / "tracer-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tracer\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[fsd_gen.backends]\n{points}")
    (folder / "tracer.py").write_text(module)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "tracer", raising=False)


PLUGIN = "from fsd_gen.backends.plugin import BackendPlugin\n"


def test_an_installed_package_adds_a_backend_by_an_entry_point_alone(tmp_path, monkeypatch):
    install(
        tmp_path,
        monkeypatch,
        PLUGIN + "BACKEND = BackendPlugin(create=lambda threads: ('made', threads))",
        "tracer",
    )
    assert {"mitsuba", "tracer"} <= set(offered_backends())
    assert create_backend("tracer", threads=3) == ("made", 3)
    assert load_config("demo", {"render.backend": "tracer"}).render.backend == "tracer"


def test_a_backend_whose_library_is_missing_is_known_but_not_offered_and_says_why(tmp_path, monkeypatch):
    module = PLUGIN + (
        "BACKEND = BackendPlugin(create=print, libraries=('no_such_lib', 'json'), "
        "install='pip install tracer[gpu]')"
    )
    install(tmp_path, monkeypatch, module, "tracer")
    assert "tracer" in backend_names() and "tracer" not in offered_backends()
    with pytest.raises(
        BackendUnavailableError,
        match=r"'tracer' cannot run here: no_such_lib not installed; pip install tracer\[gpu\]",
    ):
        create_backend("tracer")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("import no_such_lib", "backend 'tracer' cannot be loaded: No module named 'no_such_lib'"),
        ("", "backend 'tracer' cannot be loaded: module 'tracer' has no attribute 'BACKEND'"),
        ("1 / 0", "backend 'tracer' cannot be loaded: division by zero"),
        ("raise RuntimeError", "backend 'tracer' cannot be loaded: RuntimeError"),
        ("BACKEND = 7", "backend 'tracer': expected a BackendPlugin, got int"),
    ],
)
def test_a_broken_entry_point_is_one_clear_line_and_hides_no_other_backend(
    tmp_path, monkeypatch, module, message
):
    install(tmp_path, monkeypatch, module, "tracer")
    assert "mitsuba" in offered_backends()
    with pytest.raises(BackendUnavailableError, match=message):
        create_backend("tracer")


def test_a_second_backend_of_the_same_name_is_refused(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, PLUGIN + "BACKEND = BackendPlugin(create=print)", "mitsuba")
    with pytest.raises(BackendUnavailableError, match="'mitsuba' is offered more than once"):
        create_backend("mitsuba")


def test_an_unknown_backend_is_told_the_nearest_and_all_known_ones():
    with pytest.raises(
        BackendUnavailableError, match=r"known here \(.*mitsuba.*\), got 'mitsua'; did you mean 'mits"
    ):
        create_backend("mitsua")


def test_a_config_with_an_unknown_backend_is_refused_before_anything_is_made():
    with pytest.raises(
        ConfigError, match=r"render.backend: expected a backend known here .*got 'mitsua'; did you"
    ):
        load_config("demo", {"render.backend": "mitsua"})


def test_every_folder_of_backends_is_a_backend():
    from fsd_gen.backends import mitsuba

    assert isinstance(mitsuba.BACKEND, BackendPlugin)
    assert "mitsuba" in backend_names()
