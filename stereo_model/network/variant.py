"""The same weights under other computations: how other rooms replace parts of the network.

A part is replaced by giving a copy of its module another class: one that computes the same function, and
keeps no state that the class it stands for does not have. The names of all weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def variant(model: Module, classes: Mapping[type[nn.Module], type[nn.Module]]) -> Module:
    """A copy of `model` that shares its weights and buffers, with modules of some classes being of others.

    Modules whose class is a key of `classes`, not a subclass of one, get its value. What is done to the copy
    alone (mode, hooks, compilation) does not reach the model; a change of a weight in place reaches both.
    """
    copied: Module = _copied(model, classes, {})
    return copied


def _copied(
    module: nn.Module, classes: Mapping[type[nn.Module], type[nn.Module]], done: dict[int, Any]
) -> Any:
    if id(module) not in done:
        kind = type(module)
        copied = done[id(module)] = nn.Module.__new__(classes.get(kind, kind))
        for name, value in vars(module).items():
            copied.__dict__[name] = value.copy() if isinstance(value, dict) else value
        copied.__dict__.pop("_compiled_call_impl", None)
        for name, child in module._modules.items():
            copied._modules[name] = None if child is None else _copied(child, classes, done)
    return done[id(module)]
