"""Which versions are used, and what is said of the others."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.child import versions
from fsd_gen.rtx.child.contract import Hello
from fsd_gen.rtx.child.versions import (
    KEYS_5_0,
    OVRTX,
    REPLICATOR,
    VersionRefusedError,
    ovrtx_version,
    replicator_version,
)
from fsd_gen.rtx.targets import target_of

L40S, A100 = "NVIDIA L40S", "NVIDIA A100-SXM4-80GB"


@pytest.mark.parametrize(
    ("version", "row"),
    [
        ("5.0.0", "5.0"),
        ("5.1.0-rc.19+release.2", "5.1"),
        ("6.0.0.0", "6.0.0"),
        ("6.0.1", "6.0.1"),
        ("6.2.0", "6.2"),
    ],
)
def test_a_version_of_isaac_sim_finds_its_row(version, row):
    assert replicator_version(version) is REPLICATOR[row]


@pytest.mark.parametrize(
    ("version", "gpu", "row"),
    [
        ("0.5.1.385782", L40S, "0.5.1"),
        ("0.5.1.385782", "NVIDIA RTX A1000", "0.5.1"),
        ("0.6.0.1791947691", L40S, "0.6"),
        ("0.7.0", "", "0.7"),
        ("0.4.1.364340", A100, "0.4.1"),
    ],
)
def test_a_version_of_ovrtx_finds_its_row(version, gpu, row):
    assert ovrtx_version(version, gpu=gpu) is OVRTX[row]


@pytest.mark.parametrize(
    ("version", "gpu", "what"),
    [
        ("0.3.0.312915", L40S, "crashes when a renderer is made anew"),
        ("0.4.1", L40S, "used on A100 and A800 alone; install 0.5.1 or newer"),
        ("0.5.0", L40S, "hangs while it loads"),
        ("0.5.1", A100, "cannot be started on an A100, which lacks VK_KHR_ray_query; install 0.4.1"),
        ("0.8.0", L40S, "ovrtx 0.8.0 is not known here, only 0.3, 0.4.0"),
    ],
)
def test_a_refusal_says_why_and_names_the_switch(version, gpu, what):
    with pytest.raises(VersionRefusedError, match=re.escape(what)) as refusal:
        ovrtx_version(version, gpu=gpu)
    assert "FSD_OVRTX_ASSUME=" in str(refusal.value)


@pytest.mark.parametrize("version", ["6.1.0", "4.5.0", "7.0", "50.1", "", "latest"])
def test_an_unknown_isaac_sim_is_refused(version):
    with pytest.raises(VersionRefusedError, match=r"FSD_ISAAC_ASSUME=6\.2"):
        replicator_version(version)


def test_the_switch_takes_a_version_for_a_known_one():
    hello = Hello(engine="replicator", version="6.1.0", python="3.12", gpu="", pid=1)
    target = target_of(hello, {"FSD_ISAAC_ASSUME": "6.0.1"})
    assert (target.version, target.row.name) == ("6.1.0", "6.0.1")
    with pytest.raises(BackendUnavailableError, match="FSD_ISAAC_ASSUME=6.1: expected one of the known"):
        target_of(hello, {"FSD_ISAAC_ASSUME": "6.1"})
    assert ovrtx_version("0.4.1", gpu=L40S, assume="0.4.1") is OVRTX["0.4.1"]


def test_the_table_needs_nothing_but_the_standard_library():
    tree = ast.parse(Path(versions.__file__).read_text())
    names = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names <= {*sys.stdlib_module_names, "__future__"}


def test_what_later_versions_brought_is_not_asked_of_earlier_ones():
    assert REPLICATOR["5.0"].close_arguments == ("wait_for_replicator",)
    assert "exit_code" not in REPLICATOR["5.1"].close_arguments
    assert [row.name for row in REPLICATOR.values() if row.sync_loads] == ["6.0.1", "6.2"]
    assert (
        "enable_motion_bvh" not in KEYS_5_0 and "shutdown_watchdog_timeout" in REPLICATOR["6.0.1"].config_keys
    )
    assert [row.lux.version for row in REPLICATOR.values()] == [2411, 2411, 2505, 2505, 2505]
    assert {row.render_var_key for name, row in OVRTX.items() if name < "0.5"} == {"source"}
