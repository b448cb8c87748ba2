"""Walking shading networks: what feeds an input."""

from __future__ import annotations

from typing import Any

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.openusd import Usd, UsdShade


def producer(shader_input: UsdShade.Input) -> Usd.Attribute | None:
    """The attribute that an input takes its value from: a shader's output, or whichever holds a constant.

    Raises:
        StageError: it is connected to what does not exist, or in a circle.
    """
    attributes = shader_input.GetValueProducingAttributes()
    if not attributes and (targets := shader_input.GetAttr().GetConnections()):
        raise StageError(
            f"<{shader_input.GetAttr().GetPath()}>: connected to <{targets[0]}>, which gives nothing"
        )
    return attributes[0] if attributes else None


def is_output(attribute: Usd.Attribute) -> bool:
    """Whether a shader computes it."""
    return bool(UsdShade.Utils.GetType(attribute.GetName()) == UsdShade.AttributeType.Output)


def constant(shader: UsdShade.Shader, name: str, time: Usd.TimeCode) -> Any:
    """The value of an input that nothing computes; None where there is none."""
    shader_input = shader.GetInput(name)
    source = producer(shader_input) if shader_input else None
    return None if source is None or is_output(source) else source.Get(time)


def connected(shader: UsdShade.Shader, name: str) -> UsdShade.Shader | None:
    """The shader that computes an input; None where none does."""
    shader_input = shader.GetInput(name)
    source = producer(shader_input) if shader_input else None
    return UsdShade.Shader(source.GetPrim()) if source is not None and is_output(source) else None


def kind_of(shader: UsdShade.Shader) -> str:
    """Its id, "none" without one."""
    return str(shader.GetIdAttr().Get() or "none")
