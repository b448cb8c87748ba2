"""A traced graph in half precision.

Convolutions and matrix products (HALF_ALWAYS), and what lies directly between them (HALF_BETWEEN), work in
half precision; norms, softmaxes, lookups, the disparity and both ends stay in float32. The correlation of two
features is a matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jobs.extras import extra
from stereo_model.export.errors import ExportError

with extra("onnx"):
    import onnx

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

HALF_ALWAYS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
HALF_BETWEEN = frozenset(  # where every input is half already
    "Add Concat Expand Flatten Gather Identity LeakyRelu Mul Pad Relu Reshape Sigmoid Slice Split Squeeze "
    "Sub Tanh Transpose Unsqueeze".split()
)


def to_half(proto: ModelProto) -> ModelProto:
    """The graph, changed in place. Raises ExportError for a weight that half precision cannot hold."""
    conversion = _HalfPrecision(proto)
    for node in proto.graph.node:
        conversion.add(node)
    return conversion.result()


class _HalfPrecision:
    """One pass over a graph in its order, casting where precisions meet, each value at most once each way.

    Weights are stored in the precision they are used in.
    """

    def __init__(self, proto: ModelProto) -> None:
        self._proto = proto
        inferred = onnx.shape_inference.infer_shapes(proto).graph
        values = (*inferred.value_info, *inferred.input, *inferred.output)
        single = onnx.TensorProto.FLOAT
        self._weights = {w.name: w for w in proto.graph.initializer if w.data_type == single}
        self._floats = {v.name for v in values if v.type.tensor_type.elem_type == single} | set(self._weights)
        self._fixed = set(self._weights)  # floats that do not depend on the images
        self._half: set[str] = set()  # values in half precision
        self._casts: dict[tuple[str, bool], str] = {}
        self._nodes: list[NodeProto] = []
        self._outputs = {output.name for output in proto.graph.output}

    def add(self, node: NodeProto) -> None:
        """Take in the next node, with its inputs in the precision it works in."""
        inputs = [name for name in node.input if name in self._floats]
        half = self._works_in_half(node, inputs)
        for place, name in enumerate(node.input):
            if name in self._floats and (name in self._half) != half:
                node.input[place] = self._cast(name, half)
        produced = [name for name in node.output if name in self._floats]
        if half:
            self._half.update(produced)
        if node.op_type == "Constant" or (inputs and all(name in self._fixed for name in inputs)):
            self._fixed.update(produced)
        self._nodes.append(node)

    def result(self) -> ModelProto:
        """The graph of the nodes taken in."""
        graph = self._proto.graph
        used = {name for node in self._nodes for name in node.input}
        weights = [weight for weight in (*graph.initializer, *self._weights.values()) if weight.name in used]
        weights = list({weight.name: weight for weight in weights}.values())
        nodes = list(self._nodes)
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(weights)
        return self._proto

    def _works_in_half(self, node: NodeProto, inputs: Sequence[str]) -> bool:
        if self._outputs & set(node.output):
            return False
        if node.op_type in HALF_ALWAYS:
            return True
        computed = [name for name in inputs if name not in self._fixed]
        return node.op_type in HALF_BETWEEN and bool(computed) and all(n in self._half for n in computed)

    def _cast(self, name: str, half: bool) -> str:
        """The name of the value in the other precision; made at its first use."""
        if (name, half) not in self._casts:
            new = f"{name}_{'half' if half else 'single'}"
            if name in self._weights:
                self._weights[new] = self._half_weight(name, new)
            else:
                kind = onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT
                self._nodes.append(onnx.helper.make_node("Cast", [name], [new], name=new, to=kind))
            self._casts[name, half] = new
        return self._casts[name, half]

    def _half_weight(self, name: str, new: str) -> TensorProto:
        array = onnx.numpy_helper.to_array(self._weights[name])
        if np.abs(array[np.isfinite(array)]).max(initial=0.0) > np.finfo(np.float16).max:
            raise ExportError(f"weight {name} has values beyond half precision; export with precision fp32")
        return onnx.numpy_helper.from_array(array.astype(np.float16), new)
