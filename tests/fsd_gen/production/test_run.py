"""A run is what its frozen files say, for ever."""

from __future__ import annotations

import pytest
import yaml

from assets_manifest.library import AssetLibrary
from fsd_gen.config import Config, ConfigError, load_config
from fsd_gen.production.run import RESOLVED_NAME, Run
from fsd_gen.shards.writer import ShardWriter
from jobs.rundir import RunConfigMismatchError
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard


def edit(path, change):
    values = yaml.safe_load(path.read_text())
    change(values)
    path.write_text(yaml.safe_dump(values, sort_keys=False))


def begun(folder, config) -> Run:
    """A run with its first sample stored."""
    run = Run.start(folder, config)
    make_shard(run.shard_path(0), slots=[0])
    return run


def test_an_opened_run_is_the_started_one(tmp_path, small_config):
    started = Run.start(tmp_path, small_config)
    assert Run.open(tmp_path) == started == Run.start(tmp_path, small_config)


def test_going_on_with_a_run_sweeps_what_killed_commands_were_writing_and_no_file_of_others(
    tmp_path, small_config
):
    begun(tmp_path, small_config)
    ours = ("config.yaml", "wanted.yaml", "index/samples.parquet", "status/1.json", "shards/00001.h5")
    others = ("page.html", "preview.png")
    for name in (*ours, *others):
        final = tmp_path / name
        final.parent.mkdir(exist_ok=True)
        final.with_name(f".{final.name}.0123abcd.part").touch()
    Run.start(tmp_path, small_config)
    left = {path.name for path in tmp_path.rglob(".*.part")}
    assert left == {f".{name}.0123abcd.part" for name in others}


def test_going_on_with_a_run_removes_the_part_of_a_finished_shard_and_no_other(tmp_path, small_config):
    run = begun(tmp_path, small_config)
    finished, unfinished = (run.shards / f"{name}.h5.part" for name in ("00000", "00001"))
    for part in (finished, unfinished):
        part.mkdir()
        (part / "0000000-a0.h5").touch()
    Run.start(tmp_path, small_config)
    assert not finished.exists() and (unfinished / "0000000-a0.h5").exists()


def test_the_frozen_config_holds_what_was_given_and_the_resolved_one_everything(tmp_path):
    Run.start(tmp_path, load_config("fsd"))
    given = yaml.safe_load((tmp_path / "config.yaml").read_text())
    resolved = yaml.safe_load((tmp_path / RESOLVED_NAME).read_text())
    assert "max_attempts" not in given and "rig" not in given
    assert resolved["max_attempts"] == 6 and resolved["rig"]["max_disparity_share"] == 0.3


def test_a_new_field_with_a_default_changes_neither_name_nor_shards(
    tmp_path, small_config, library, monkeypatch
):
    run = Run.start(tmp_path, small_config)
    run.bind_assets(library)
    before = run.shard_meta(library)

    class Later(Config):
        """The program of next year."""

        weather: str = "fair"

    monkeypatch.setattr("fsd_gen.config.Config", Later)
    later = Run.open(tmp_path)
    assert later.config.resolved()["weather"] == "fair"
    assert later.shard_meta(library) == before
    assert Run.start(tmp_path, Later.model_validate(small_config.explicit())).known_as == run.known_as


def test_a_default_that_changed_is_noticed(tmp_path):
    Run.start(tmp_path, load_config("fsd"))
    edit(tmp_path / RESOLVED_NAME, lambda values: values["rig"].update(max_disparity_share=0.25))
    with pytest.raises(ConfigError, match="defaults have changed .*rig.max_disparity_share: 0.25 -> 0.3"):
        Run.open(tmp_path)


def test_a_frozen_config_that_was_edited_is_refused(tmp_path, small_config):
    Run.start(tmp_path, small_config)
    edit(tmp_path / "config.yaml", lambda values: values.update(seed=9))
    edited = "config.yaml: was changed .*: seed is 9 there, the run was begun with 0. Undo"
    with pytest.raises(ConfigError, match=edited):
        Run.open(tmp_path)


def test_the_section_of_curation_may_be_edited_in_the_run(tmp_path, small_config):
    run = Run.start(tmp_path, small_config)
    edit(tmp_path / "config.yaml", lambda values: values["curation"].update(steps_first=7))
    assert Run.open(tmp_path).known_as == run.known_as
    again = load_config(str(tmp_path / "config.yaml"))
    assert Run.start(tmp_path, again).config.curation["steps_first"] == 7


def test_another_section_of_curation_is_refused_with_what_differs(tmp_path, small_config):
    begun(tmp_path, small_config)
    steps = small_config.curation["steps_first"]
    other = small_config.model_copy(update={"curation": {**small_config.curation, "steps_first": 7}})
    differs = f"curation.steps_first is {steps} in the folder, 7 in yours"
    with pytest.raises(RunConfigMismatchError, match=differs):
        Run.start(tmp_path, other)
    silent = small_config.model_copy(update={"curation": {}})
    assert Run.start(tmp_path, silent).config.curation == small_config.curation


def test_another_configuration_is_refused_with_what_differs(tmp_path, small_config):
    begun(tmp_path, small_config)
    with pytest.raises(RunConfigMismatchError, match="seed is 0 in the folder, 99 in yours") as caught:
        Run.start(tmp_path, small_config.model_copy(update={"seed": 99}))
    assert "\n" not in str(caught.value) and f"--config {tmp_path / 'config.yaml'}" in str(caught.value)


def test_a_folder_belongs_to_a_configuration_from_its_first_sample_on(tmp_path, small_config, library):
    first = Run.start(tmp_path, small_config)
    first.bind_assets(library)
    corrected = small_config.model_copy(update={"seed": 99})
    assert Run.start(tmp_path, corrected).config.seed == 99 == Run.open(tmp_path).config.seed
    assert not (tmp_path / "assets.yaml").exists()
    make_shard(first.shard_path(0), slots=[0])
    with pytest.raises(RunConfigMismatchError, match="seed is 99 in the folder, 0 in yours"):
        Run.start(tmp_path, small_config)


@pytest.mark.parametrize("bound", [False, True])
def test_a_sample_of_an_unfinished_shard_binds_the_folder_and_a_given_up_slot_does_not(
    tmp_path, small_config, bound
):
    run = Run.start(tmp_path, small_config)
    writer = ShardWriter(run.shard_path(0), [0, 1], make_meta())
    writer.quarantine(0, [["sky"]])
    if not bound:
        assert Run.start(tmp_path, small_config.model_copy(update={"seed": 99})).config.seed == 99
        assert [path.name for path in (tmp_path / "set_aside").iterdir()] == ["00000.h5.part"]
        return
    writer.add(make_sample(1))
    with pytest.raises(RunConfigMismatchError, match="seed is 0 in the folder, 99 in yours"):
        Run.start(tmp_path, small_config.model_copy(update={"seed": 99}))


def test_a_run_whose_every_slot_was_given_up_is_free_and_what_it_left_is_kept(tmp_path, small_config):
    run = Run.start(tmp_path, small_config)
    for _ in range(2):
        writer = ShardWriter(run.shard_path(0), [0], make_meta())
        writer.quarantine(0, [["sky"]])
        writer.finish()
        run = Run.start(tmp_path, run.config.model_copy(update={"seed": run.config.seed + 1}))
    assert sorted(path.name for path in (tmp_path / "set_aside").iterdir()) == ["00000.h5", "00000.h5.1"]
    assert not run.shard_path(0).exists()


def test_a_config_that_the_user_keeps_in_the_folder_is_not_overwritten(tmp_path, small_config):
    (tmp_path / "config.yaml").write_text("# mine\nseed: 3\n")
    with pytest.raises(ConfigError, match="config.yaml: is there already and was not written by a run"):
        Run.start(tmp_path, small_config)
    assert (tmp_path / "config.yaml").read_text() == "# mine\nseed: 3\n"


def test_other_packs_are_welcome_as_long_as_no_sample_was_made_of_the_first(tmp_path, small_config, library):
    run = Run.start(tmp_path, small_config)
    run.bind_assets(AssetLibrary(()))
    run.bind_assets(library)
    assert "builtin" in (tmp_path / "assets.yaml").read_text()
    make_shard(run.shard_path(0), slots=[0])
    with pytest.raises(ConfigError, match="builtin is missing here"):
        run.bind_assets(AssetLibrary(()))


def test_a_default_spelled_out_is_the_same_configuration(tmp_path, small_config):
    run = Run.start(tmp_path, small_config)
    spelled = small_config.model_copy(update={"max_attempts": small_config.max_attempts})
    assert spelled.digest() != small_config.digest()
    assert Run.start(tmp_path, spelled).known_as == run.known_as


def test_a_kill_before_the_digest_was_written_leaves_a_run_that_can_be_started(tmp_path, small_config):
    run = Run.start(tmp_path, small_config)
    (tmp_path / "config.sha256").unlink()
    assert Run.start(tmp_path, small_config) == run
    (tmp_path / "config.sha256").unlink()
    assert Run.start(tmp_path, small_config.model_copy(update={"seed": 5})).config.seed == 5


def test_no_run_in_a_folder_is_said_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(ConfigError, match="no run here .*fsd-gen render --out"):
        Run.open(tmp_path)


def test_shards_say_what_they_are_made_of(tmp_path, small_config, library):
    run = Run.start(tmp_path, small_config)
    with pytest.raises(ConfigError, match="assets.yaml: missing"):
        run.shard_meta(library)
    run.bind_assets(library)
    meta = run.shard_meta(library)
    (pack,) = library.identities()
    assert meta.config_digest == small_config.digest()
    assert yaml.safe_load(meta.assets_json) == {"builtin": {"digest": pack.digest, "version": pack.version}}
    with pytest.raises(ConfigError, match="builtin is missing here"):
        run.shard_meta(AssetLibrary(()))


@pytest.mark.parametrize("name", ["config.yaml", "config.sha256", RESOLVED_NAME])
def test_a_frozen_file_that_is_no_text_is_one_line(tmp_path, small_config, name):
    Run.start(tmp_path, small_config)
    (tmp_path / name).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=f"{name}: (not a text file|is damaged)"):
        Run.open(tmp_path)


def test_a_config_that_is_refused_leaves_the_frozen_files_alone(tmp_path, small_config):
    begun(tmp_path, small_config)
    (tmp_path / "config.sha256").unlink()  # as after a crash between the two files
    before = (tmp_path / RESOLVED_NAME).read_bytes()
    with pytest.raises(RunConfigMismatchError, match="seed"):
        Run.start(tmp_path, small_config.model_copy(update={"seed": 7}))
    assert (tmp_path / RESOLVED_NAME).read_bytes() == before
