"""Settings: validated in one line, digested, and compared field by field."""

from __future__ import annotations

import pytest

from curation.config import (
    CurationConfig,
    CurationConfigError,
    Policy,
    check_section,
    differences,
    load_config,
    parse_config,
)


def test_settings_come_from_the_curation_section_of_the_run(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 7\ncuration: {folds: 3, policy: {threshold: 0.5}}\n")
    config = load_config(tmp_path)
    assert (config.folds, config.policy.threshold, config.seed) == (3, 0.5, 0)


def test_a_run_without_a_curation_section_has_the_defaults(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 7\n")
    assert load_config(tmp_path) == CurationConfig()


@pytest.mark.parametrize("text", ["folds: 3\n", "curation: {folds: 3}\n"])
def test_a_file_of_its_own_may_hold_the_settings_with_or_without_the_section(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    assert load_config(tmp_path, tmp_path / "mine.yaml").folds == 3


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("curation: {fold: 3}", "fold: unknown setting; did you mean 'folds'?"),
        ("curation: {policy: {treshold: 1}}", "policy.treshold: unknown setting; did you mean 'threshold'?"),
        ("curation: {zzz: 1}", "zzz: unknown setting; known: seed, folds"),
        ("curation: {folds: 1}", "folds: "),
        ("curation: {crop: [100, 320]}", "multiples of 32"),
        ("curation: {policy: {threshold: .nan}}", "policy.threshold"),
        ("curation: {policy: {threshold: 60}}", "policy.threshold"),
        ("curation: [1]", "expected a mapping"),
        ("[1, 2]", "expected a mapping"),
        ("curation: {folds: [", "not valid YAML"),
        ("curation:\n  batch: 1\n  batch: 2", "'batch' is given twice, in lines 2 and 3"),
    ],
)
def test_bad_settings_are_refused_in_one_line_that_names_file_and_field(tmp_path, text, named):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(CurationConfigError, match="config.yaml") as error:
        load_config(tmp_path)
    assert named in str(error.value) and "\n" not in str(error.value)


def test_a_section_is_checked_alone_and_all_its_problems_are_named():
    check_section({"folds": 3, "policy": {"rules": ["bp2"]}})
    with pytest.raises(CurationConfigError) as error:
        check_section({"fold": 3, "lr": -1, "policy": {"rules": ["bp3"]}})
    assert all(name in str(error.value) for name in ("fold: unknown", "lr: ", "policy.rules: unknown rule"))


def test_a_directory_without_a_config_is_no_run(tmp_path):
    with pytest.raises(CurationConfigError, match="no such file"):
        load_config(tmp_path)


def test_differences_name_each_field_with_both_values():
    old, new = CurationConfig(folds=2), CurationConfig(folds=3, policy=Policy(threshold=0.5))
    assert differences(old, new) == ("folds: 2 -> 3", "policy.threshold: 0.6 -> 0.5")
    assert differences(old, old) == ()


def test_equal_settings_have_equal_digests_and_other_settings_another():
    assert parse_config({"folds": 3}, source="x").digest() == CurationConfig(folds=3).digest()
    assert CurationConfig(folds=3).digest() != CurationConfig(folds=2).digest()


def test_the_first_round_trains_longer_than_the_next():
    config = CurationConfig(steps_first=10, steps_next=3)
    assert [config.steps(n) for n in (1, 2, 3)] == [10, 3, 3]
