"""A farm of three hosts that `ray-cluster.yaml` is carried out on, and a laptop which that is done from.

with farm_in(folder, assets) as farm:
    farm.up()
    run = farm.render("run", shards=4)
    run.wait()
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from fsd_gen.shards.index import collect_records
from jobs.status.model import Status
from jobs.status.reading import read_status, status_files
from tests.rehearsal.hosts import USER, Host, Network, awaited, network
from tests.rehearsal.software import PYTHON, ROOT, copy_source, gather, give, settle

CONFIG = ROOT / "tests" / "data" / "sparse.yaml"
RECIPE = "ray-cluster.yaml"
ADDRESSES = {
    "laptop": "10.0.0.9",
    "head": "10.0.0.1",
    "one": "10.0.0.2",
    "two": "10.0.0.3",
}  # the recipe's own
FARM = ("head", "one", "two")
SHARED = "/data/fsd"
ON_LAPTOP = "PATH=/opt/base/bin:$PATH; "
SHARDS = 4
TINY = f"--shards {SHARDS} --config tiny.yaml --samples-per-shard 2"
EACH = os.cpu_count() or 1  # CPUs that a worker claims: one fits on a host


@dataclass
class Farm:
    """The hosts, and what can be done from the laptop."""

    net: Network
    hosts: dict[str, Host]
    data: Path  # what the farm calls SHARED

    def switch_on(self, name: str) -> None:
        """A host as it comes: with Python, SSH and the token, without this project; assets on the head."""
        host = self.hosts[name] = self.net.host(name)
        settle(host)
        if name == "head":
            kept = f"/home/{USER}/.cache/fsd-gen/assets"
            copied = f"mkdir -p {kept} && cp -r /opt/assets/builtin {kept} && chown -R {USER} /home/{USER}"
            done = host.run(copied, user="root")
            assert done.returncode == 0, done.stdout

    @contextmanager
    def held(self, *names: str) -> Iterator[None]:
        """Workers of these hosts stand still inside the block."""
        for name in names:
            self.hosts[name].run("pkill -STOP -f ray::Actor")
        try:
            yield
        finally:
            for name in names:
                self.hosts[name].run("pkill -CONT -f ray::Actor")

    def ray(self, command: str) -> subprocess.CompletedProcess[str]:
        """`ray COMMAND` on the laptop."""
        return self.hosts["laptop"].run(f"{ON_LAPTOP} ray {command}")

    def without_ray(self, name: str) -> bool:
        """Whether no Ray is left on a host."""
        return self.hosts[name].run("pgrep raylet").returncode == 1

    def join(self, name: str) -> None:
        """Set a bare host up and start its Ray, by the commands that `ray up` gives a worker."""
        recipe = yaml.safe_load((ROOT / "jobs" / "clusters" / RECIPE).read_text())
        for command in [*recipe["setup_commands"], *recipe["worker_start_ray_commands"]]:
            told = f"RAY_HEAD_IP={ADDRESSES['head']}; {command.replace('python3.11', PYTHON)}"
            done = self.hosts[name].run(f"bash -ic {shlex.quote(told)}")
            assert done.returncode == 0, done.stdout

    def up(self) -> None:
        """As the recipe says."""
        done = self.ray(f"up -y {RECIPE}")
        assert done.returncode == 0, done.stdout

    def nodes(self) -> int:
        """How many nodes the cluster has."""
        text = self.ray(f"exec {RECIPE} 'ray status'").stdout.partition("Pending:")[0]
        return sum(map(int, re.findall(r"^ (\d+) local\.cluster\.node", text, re.M)))

    def await_nodes(self, count: int) -> None:
        """Until the cluster has as many."""
        awaited(lambda: self.nodes() == count, f"the cluster never had {count} nodes", 600.0, 10.0)

    def render(self, name: str) -> Rendering:
        """The recipe's command, for tiny scenes."""
        command = f"fsd-gen render {TINY} --cpus-per-worker {EACH} --out {SHARED}/{name} --address auto"
        log = self.data.parent / f"{name}.log"
        quoted = f"{ON_LAPTOP} ray exec {RECIPE} 'cd {SHARED} && {command}'"
        return Rendering(self.data / name, self.hosts["laptop"].start(quoted, log), log)


@dataclass
class Watched:
    """A run, by what its driver writes."""

    run_dir: Path

    def status(self) -> Status | None:
        """What its driver last wrote."""
        files = status_files(self.run_dir)
        return read_status(files[-1]) if files else None

    def await_work(self) -> None:
        """Until a sample is made."""
        self._await(lambda status: status.progress.items_made)

    def await_work_of(self, *hosts: str) -> None:
        """Until workers of each of these hosts are at work, all at once."""
        self._await(lambda status: set(hosts) <= at_work(status))

    def _await(self, reached: Callable[[Status], object]) -> None:
        def seen() -> bool:
            self.refuse_end()
            status = self.status()
            return status is not None and bool(reached(status))

        awaited(seen, f"{self.run_dir}: never came to what was waited for", 600.0)

    def refuse_end(self) -> None:
        """Raises AssertionError where it has ended already."""
        status = self.status()
        assert not (status and status.ended), f"ended before: {status}"


@dataclass
class Rendering(Watched):
    """A run that a command makes."""

    process: subprocess.Popen[bytes]
    log: Path

    def ended(self) -> int:
        """Wait for it; its exit code, as `ray exec` hands it on."""
        return self.process.wait(900)

    def refuse_end(self) -> None:
        """As above."""
        assert self.process.poll() is None, self.log.read_text()


def at_work(status: Status) -> set[str]:
    """Hosts whose workers hold a shard."""
    return {worker.name.partition(":")[0] for worker in status.progress.workers if worker.task}


def pictures(run_dir: Path) -> dict[int, str]:
    """Content id of each sample of the finished shards, by its slot; every slot is there once."""
    records = collect_records(sorted((run_dir / "shards").glob("*.h5")), run_dir)
    found = {record.slot: record.content_id for record in records}
    assert len(found) == len(records)
    return found


@contextmanager
def farm_in(folder: Path, assets: Path) -> Iterator[Farm]:
    """A laptop inside the block, with the recipe; hosts are to be switched on."""
    data, base = folder / "data", folder / "base"
    for path in (data, base):
        path.mkdir()
    gather(base)
    copy_source(data / "source")
    shutil.copy(CONFIG, data / "tiny.yaml")
    give(data)
    recipe = (ROOT / "jobs" / "clusters" / RECIPE).read_text().replace("python3.11", PYTHON)
    (base / RECIPE).write_text(recipe)
    shown = [
        f"{data}:{SHARED}",
        f"{base}:/opt/base",
        f"{assets}:/opt/assets",
        "/sys/fs/cgroup:/sys/fs/cgroup",
    ]
    with network(folder, ADDRESSES, shown) as net:
        farm = Farm(net, {}, data)
        farm.switch_on("laptop")
        farm.hosts["laptop"].run(f"cp /opt/base/{RECIPE} .")
        yield farm
