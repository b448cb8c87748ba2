"""A layer under the pen: opinions on prims and attributes, written straight into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fsd_gen.usd.openusd import Sdf

Values = Mapping[str, tuple[Sdf.ValueTypeName, Any]]  # attribute -> its type and value


class Sheet:
    """Writes into one layer; what it is told twice, it overwrites."""

    def __init__(self, layer: Sdf.Layer) -> None:
        self.layer = layer

    def define(self, path: str, kind: str, *, apis: Iterable[str] = ()) -> None:
        """A prim of our own, of the type `kind`, with these applied schemas."""
        prim = self._prim(path)
        prim.specifier, prim.typeName = Sdf.SpecifierDef, kind
        if names := list(apis):
            prim.SetInfo("apiSchemas", Sdf.TokenListOp.Create(prependedItems=names))

    def apply(self, path: str, api: str) -> None:
        """One more applied schema for a prim of the stage, beside those that it has."""
        prim = self._prim(path)
        said = prim.GetInfo("apiSchemas") or Sdf.TokenListOp()
        items = [*said.prependedItems, api]
        prim.SetInfo("apiSchemas", Sdf.TokenListOp.Create(prependedItems=list(dict.fromkeys(items))))

    def retype(self, path: str, kind: str) -> None:
        """Another type for a prim of the stage."""
        self._prim(path).typeName = kind

    def inform(self, path: str, name: str, value: Any) -> None:
        """Metadata of a prim, such as `active`."""
        self._prim(path).SetInfo(name, value)

    def set(self, path: str, values: Values, *, uniform: bool = False) -> None:
        """Attributes of a prim."""
        for name, (kind, value) in values.items():
            self.attribute(path, name, kind, uniform=uniform).default = value

    def attribute(
        self, path: str, name: str, kind: Sdf.ValueTypeName, *, uniform: bool = False
    ) -> Sdf.AttributeSpec:
        """An attribute's own place in this layer."""
        found = self.layer.GetAttributeAtPath(Sdf.Path(path).AppendProperty(name))
        if found:
            return found
        variability = Sdf.VariabilityUniform if uniform else Sdf.VariabilityVarying
        return Sdf.AttributeSpec(self._prim(path), name, kind, variability)

    def relate(self, path: str, name: str, targets: Iterable[str]) -> None:
        """A relationship of a prim."""
        relationship = Sdf.RelationshipSpec(self._prim(path), name, False)
        relationship.targetPathList.explicitItems = [Sdf.Path(target) for target in targets]

    def _prim(self, path: str) -> Sdf.PrimSpec:
        return Sdf.CreatePrimInLayer(self.layer, Sdf.Path(path))
