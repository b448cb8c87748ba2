"""Training on several workers, started by Ray Train; the only module of `stereo_model` that knows Ray.

Ray starts one process per worker, joins them into a torch.distributed group (gloo on CPUs, NCCL on GPUs) and
ends them all when one fails. Each builds its own `Trainer` in the same run folder, which must therefore be
on a file system that all of them share. What the team trains is what one worker would train, to rounding;
see `stereo_model.training.team`, also on batch norms.

    this process  --run folder: stop request-->  workers
    this process  <--run folder: log.jsonl-----  worker 0
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from jobs.extras import extra
from jobs.signals import StopRequest, stop_requested
from stereo_model.training.config import TrainConfig
from stereo_model.training.log import LOG, NewLines, OnStep, keep_until
from stereo_model.training.run_folder import saved_step
from stereo_model.training.state import newest_state
from stereo_model.training.stopping import StopWords, TrainingInterrupted
from stereo_model.training.team import Team
from stereo_model.training.trainer import Trainer

with extra("farm"):
    import ray
    import ray.train
    import ray.train.torch
    from ray.exceptions import RayError
    from ray.job_config import JobConfig
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchTrainer

STOP = "stop-requested"  # file in the run folder
RAY_FOLDER = "ray"  # in the run folder: Ray Train's own notes
TICK_S = 0.2  # between looks at the log and at signals
OBJECT_STORE_BYTES = 128 << 20  # only small values travel through Ray

log = logging.getLogger(__name__)

MakeTrainer = Callable[[Team], Trainer]


class WorkerFailedError(RuntimeError):
    """A worker of the team raised an error; the message is its last line."""


class TeamCapacityError(ValueError):
    """The machine or cluster has too few processors for the workers."""


def train_together(
    make_trainer: MakeTrainer,
    config: TrainConfig,
    run_dir: str | Path,
    *,
    workers: int,
    address: str | None = None,  # of a Ray cluster, "auto" or "host:port"; None: this machine
    on_step: OnStep | None = None,
) -> None:
    """Train to the end on so many workers, continuing whatever the run folder holds.

    `make_trainer` is called in every worker; it and what it closes over must be picklable. `on_step` is
    called in this process. Uses a Ray that this process has already initialised, else starts one.

    Raises:
        TeamError, DeviceError, TeamCapacityError: before anything is started.
        TrainingInterrupted: on SIGINT or SIGTERM, once the state is saved.
        WorkerFailedError: with the error of the first worker that failed.
    """
    run_dir = Path(run_dir).resolve()
    Team(rank=0, size=workers).share(config)
    on_gpu = config.resolved_device() == "cuda"
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / STOP).unlink(missing_ok=True)
    newest_state(run_dir)  # puts damaged ones aside, so that all agree on where the training goes on
    words = StopWords(run_dir, partial(_logged_steps, run_dir))
    with ray_session(workers, address), stop_requested(words.answer, words.again) as request:
        _require_room(workers, on_gpu)
        trainer = TorchTrainer(
            _work,
            train_loop_config={"make_trainer": make_trainer, "run_dir": run_dir, "folder": os.getcwd()},
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=on_gpu),
            run_config=RunConfig(
                name=RAY_FOLDER, storage_path=str(run_dir), failure_config=FailureConfig(max_failures=0)
            ),
        )
        _attend(trainer, run_dir, request, on_step)
    (run_dir / STOP).unlink(missing_ok=True)
    if request and saved_step(run_dir) < config.steps:
        raise TrainingInterrupted(
            f"stopped; the state is in {run_dir}, start the same training again to continue"
        )


def _logged_steps(run_dir: Path) -> int:
    """Steps that the workers have done: the log has a line for each from the first one on."""
    path = run_dir / LOG
    return len(path.read_bytes().splitlines()) if path.exists() else 0


@contextmanager
def ray_session(workers: int, address: str | None = None) -> Iterator[None]:
    """A Ray for `train_together`; one that is already initialised is used and left running."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    if address is None:
        _start_local(workers)
    else:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def _start_local(workers: int) -> None:
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:
        # Guards the local cluster. By default Ray keeps it in the home folder, which may not be writable.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=OBJECT_STORE_BYTES,
        job_config=JobConfig(_py_driver_sys_path=_own_import_path()),
        _node_ip_address="127.0.0.1",
        _system_config={"process_group_cleanup_enabled": True, "prestart_worker_first_driver": False},
    )


def _own_import_path() -> list[str]:
    """Folders that this process imports from beyond what its Python always has: workers get them too."""
    standard = (sys.prefix + os.sep, sys.base_prefix + os.sep)
    return [folder for folder in sys.path if os.path.isdir(folder) and not folder.startswith(standard)]


def _require_room(workers: int, on_gpu: bool) -> None:
    """Ray itself would wait for ever."""
    total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray's
    cpus, gpus = int(total.get("CPU", 0)), int(total.get("GPU", 0))
    if cpus < workers or (on_gpu and gpus < workers):
        needed = "a CPU and a GPU" if on_gpu else "a CPU"
        raise TeamCapacityError(
            f"{workers} workers need {needed} each, there are {cpus} CPUs and {gpus} GPUs; ask for fewer "
            "workers or join a larger Ray cluster"
        )


def _work(job: dict[str, Any]) -> None:
    """What every worker does."""
    os.chdir(job["folder"])  # Ray moves workers elsewhere; relative paths shall mean what they meant
    device = ray.train.torch.get_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        job["make_trainer"](Team.joined()).run(stop=(job["run_dir"] / STOP).exists)
    except TrainingInterrupted:
        return  # as the process that started us asked; it says so


def _attend(trainer: TorchTrainer, run_dir: Path, request: StopRequest, on_step: OnStep | None) -> None:
    """Wait for the training, passing steps out and a stop request in."""
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    failures: list[Exception] = []
    thread = threading.Thread(target=_fit, args=(trainer, failures), daemon=True)
    keep_until(run_dir / LOG, saved_step(run_dir))
    lines = NewLines(run_dir / LOG)
    thread.start()
    while thread.is_alive():
        thread.join(TICK_S)
        if request:
            (run_dir / STOP).touch()
        for record in lines.read():
            if on_step is not None:
                on_step(record["step"], record["loss"], record["learning_rate"])
    if failures:
        raise WorkerFailedError(_gist(failures[0])) from failures[0]


def _fit(trainer: TorchTrainer, failures: list[Exception]) -> None:
    """Outside the main thread, where Ray Train would take over the handling of signals."""
    try:
        trainer.fit()
    except (TrainingFailedError, RayError) as error:
        failures.append(error)


def _gist(error: Exception) -> str:
    failures = getattr(error, "worker_failures", {})
    if not failures:
        return str(error).strip().splitlines()[-1]
    rank, failure = min(failures.items())
    return f"worker {rank}: {str(failure).strip().splitlines()[-1]}"
