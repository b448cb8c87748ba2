from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rundir import (
    DigestError,
    RunConfigMismatchError,
    config_differences,
    freeze_config,
)

trees = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -1.5, "", "x", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
configs = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


def test_a_config_is_frozen_once_and_the_same_one_is_welcome_again(tmp_path):
    assert freeze_config(tmp_path, "seed: 1\n", "a" * 64) is True
    assert freeze_config(tmp_path, "seed: 1  # same\n", "a" * 64) is False
    assert (tmp_path / "config.yaml").read_text() == "seed: 1\n"
    assert (tmp_path / "config.sha256").read_text() == "a" * 64 + "\n"


def test_another_config_is_refused_with_what_differs(tmp_path):
    freeze_config(tmp_path, "seed: 1\nrig: {width: 640, height: 480}\nold: x\n", "a" * 64)
    with pytest.raises(RunConfigMismatchError) as caught:
        freeze_config(tmp_path, "seed: 1\nrig: {width: 1280, height: 480}\nnew: [3]\n", "b" * 64)
    assert str(caught.value).partition(": ")[2].partition(". ")[0] == (
        "new[0] is (absent) in the folder, 3 in yours; old is 'x' in the folder, (absent) in yours; "
        "rig.width is 640 in the folder, 1280 in yours"
    )
    assert "\n" not in str(caught.value)
    assert (tmp_path / "config.sha256").read_text() == "a" * 64 + "\n"


def test_another_digest_of_the_same_text_is_refused_too(tmp_path):
    freeze_config(tmp_path, "seed: 1\n", "a" * 64)
    with pytest.raises(RunConfigMismatchError, match="the defaults or the version behind it do"):
        freeze_config(tmp_path, "seed: 1\n", "b" * 64)


def test_a_crash_between_the_two_files_is_repaired_by_the_same_config_only(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(RunConfigMismatchError, match="seed is 1 in the folder, 2 in yours"):
        freeze_config(tmp_path, "seed: 2\n", "b" * 64)
    assert freeze_config(tmp_path, "seed: 1\n", "a" * 64) is True


@given(configs, configs)
def test_there_are_no_differences_exactly_when_the_configs_print_alike(old, new):
    assert (config_differences(old, new) == []) == (repr_sorted(old) == repr_sorted(new))


def repr_sorted(value: object) -> str:
    """`repr` that does not depend on the order of keys, and tells 1 from True."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {repr_sorted(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(repr_sorted, value)) + "]"
    return repr(value)


def test_a_damaged_digest_is_told_from_one_of_another_configuration(tmp_path):
    freeze_config(tmp_path, "seed: 1\n", "a" * 64)
    for damaged in ("zz", "", "a" * 63, "\x00" * 5000):
        (tmp_path / "config.sha256").write_text(damaged)
        with pytest.raises(DigestError, match=r"config.sha256: is damaged: .* remove it, and the command"):
            freeze_config(tmp_path, "seed: 1\n", "a" * 64)
