"""The whole loop on a run in a store: what is made there is what a folder would hold, whoever dies where."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

import curation.cli.commands as cli
from curation.rounds import storing
from curation.rounds.storing import order_of_making
from fsd_gen.shards.dataset import StereoShards
from jobs.store.base import StoreError
from jobs.store.cache import placeholder_at
from tests.clouds import SLOW_IN_OTHERS
from tests.curation.world import FakeWorld, make_run
from tests.objects import another_machine

CLI = CliRunner()
SETTINGS = "curation: {steps_first: 3, steps_next: 2, max_disparity: 64, crop: [32, 64]}\n"
TIMES = ("effort.jsonl", "report.html", "report.json", "README.md")  # they tell seconds


def call(*arguments, code: int = 0) -> str:
    result = CLI.invoke(cli.app, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return " ".join(result.output.split())


def made(read, names) -> dict[str, bytes]:
    """Content of what a loop has made, without what differs from time to time."""
    wanted = (name for name in names if name.startswith(("rounds/", "curated/")))
    return {name: read(name) for name in wanted if not name.endswith(TIMES) and "/index/" not in name}


@pytest.fixture(scope="module", autouse=True)
def no_charts():
    """Charts are what takes long, and are the same wherever the run lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.report.charts.svg_of", lambda figure: "<svg/>")
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    run = make_run(tmp_path_factory.mktemp("store") / "demo", slots=8)
    (run / "config.yaml").write_text(SETTINGS)
    return run


@pytest.fixture(scope="module")
def in_folder(template) -> dict[str, bytes]:
    """What two rounds and a publication leave in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "make_world", lambda **kwargs: FakeWorld())
        call("round", "--iter", 2, template)
        call("publish", template)
    names = [path.relative_to(template).as_posix() for path in template.rglob("*") if path.is_file()]
    return made(lambda name: (template / name).read_bytes(), [n for n in names if "/." not in n])


@pytest.fixture
def url(request, template) -> str:
    """A run in the store that the test asks for: `place` is each of them, `bucket` S3."""
    store = request.getfixturevalue("place" if "place" in request.fixturenames else "bucket")
    for path in [template / "config.yaml", *(template / "shards").glob("*.h5")]:
        store.write(f"runs/demo/{path.relative_to(template)}", path.read_bytes())
    return f"{store.url}/runs/demo"


def in_store(bucket) -> dict[str, bytes]:
    names = [key.removeprefix("runs/demo/") for key in bucket.names("runs/demo/")]
    return made(lambda name: bucket.read(f"runs/demo/{name}"), names)


@pytest.fixture
def world(monkeypatch) -> FakeWorld:
    fake = FakeWorld()
    monkeypatch.setattr(cli, "make_world", lambda **kwargs: fake)
    return fake


@SLOW_IN_OTHERS
def test_two_rounds_and_a_publication_in_a_store_are_those_of_a_folder(
    place, url, world, in_folder, tmp_path, monkeypatch
):
    text = call("round", "--iter", 2, url)
    assert "round 2: 8 scored, 6 kept, 2 dropped" in text and f"{url}/rounds/2/report.html" in text
    text = call("publish", url)
    assert f"under {url}/curated" in text and str(tmp_path) not in text
    assert in_store(place) == in_folder
    place.write("runs/demo/curated/plan.json", b"{}")  # of somebody killed after the mark was put
    assert "runs/demo/rounds/2/effort.jsonl" in place.names()
    assert {"rounds/report.json", "curated/README.md"} < {key[10:] for key in place.names("runs/demo/")}
    another_machine(monkeypatch, tmp_path)
    assert "publishing will score" not in call("status", url)
    assert "nothing to do" in call("round", "--iter", 2, url) and "there already" in call("publish", url)
    assert "runs/demo/curated/plan.json" not in place.names()
    assert "dropped above" in call("sweep", url) and "2: 8 scored" in call("report", url)
    with place.way(lambda way: False) as seen:
        assert len(StereoShards(f"{url}/curated", crop=(32, 64))) == 8
    assert not [path for method, path in seen if method == "GET" and path.endswith(".h5")]


def killed(work) -> None:
    """Run `work` in a process that kills itself with SIGKILL."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


class Killed(FakeWorld):
    """Dies in the call that `stop_at` names."""

    def _count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.stop_at == (name, self.calls[name]):
            os.kill(os.getpid(), signal.SIGKILL)


SLOW = pytest.mark.slow
KILLS = [
    pytest.param(("step", 2), id="while the first model trains", marks=SLOW),
    pytest.param(("checkpoint", 2), id="before the second model is there", marks=SLOW),
    pytest.param(("predict", 5), id="while samples are scored"),
    pytest.param(("render", 1), id="while slots are drawn again", marks=SLOW),
    pytest.param(("predict", 20), id="in the second round", marks=SLOW),
]


@SLOW_IN_OTHERS
@pytest.mark.parametrize("stop_at", KILLS)
def test_a_loop_that_is_killed_goes_on_on_an_empty_machine_to_the_same_result(
    place, url, in_folder, stop_at, monkeypatch, tmp_path
):
    monkeypatch.setattr(storing, "EVERY_S", 0.0)
    monkeypatch.setattr(cli, "make_world", lambda **kwargs: Killed(stop_at=stop_at))
    killed(lambda: call("round", "--iter", 2, url))
    place.delete("runs/demo/.lock")  # as if its lease had run out
    another_machine(monkeypatch, tmp_path)
    goes_on = FakeWorld()
    monkeypatch.setattr(cli, "make_world", lambda **kwargs: goes_on)
    call("round", "--iter", 2, url)
    call("publish", url)
    assert in_store(place) == in_folder
    if stop_at[0] == "predict":  # no model is trained again, and no sample scored again
        assert goes_on.calls.get("train", 0) == (0 if stop_at[1] > 16 else 2)


def killing_way(bucket, number: int):
    """The n-th PUT or DELETE is done, and its process killed before it hears so."""
    done = []

    def fault(way) -> bool:
        if way.command not in ("PUT", "DELETE") or way.path.endswith(".lock"):
            return False
        done.append(way.path)
        if len(done) == number:
            way.hand_on()
            os.kill(fault.child, signal.SIGKILL)
            return way.reset()
        return False

    return fault


def dies_at(bucket, number: int, work) -> bool:
    """Whether `work`, in a process of its own, was killed at its n-th change of the store."""
    fault = killing_way(bucket, number)
    with bucket.way(fault):
        fault.child = child = os.fork()
        if child == 0:
            work()
            os._exit(0)
        _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@SLOW
@pytest.mark.parametrize("first", range(1, 10))
def test_whatever_was_put_when_a_publication_was_killed_the_next_one_is_whole(
    bucket, url, world, in_folder, monkeypatch, tmp_path, first
):
    call("round", "--iter", 2, url)
    number = first
    while dies_at(bucket, number, lambda: call("publish", url)):
        mark = "runs/demo/curated/published.json" in bucket.names()
        assert not mark or set(made(lambda n: b"", in_folder)) <= {k[10:] for k in bucket.names("runs/demo/")}
        bucket.client.delete_object(Bucket=bucket.name, Key="runs/demo/.lock")
        another_machine(monkeypatch, tmp_path, f"machine {number}")
        number += 9
    assert number >= 16
    call("publish", url)
    assert in_store(bucket) == in_folder
    assert "runs/demo/curated/plan.json" not in bucket.names()


@SLOW
@pytest.mark.parametrize("first", range(1, 8))
def test_whatever_was_put_when_a_loop_was_killed_it_goes_on_to_the_same_result(
    bucket, url, in_folder, monkeypatch, tmp_path, first
):
    monkeypatch.setattr(cli, "make_world", lambda **kwargs: FakeWorld())
    monkeypatch.setattr(storing, "EVERY_S", 0.0)
    number = first
    while dies_at(bucket, number, lambda: call("round", "--iter", 2, url)):
        bucket.client.delete_object(Bucket=bucket.name, Key="runs/demo/.lock")
        another_machine(monkeypatch, tmp_path, f"machine {number}")
        number += 7
    call("publish", url)
    assert in_store(bucket) == in_folder


def test_a_publication_goes_to_another_place_of_a_store_and_replaces_an_older_one_there(
    bucket, url, world, in_folder, template, monkeypatch, tmp_path
):
    elsewhere = f"{bucket.url}/sets/one"
    text = call("publish", template, "--out", elsewhere)
    assert f"under {elsewhere}" in text
    published = {key.removeprefix("sets/one/"): bucket.read(key) for key in bucket.names("sets/one/shards/")}
    assert published == {n[8:]: c for n, c in in_folder.items() if n.startswith("curated/shards/")}
    bucket.write("sets/one/shards/00007.h5", b"of an older one")
    mark = json.loads(bucket.read("sets/one/published.json"))
    bucket.write("sets/one/published.json", json.dumps(mark | {"population_digest": "0"}).encode())
    another_machine(monkeypatch, tmp_path)
    assert "holds an older or other publication" in call("publish", template, "--out", elsewhere, code=2)
    call("publish", template, "--out", elsewhere, "--replace")
    assert json.loads(bucket.read("sets/one/published.json")) == mark
    assert "sets/one/shards/00007.h5" not in bucket.names()
    bucket.write("sets/two/notes.txt", b"mine")
    text = call("publish", template, "--out", f"{bucket.url}/sets/two", code=2)
    assert "holds something that is no publication" in text


def test_a_second_loop_on_the_run_is_told_who_works_there(url, world, monkeypatch, tmp_path):
    class Second(FakeWorld):
        def device(self, config):
            another_machine(monkeypatch, tmp_path)
            monkeypatch.setattr(cli, "make_world", lambda **kwargs: world)
            assert f"{url} is in use by process" in call("round", url, code=2)
            raise StoreError("enough")

    monkeypatch.setattr(cli, "make_world", lambda **kwargs: Second())
    assert "enough" in call("round", url, code=2)


def test_a_run_of_which_shards_are_still_rendered_elsewhere_is_not_curated(bucket, url, world):
    bucket.write("runs/demo/wanted.yaml", b"shards: 3\n")
    assert "2 of the 3 shards that it is to have are finished" in call("round", url, code=2)


def test_long_stages_are_put_now_and_then_and_a_failing_store_does_not_end_them(monkeypatch):
    class Place:
        puts, fails = 0, False

        def put_finished(self):
            self.puts += 1
            if self.fails:
                raise StoreError("the store fails")

    now = [0.0]
    place = Place()
    keeps = storing.Storing(place, clock=lambda: now[0])
    told = []
    tell = keeps.during(told.append)
    event = partial(storing.StageProgress, round=1, done=1, total=9, unit="steps")
    for seconds, stage, puts in [(10, "train", 0), (301, "train", 1), (302, "train", 1), (700, "report", 1)]:
        now[0] = seconds
        tell(event(stage=stage))
        assert place.puts == puts
    place.fails = True
    tell(event(stage="score"))
    tell(event(stage="score"))
    assert place.puts == 2 and len(told) == 6
    with pytest.raises(StoreError, match="the store fails"):
        keeps()


def test_files_are_put_in_the_order_in_which_a_loop_makes_them():
    names = [
        "config.yaml",
        "rounds/1/folds.json",
        "rounds/1/round.json",
        "rounds/1/model/fold-0.training/log.jsonl",
        "rounds/1/model/fold-0.training/checkpoint_0000050.pt",
        "rounds/1/model/fold-0.curve.json",
        "rounds/1/model/fold-0.pt",
        "rounds/1/parts/fold-0.jsonl",
        "rounds/1/scores.parquet",
        "rounds/1/verdicts.parquet",
        "rounds/1/report.html",
        "rounds/1/report.json",
        "rounds/1/final_scores.parquet",
        "rounds/1/final_verdicts.parquet",
        "rounds/2/folds.json",
        "rounds/10/folds.json",
        "rounds/report.html",
        "rounds/report.json",
    ]
    shuffled = names[1::2] + names[::2]
    assert sorted(shuffled, key=order_of_making) == names


def test_shards_of_the_loop_are_held_in_the_bounded_cache(bucket, url, world, tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_CACHE_GB", "0.00001")
    call("round", "--iter", 1, url)
    here = [path for path in (tmp_path / "scratch").rglob("*.h5") if placeholder_at(path) is None]
    assert len(here) <= 1
