"""Weights as they come out of wrappers: without what torch's own classes and trainers put around names.

    {"state_dict": {...}}, {"model": {...}}, ...    a mapping within a mapping, with other values beside it
    module.x                                        DataParallel, DistributedDataParallel, AveragedModel
    _orig_mod.x, a._orig_mod.x                      torch.compile, of the whole or of a part
    _fsdp_wrapped_module.x, _checkpoint_wrapped_module.x

in any order and depth. `model.` and `net.`, as Lightning writes them, go too where every name begins so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from stereo_model.weights.files import NAMED_KEYS, CheckpointError, require_tensors

CONTAINERS = ("state_dict", "model", "model_state_dict", "model_state", "module", "net", "network", "weights")
ANYWHERE = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
LEADING = ("module.", "model.", "net.")
DEEPEST = 8  # mappings within each other
BESIDE = frozenset({"n_averaged"})  # a counter of AveragedModel


def bare_weights(payload: Any, *, source: str) -> dict[str, Tensor]:
    """Names and tensors of a file, out of its wrappers.

    Raises:
        CheckpointError: there is no mapping from names to tensors, or there are several.
    """
    return bare_names(require_tensors(_unwrapped(payload, source), source=source), source=source)


def holds_name(payload: Any, part: str, depth: int = 0) -> bool:
    """Whether a tensor in a file's content has this text in its name, whatever stands around it."""
    if not isinstance(payload, Mapping) or depth > DEEPEST:
        return False
    return any(isinstance(value, Tensor) and part in f".{name}" for name, value in payload.items()) or any(
        holds_name(payload.get(name), part, depth + 1) for name in CONTAINERS
    )


def _unwrapped(payload: Any, source: str) -> Any:
    for _ in range(DEEPEST):
        if not isinstance(payload, Mapping) or not payload or _is_state(payload):
            return payload
        payload = _inner(payload, source)
    raise CheckpointError(f"{source}: mappings within mappings, more than {DEEPEST} deep, and no weights")


def bare_names(state: Mapping[str, Tensor], *, source: str) -> dict[str, Tensor]:
    """The same tensors under the names that the bare model has. Raises CheckpointError if two become one."""
    bare = {_without(name): tensor for name, tensor in state.items() if name not in BESIDE}
    if len(bare) < len(state.keys() - BESIDE):
        raise CheckpointError(f"{source}: holds weights both with and without the names of a wrapper")
    while leading := _leading(bare):
        bare = {name.removeprefix(leading): tensor for name, tensor in bare.items()}
    return bare


def _leading(names: Collection[str]) -> str | None:
    """The wrapper's name with which all of them begin."""
    return next((text for text in LEADING if names and all(name.startswith(text) for name in names)), None)


def _without(name: str) -> str:
    for wrapper in ANYWHERE:
        name = name.replace(wrapper, "")
    return name


def _is_state(value: Mapping[Any, Any]) -> bool:
    return all(isinstance(item, Tensor) for item in value.values())


def _inner(value: Mapping[Any, Any], source: str) -> Any:
    """What a container holds. Raises CheckpointError where none or several of its entries may be meant."""
    held = [name for name in CONTAINERS if name in value and not isinstance(value[name], Tensor)]
    if len(held) == 1:
        return value[held[0]]
    found = ", ".join(str(name) for name in list(value)[:NAMED_KEYS]) or "nothing"
    if held:
        raise CheckpointError(f"{source}: holds several sets of weights, {', '.join(held)}; save one of them")
    raise CheckpointError(
        f"{source}: expected a mapping from names to tensors, or one under {' or '.join(CONTAINERS[:2])}; "
        f"found {found}"
    )
