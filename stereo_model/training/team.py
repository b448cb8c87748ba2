"""Workers that train one model together: each computes its places of every batch, all take the same step.

The step is that of one worker on the whole batch, to float rounding: losses are divided by the whole batch's
number of known pixels before they are summed, and running statistics of batch norms are averaged over all
forward passes. Communication is torch.distributed's; who started the processes does not matter.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from stereo_model.training.config import DeviceError, TrainConfig

PLAIN_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
PROBE_HW = (64, 64)  # pixels of the image that finds out which weights are used


class TeamError(ValueError):
    """The batch cannot be shared out evenly among the workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """This worker's place among the workers of a training."""

    rank: int = 0
    size: int = 1

    @classmethod
    def joined(cls) -> Team:
        """The team of this process's torch.distributed group."""
        return cls(rank=torch.distributed.get_rank(), size=torch.distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this worker writes the files."""
        return self.rank == 0

    def share(self, config: TrainConfig) -> tuple[range, int]:
        """This worker's places in every batch, and how many of them go through the network at once.

        Raises TeamError where some workers would have more to do than others.
        """
        together = (config.micro_batch or 1) * self.size
        if config.batch_size % together:
            passes = f"passes of {config.micro_batch} samples on " if config.micro_batch else ""
            raise TeamError(
                f"a batch of {config.batch_size} cannot be shared evenly by {passes}{self.size} workers; "
                f"make batch_size a multiple of {together}"
            )
        own = config.batch_size // self.size
        return range(self.rank * own, (self.rank + 1) * own), config.micro_batch or own

    def summed(self, values: Tensor) -> Tensor:
        """The sum over all workers, on each of them."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Return once all workers are here."""
        if self.size > 1:
            torch.distributed.barrier()

    def shared(self, model: nn.Module, config: TrainConfig) -> nn.Module:
        """The model so wrapped that gradients are averaged over the workers.

        Weights that the loss does not reach would be waited for in vain; they are found and frozen.
        """
        if self.size == 1:
            return model
        for weight in unreached(model):
            weight.requires_grad_(False)
        if config.sync_batch_norm:
            _require_gpu(model)
            _synchronise(model)
        return DistributedDataParallel(model, broadcast_buffers=False)

    def apart(self, network: nn.Module, *, last: bool) -> AbstractContextManager[None]:
        """Around all but the last forward and backward pass of a step: gradients stay with the worker."""
        if last or not isinstance(network, DistributedDataParallel):
            return nullcontext()
        return network.no_sync()


class RunningStatistics:
    """Batch norms' running statistics of a step that is made of several passes on several workers.

    Every pass starts from the statistics before the step; afterwards they move by the mean of what the
    passes moved them. A pass that runs twice, as gradient checkpointing makes it, counts once.
    """

    def __init__(self, model: nn.Module) -> None:
        norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
        kept = [(norm.running_mean, norm.running_var) for norm in norms]
        self._statistics = [value for pair in kept for value in pair if value is not None]
        counted = [norm.num_batches_tracked for norm in norms]
        self._counters = [counter for counter in counted if counter is not None]

    def begin(self) -> None:
        """Before the first pass of a step."""
        self._before = [value.clone() for value in (*self._statistics, *self._counters)]
        self._moved = [torch.zeros_like(value, dtype=torch.float64) for value in self._statistics]
        self._passes = 0

    def collect(self) -> None:
        """Between the forward and the backward half of a pass."""
        for moved, value, before in zip(self._moved, self._statistics, self._before, strict=False):
            moved += value.double() - before.double()
        self._counted = [value.clone() for value in self._counters]
        self._passes += 1

    def restore(self) -> None:
        """After the backward half of a pass: as before the step."""
        for value, before in zip((*self._statistics, *self._counters), self._before, strict=True):
            value.copy_(before)

    def finish(self, team: Team) -> None:
        """After the last pass of a step, on all workers."""
        passes = self._passes * team.size
        if self._moved:
            flat = team.summed(torch.cat([moved.flatten() for moved in self._moved])) / passes
            parts = torch.split(flat, [moved.numel() for moved in self._moved])
            for value, before, moved in zip(self._statistics, self._before, parts, strict=False):
                value.copy_(before.double() + moved.view_as(before))
        for value, counted in zip(self._counters, self._counted, strict=True):
            value.copy_(counted)


def unreached(model: nn.Module) -> list[nn.Parameter]:
    """Trainable weights that no output of the network depends on."""
    device = next(model.parameters()).device
    image = torch.zeros(1, 3, *PROBE_HW, device=device)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    was_training = model.training
    model.eval()  # leaves running statistics alone
    with torch.enable_grad():
        output = model(image, image, iterations=1, every_iteration=True)
        total = output.initial_disparity.sum() + output.disparities[-1].sum()
        gradients = torch.autograd.grad(total, weights, allow_unused=True)
    model.train(was_training)
    return [weight for weight, gradient in zip(weights, gradients, strict=True) if gradient is None]


def _require_gpu(model: nn.Module) -> None:
    if next(model.parameters()).device.type != "cuda":
        raise DeviceError("sync_batch_norm works on GPUs only; set it to false or device to cuda")


def _synchronise(module: nn.Module) -> None:
    """Replace batch norms below `module`, keeping their weights and names."""
    for name, child in module.named_children():
        if type(child) in PLAIN_NORMS:
            synchronised = nn.SyncBatchNorm.convert_sync_batchnorm(child)  # type: ignore[no-untyped-call]  # torch's
            setattr(module, name, synchronised)
        elif isinstance(child, _BatchNorm) and any(weight.requires_grad for weight in child.parameters()):
            raise DeviceError(
                f"sync_batch_norm cannot replace {type(child).__name__} ({name}), which does more than a "
                "batch norm; set it to false or freeze_backbone to true"
            )
        else:
            _synchronise(child)
