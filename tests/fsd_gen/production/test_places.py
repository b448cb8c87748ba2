"""A run in a store is the run that a folder would hold."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import time
from functools import partial
from types import SimpleNamespace

import pytest
from torch.utils.data import DataLoader
from typer.testing import CliRunner

from curation.cli.commands import app as curate
from fsd_gen.cli import app
from fsd_gen.config import Config, load_config
from fsd_gen.preview import contact_sheet_of_shards
from fsd_gen.production import worker
from fsd_gen.production.attempt import Attempt
from fsd_gen.production.membership import refuse_foreign
from fsd_gen.production.places import at_work_in
from fsd_gen.production.render import render_shards
from fsd_gen.production.requests import RenderReport, requests_for, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.survey import shown_shards, survey
from fsd_gen.shards import entry
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.find import find_samples, load_sample
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import manifest_digest, refresh_index
from fsd_gen.shards.reader import ShardReader
from jobs.config import FarmConfig
from jobs.locks import RunLockedError
from jobs.store.base import StoreUnavailableError, UnknownStoreError
from jobs.store.bases import as_urls
from jobs.store.cache import held, placeholder_at
from jobs.store.lease import StoreLock
from jobs.store.mirror import Mirror, local_place
from jobs.store.urls import parse
from stereo_model import open_dataset
from tests.clouds import SLOW_IN_OTHERS
from tests.conftest import SPARSE
from tests.fsd_gen.synthetic import make_sample
from tests.objects import tried_again_at_once

RUNNER = CliRunner()


def render(place, config, shards: int = 2, workers: int = 0) -> RenderReport:
    with at_work_in(place) as folder:
        run = Run.start(folder, config)
        farm = FarmConfig(workers=workers, cpus_per_worker=1, max_retries=0)
        report = render_shards(folder, requests_for(run, shards), farm=farm, on_event=lambda event: None)
        refresh_index(folder)
    return report


@pytest.fixture(scope="module")
def config() -> Config:
    """Two small samples a shard."""
    return load_config(str(SPARSE), {"image.width": 96, "image.height": 64})


@pytest.fixture
def drawn(monkeypatch) -> list[int]:
    """In place of a renderer, samples with a known truth; the slots that were drawn."""
    slots: list[int] = []

    def attempts(key, config, library, backend):
        slots.append(key.slot)
        image = config.image
        sample = make_sample(key.slot, seed=config.seed, width=image.width, height=image.height)
        yield Attempt(key=key, sample=sample, defects=())

    library = SimpleNamespace(identities=lambda: ())
    monkeypatch.setattr("fsd_gen.production.render.open_chosen", lambda config, used: library)
    monkeypatch.setattr(worker, "open_packs", lambda folder, names, source: library)
    backend = SimpleNamespace(name="mitsuba", version="1", close=lambda: None)
    monkeypatch.setattr(worker, "create_backend", lambda name, threads: backend)
    monkeypatch.setattr(worker, "attempts", attempts)
    return slots


@pytest.fixture
def other_machine(monkeypatch, tmp_path):
    """From here on, another machine: nothing of the run lies on it."""

    def become(name: str = "other") -> None:
        monkeypatch.setenv("FSD_CACHE_DIR", str(tmp_path / name / "cache"))
        monkeypatch.setenv("FSD_SCRATCH", str(tmp_path / name / "scratch"))

    return become


@pytest.fixture
def url(request) -> str:
    """A run in the store that the test asks for: `place` is each of them, `bucket` S3."""
    name = "place" if "place" in request.fixturenames else "bucket"
    return f"{request.getfixturevalue(name).url}/runs/demo"


def test_a_run_in_a_store_is_the_run_that_a_folder_would_hold(
    place, url, drawn, config, tmp_path, other_machine
):
    report = render(url, config)
    assert report.complete and len(report.written) == 2, report.farm.failed
    render(tmp_path / "folder", config)
    in_folder = {path.name: path.read_bytes() for path in (tmp_path / "folder/shards").glob("*.h5")}
    assert {name: place.read(f"runs/demo/shards/{name}") for name in in_folder} == in_folder
    assert {"config.yaml", "config.sha256", "config.resolved.yaml", "assets.yaml"} <= {
        key.removeprefix("runs/demo/") for key in place.names()
    }
    left = [path for path in (tmp_path / "scratch").rglob("*.h5") if placeholder_at(path) is None]
    assert not left and not list((tmp_path / "scratch").rglob("*.part"))
    other_machine()
    found = survey(local_place(url), deep=False)
    assert not found.findings and found.intact == 4
    records = [record for _, record in find_samples(url)]
    assert manifest_digest(records) == manifest_digest(refresh_index(tmp_path / "folder").records)
    other_machine("third")
    assert open_dataset("shards", url).digest() == open_dataset("shards", tmp_path / "folder").digest()
    assert all(placeholder_at(path) is not None for path in local_place(url).rglob("*.h5"))  # blocks alone
    assert load_sample(f"{url}:3").spec.key.slot == 3


@SLOW_IN_OTHERS
def test_what_is_listed_needs_no_shard_and_what_is_read_comes_once(place, url, drawn, config, other_machine):
    render(url, config)
    other_machine()
    with place.way(lambda way: False) as seen:
        data = StereoShards(url, crop=(32, 64))
        with pytest.raises(ValueError, match=f"does not fit into .* of {url}/shards/00000.h5; "):
            StereoShards(url, crop=(3200, 6400))
        pairs = open_dataset("shards", url)
        assert len(data) == len(pairs) == 4
        assert shards_of(place.fetched(seen)) == []
        assert sum(len(batch["index"]) for batch in DataLoader(data, batch_size=1, num_workers=2)) == 4
        assert pairs[3]["left"].shape[0] == 3
        assert shards_of(place.fetched(seen)) == ["00000.h5", "00001.h5"]


def shards_of(paths: list[str]) -> list[str]:
    return sorted(path[-8:] for path in paths if path.endswith(".h5"))


def test_what_is_told_of_a_run_needs_no_byte_of_a_shard(bucket, url, drawn, config, tmp_path, other_machine):
    render(url, config)
    render(tmp_path / "folder", config)
    other_machine()
    with bucket.way(lambda way: False) as seen:
        found = survey(local_place(url), deep=False)
        assert shards_of(bucket.fetched(seen)) == [] and not found.findings
        beside = survey(tmp_path / "folder", deep=False)
        for one, other in zip(found.shards, beside.shards, strict=True):
            assert (one.records, one.quarantined, one.meta, one.refused) == (
                *(other.records, other.quarantined, other.meta, other.refused),
            )
        image = contact_sheet_of_shards(shown_shards(local_place(url)), most=1)
        assert set(shards_of(bucket.fetched(seen))) == {"00000.h5"}
    assert all(placeholder_at(path) is not None for path in local_place(url).rglob("*.h5"))
    assert image == contact_sheet_of_shards(shown_shards(tmp_path / "folder"), most=1)


DESCRIPTIONS = {
    "none": None,
    "of an older version": lambda says: {"entry": says["entry"], "records": says["records"]},
    "damaged": lambda says: says | {"refused": ["dark"]},
    "of another shard": lambda says: {"entry": says["entry"] | {"size": 7}, "records": says["records"]},
    "no description": lambda says: [],
}


@pytest.mark.parametrize("change", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_without_a_description_that_fits_the_columns_alone_are_read(
    bucket, url, drawn, config, other_machine, change
):
    render(url, config, shards=1)
    key = "runs/demo/index/entries/shards/00000.json"
    says = json.loads(bucket.read(key))
    if change is None:
        bucket.client.delete_object(Bucket=bucket.name, Key=key)
    else:
        bucket.write(key, json.dumps(change(says)).encode())
    other_machine()
    with bucket.way(lambda way: False) as seen:
        found = survey(local_place(url), deep=False)
        assert set(shards_of(bucket.fetched(seen))) == {"00000.h5"}
    assert found.shards[0].refused == () and not found.findings
    assert all(placeholder_at(path) is not None for path in local_place(url).rglob("*.h5"))


def test_a_description_of_other_content_is_found_when_all_is_read(bucket, url, drawn, config, other_machine):
    render(url, config, shards=1)
    key = "runs/demo/index/entries/shards/00000.json"
    says = json.loads(bucket.read(key))
    says = {name: says[name] for name in says if name != "sha256"} | {"refused": ["dark"]}
    bucket.write(key, entry._text(says | {"sha256": entry._digest(says)}).encode())
    other_machine()
    assert survey(local_place(url), deep=False).shards[0].refused == ("dark",)
    (finding,) = survey(local_place(url), deep=True).findings
    assert "00000.h5: its description in index/entries says something else" in finding.what


def test_what_a_store_refuses_of_a_block_is_no_damage(bucket, url, drawn, config, other_machine):
    render(url, config, shards=1)
    other_machine()
    shard = local_place(url) / "shards" / "00000.h5"
    refused = lambda way: way.path.endswith("00000.h5") and way.say(403, "AccessDenied")  # noqa: E731
    with bucket.way(refused), pytest.raises(StoreUnavailableError, match="no permission"):
        ShardReader(shard, ranged=True).records()
    reader = pickle.loads(pickle.dumps(ShardReader(shard, ranged=True)))
    assert len(reader.records()) == 2
    with bucket.way(refused), pytest.raises(StoreUnavailableError, match="no permission"):
        reader._opened[os.getpid()].source._blocks.clear()
        reader.sample(1)


@SLOW_IN_OTHERS
def test_what_is_finished_is_not_rendered_again_on_another_machine(place, url, drawn, config, other_machine):
    render(url, config, shards=1)
    other_machine()
    report = render(url, config, shards=2)
    assert (len(report.existing), len(report.written)) == (1, 1) and drawn == [0, 1, 2, 3]
    with at_work_in(url) as folder:
        assert shard_tasks(requests_for(Run.open(folder), 2)) == []


def stopped_at(monkeypatch, slot: int) -> None:
    """Let the worker be killed as it begins with a slot."""
    inner = worker.attempts

    def attempts(key, *given):
        if key.slot == slot:
            raise RuntimeError("killed")
        yield from inner(key, *given)

    monkeypatch.setattr(worker, "attempts", attempts)


def test_a_part_goes_on_where_it_was_begun_and_begins_anew_elsewhere(
    url, drawn, config, other_machine, monkeypatch, bucket
):
    with monkeypatch.context() as patch:
        stopped_at(patch, 1)
        assert not render(url, config, shards=1).complete
    assert drawn == [0] and not [key for key in bucket.names() if key.endswith(".h5")]
    assert render(url, config, shards=1).complete and drawn == [0, 1]
    with monkeypatch.context() as patch:
        stopped_at(patch, 3)
        assert not render(url, config, shards=2).complete
    other_machine()
    assert render(url, config, shards=2).complete and drawn == [0, 1, 2, 2, 3]


def test_a_shard_that_was_finished_and_not_put_is_put_by_the_next_command(
    url, drawn, config, bucket, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("jobs.store.mirror.Mirror.put_shard", lambda self, shard: 1 / 0)
        assert not render(url, config, shards=1).complete
    assert not [key for key in bucket.names() if key.endswith(".h5")] and drawn == [0, 1]
    assert render(url, config, shards=1).complete and drawn == [0, 1]
    assert "runs/demo/shards/00000.h5" in bucket.names()


@SLOW_IN_OTHERS
def test_a_shard_of_other_content_in_the_store_is_never_replaced(url, drawn, config, place):
    def race(way) -> bool:  # another one puts its shard first
        if way.command == place.sends and place.target(way).endswith("00000.h5"):
            place.write("runs/demo/shards/00000.h5", b"another")
        return False

    farm = FarmConfig(workers=0, max_retries=0)
    with place.way(race), at_work_in(url) as folder:
        requests = requests_for(Run.start(folder, config), 1)
        report = render_shards(folder, requests, farm=farm, on_event=lambda event: None)
    (failure,) = report.farm.failed.values()
    assert "StoreConflictError" in failure.traceback and "names are written once" in failure.traceback
    assert place.read("runs/demo/shards/00000.h5") == b"another"


def test_two_drivers_of_one_run_are_kept_apart(place, url, drawn, config, other_machine):
    with at_work_in(url):
        other_machine()
        with pytest.raises(RunLockedError, match=f"{url} is in use by process"):
            render(url, config)


@SLOW_IN_OTHERS
def test_a_driver_that_lost_its_lock_stops_and_writes_no_document(url, config, place, monkeypatch):
    monkeypatch.setattr("fsd_gen.production.places.StoreLock", partial(StoreLock, lease_s=0.4))
    with pytest.raises(RunLockedError, match="taken over by another driver"), at_work_in(url) as folder:
        (folder / "wanted.yaml").write_text("shards: 1\n")
        place.write("runs/demo/.lock", b"{}")
        time.sleep(1)
    assert place.names() == ["runs/demo/.lock"]


def test_no_secret_is_ever_written_or_said(url, drawn, config, place, tmp_path, capfd, monkeypatch):
    """Everything that a good run, a failing one and its commands leave behind is searched."""
    tried_again_at_once(monkeypatch)
    expired, unknown = place.refusals["expired"], place.refusals["unknown"]
    render(url, config, shards=1)
    with place.way(lambda way: place.target(way).endswith("00001.h5") and way.say(*expired)):
        report = render(url, config, shards=2)
        said = [failure.traceback for failure in report.farm.failed.values()]
        assert said and "have expired" in said[0]
    with place.way(lambda way: way.say(*unknown)):
        with pytest.raises(StoreUnavailableError) as caught:
            render(url, config, shards=2)
        said.append(str(caught.value))
        said += [RUNNER.invoke(app, [command, url]).output for command in ("verify", "info", "preview")]
    assert all("does not know these credentials" in each for each in said[1:])
    said += capfd.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    written += [place.read(key) for key in place.names()]
    assert len(written) > 10
    for secret in place.secrets:
        assert not any(secret in each for each in said) and not any(
            secret.encode() in each for each in written
        )


@pytest.mark.slow
def test_the_commands_that_read_take_urls_and_speak_of_them(
    place, url, drawn, config, other_machine, tmp_path, monkeypatch
):
    render(url, config)
    other_machine()
    monkeypatch.chdir(tmp_path)
    for command in ("verify", "info"):
        result = RUNNER.invoke(app, [command, url])
        assert result.exit_code == 0, result.output
    result = RUNNER.invoke(app, ["preview", url, "--samples", "1"])
    assert result.exit_code == 0 and (tmp_path / "preview.png").is_file(), result.output
    assert RUNNER.invoke(curate, ["status", url]).exit_code == 0
    result = RUNNER.invoke(curate, ["sweep", url])
    assert f"{url}: no round is scored yet" in result.output and str(tmp_path) not in result.output
    assert RUNNER.invoke(app, ["verify", f"{url}/nothing"]).exit_code == 2


@pytest.mark.slow
def test_damage_in_a_store_is_told_by_its_url(place, url, drawn, config, other_machine):
    render(url, config)
    content = bytearray(place.read("runs/demo/shards/00001.h5"))
    content[len(content) // 2] ^= 0xFF
    place.write("runs/demo/shards/00001.h5", bytes(content))
    other_machine()
    result = RUNNER.invoke(app, ["verify", url])
    assert result.exit_code == 1 and f"{url}/shards/00001.h5" in result.output.replace("\n", "")


REFUSED = {
    "split": (app, ["split", "URL", "--val", "1"], "works in folders only"),
    "render-stage": (app, ["render-stage", "x.usda", "--out", "URL"], "works in folders only"),
}


@pytest.mark.parametrize(("program", "words", "says"), REFUSED.values(), ids=REFUSED)
def test_a_command_that_needs_a_folder_says_so(url, bucket, program, words, says):
    bucket.write("runs/demo/config.sha256", b"0\n")
    result = RUNNER.invoke(program, [word.replace("URL", url) for word in words])
    assert result.exit_code == 2
    assert re.search(says, " ".join(result.output.split())), result.output


def test_other_data_sets_than_shards_are_read_from_folders(url):
    with pytest.raises(UnknownStoreError, match=f"{url}: data set folder works in folders only"):
        open_dataset("folder", url)


def flipped(content: bytes) -> bytes:
    """One bit of the middle is another."""
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def flip(path) -> None:
    """Damage a file as a disk does, which changes no time."""
    times = path.stat()
    path.write_bytes(flipped(path.read_bytes()))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@SLOW_IN_OTHERS
def test_a_damaged_copy_on_this_machine_is_fetched_again_and_not_blamed_on_the_store(
    place, url, drawn, config
):
    render(url, config, shards=1)
    shard = held(local_place(url) / "shards" / "00000.h5")
    whole = shard.read_bytes()
    readers = {
        "verify": lambda: survey(local_place(url), deep=True).findings == [],
        "StereoShards": lambda: StereoShards(url, crop=None)[0] is not None,
        "open_dataset": lambda: open_dataset("shards", url)[0]["left"].shape[0] == 3,
        "an open reader": lambda: reader.sample(0) is not None,
        "cut off": lambda: os.truncate(shard, 1000) or StereoShards(url, crop=None)[1] is not None,
    }
    for name, read in readers.items():
        reader = ShardReader(shard)
        reader.meta  # noqa: B018  opens it
        flip(shard)
        assert read(), name
        assert shard.read_bytes() == whole, name


def test_a_damaged_object_is_fetched_again_once_and_told(url, drawn, config, bucket, other_machine):
    render(url, config, shards=1)
    key = "runs/demo/shards/00000.h5"
    bucket.write(key, flipped(bucket.read(key)))
    other_machine()
    with bucket.way(lambda way: False) as seen:
        (finding,) = survey(local_place(url), deep=True).findings
        assert "damaged" in finding.what and len(shards_of(bucket.fetched(seen))) == 2
    with bucket.way(lambda way: False) as seen:
        data = StereoShards(url, crop=None)
        for row in (0, 1, 0):
            with pytest.raises(ShardError, match="00000.h5: .*damaged"):
                data[row], data[1 - row]
        assert len(shards_of(bucket.fetched(seen))) == 2


@SLOW_IN_OTHERS
def test_repair_sets_damaged_shards_of_a_store_aside_there_to_be_made_again(
    place, url, drawn, config, other_machine
):
    render(url, config, shards=1)
    damaged = flipped(place.read("runs/demo/shards/00000.h5"))
    place.write("runs/demo/shards/00000.h5", damaged)
    other_machine()
    said = RUNNER.invoke(app, ["verify", "--repair", url]).output.replace("\n", "")
    assert f"moved {url}/shards/00000.h5 to {url}/set_aside/00000.h5" in said
    assert not [key for key in place.names() if key.endswith(("shards/00000.h5", "shards/00000.json"))]
    assert place.read("runs/demo/set_aside/00000.h5") == damaged
    assert len(render(url, config, shards=1).written) == 1
    found = survey(local_place(url), deep=False)
    assert not found.findings and found.intact == 2 and len(StereoShards(url, crop=None)) == 2


def unput(url, bucket, monkeypatch, config, seed: int = 0):
    """A shard that a worker of this machine finished and did not put."""
    with monkeypatch.context() as patch:
        patch.setattr("jobs.store.mirror.Mirror.put_shard", lambda self, shard: 1 / 0)
        assert not render(url, config, shards=1).complete
    assert not [key for key in bucket.names() if key.endswith(".h5")]
    return Mirror.working(parse(url)).folder / "shards" / "00000.h5"


def test_a_finished_shard_that_was_damaged_in_scratch_is_not_put(url, drawn, config, bucket, monkeypatch):
    shard = unput(url, bucket, monkeypatch, config)
    flip(shard)
    with pytest.raises(ShardError, match="^file://.*00000.h5.*damaged.*was finished on this machine, and is"):
        render(url, config, shards=1)
    assert not [key for key in bucket.names() if key.endswith(".h5")]
    assert "moved" in RUNNER.invoke(app, ["verify", "--repair", url]).output
    assert render(url, config, shards=1).complete and drawn == [0, 1, 0, 1]
    assert "runs/demo/set_aside/00000.h5" in bucket.names()


def test_a_foreign_shard_in_scratch_is_named_where_it_lies_and_set_aside(
    url, drawn, config, bucket, monkeypatch, tmp_path
):
    shard = unput(url, bucket, monkeypatch, config)
    render(tmp_path / "other", config.model_copy(update={"seed": 7}), shards=1)
    shutil.copyfile(tmp_path / "other/shards/00000.h5", shard)
    with pytest.raises(ShardError) as caught, at_work_in(url) as folder:
        refuse_foreign(Run.open(folder), refresh_index(folder))
    said = as_urls(str(caught.value))
    assert said.startswith(f"{url}/shards/00000.h5 (not there yet, but file://{shard}) belongs to config")
    RUNNER.invoke(app, ["verify", "--repair", url])
    assert not shard.exists() and render(url, config, shards=1).complete


@pytest.mark.slow
def test_two_workers_that_render_for_real_fill_a_run_in_a_store(place, url, library, tmp_path):
    words = ["render", "--config", str(SPARSE), "--shards", "2", "--workers", "2", "--out", url]
    result = RUNNER.invoke(app, words)
    assert result.exit_code == 0 and f"4 samples in 2 shards under {url}/shards" in result.output, (
        result.output
    )
    shutil.rmtree(tmp_path / "scratch")
    found = survey(local_place(url), deep=True)
    assert not found.findings and found.intact == 4
    assert "(2 of the shards were there already)" in RUNNER.invoke(app, words).output
