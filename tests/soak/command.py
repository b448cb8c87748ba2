"""The commands of a run: `fsd-gen render`, the same each time, the cluster that it may join, and `verify`."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import SPARSE
from tests.fsd_gen.rtx.isaac import make_isaac
from tests.soak.plan import Plan
from tests.soak.processes import MARK

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = Path(__file__).with_name("plugin")
SHARDS, SAMPLES = 3, 9
CONFIG = {"soak": Path(__file__).with_name("scenes.yaml"), "replicator": SPARSE}
SIZE = {"soak": "64x64", "replicator": "128x72"}  # the stand-in of RTX is held against its own depth
ISAAC = "5.1.0"
BIN = Path(sys.executable).parent  # where the commands are installed
FSD_GEN = str(BIN / "fsd-gen")
RAY = {"RAY_worker_niceness": "0"}  # else a busy machine hardly lets workers start
NOT_OURS = ("ISAAC_PATH", "CUDA_VISIBLE_DEVICES", "RAY_ADDRESS", "FSD_ASSETS_FROM", "LD_PRELOAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """What is run for one plan, and in what environment."""

    plan: Plan
    out: Path  # the run
    environ: dict[str, str]
    port: int = 0  # of the cluster to join

    def render(self) -> list[str]:
        """The command that makes the run, and goes on with it."""
        plan = self.plan
        words = [FSD_GEN, "render", "--config", str(CONFIG[plan.backend]), "--backend", plan.backend]
        words += ["--seed", str(plan.scenes), "--size", SIZE[plan.backend], "--shards", str(SHARDS)]
        words += ["--samples-per-shard", str(SAMPLES), "--out", str(self.out), "--workers", str(plan.workers)]
        words += ["--gpus-per-worker", "0"] if plan.workers else []
        return words + (["--address", f"{own_address()}:{self.port}"] if self.port else [])

    def head(self) -> list[str]:
        """The command that is the cluster to join, in one process."""
        words = [str(BIN / "ray"), "start", "--head", "--block", f"--port={self.port}"]
        words += [f"--node-ip-address={own_address()}"]
        words += [f"--num-cpus={self.plan.workers}", "--include-dashboard=false", "--disable-usage-stats"]
        return [*words, "--object-store-memory=134217728", f"--temp-dir={self.environ['TMPDIR']}/ray"]

    def of_node(self, folder: Path) -> dict[str, str]:
        """The environment of the cluster, which has none of the run's packs."""
        return {**self.environ, "FSD_ASSETS_DIR": str(folder)}

    def verify(self) -> list[str]:
        """The command that reads all of the run again."""
        return [FSD_GEN, "verify", str(self.out)]


def environ_of(mark: str, temporary: Path, stand_ins: Path, weather: dict[str, str]) -> dict[str, str]:
    """The environment of every process of a run."""
    ours = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    paths = os.pathsep.join([str(PLUGIN), str(ROOT)])
    rtx = {
        "FSD_ISAAC_PYTHON": str(make_isaac(stand_ins, ISAAC)),
        "FAKE_PICTURES": "cast",
        "FAKE_FAULTS": "{}",
    }
    own = {MARK: mark, "TMPDIR": str(temporary), "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}  # as the recipes for clusters
    return ours | rtx | own | RAY | token | weather


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_address() -> str:
    """Where this machine is reached by others: Ray takes no other for a node. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address of nobody
        except OSError:  # no network
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def begun(command: list[str], environ: dict[str, str], said: Path) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own; what it says goes to a file."""
    with said.open("wb") as file:
        return subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=said.parent,
        )
