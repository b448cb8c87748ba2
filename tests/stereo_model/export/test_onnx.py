"""Export to ONNX: onnxruntime says what torch says, at every size, in both precisions."""

from __future__ import annotations

import importlib
import sys
from typing import Literal, get_args, get_origin

import numpy as np
import onnx
import pytest
import torch
from torch.nn import functional as F

from jobs.extras import MissingExtraError
from stereo_model import FoundationStereo, ModelConfig, RandomWeightsWarning, create_model, model_config
from stereo_model.export import onnx as exporter
from stereo_model.export.errors import ExportError
from stereo_model.export.half import to_half
from stereo_model.export.onnx import export_onnx, read_export_info
from stereo_model.export.parity import MOST_OFF, TOLERANCE, ParityCase, ParityReport, check_parity
from stereo_model.fast.accelerate import accelerate
from stereo_model.network.prior import MonocularPrior

pytestmark = pytest.mark.usefixtures("traced_once")

SIZE = {"height": 64, "width": 96, "iterations": 2}
SIZES = [(64, 96), (32, 32), (96, 160)]  # 32 columns are fewer than the 64 px that are searched


def lively(preset: str = "nano", **overrides):
    """An untrained model whose volume and refinement move the disparity by pixels, as a trained one's do."""
    model = create_model(preset, **overrides)
    with torch.no_grad():
        random = torch.Generator().manual_seed(1)
        model.initial.classify[-1].weight.normal_(std=0.3, generator=random)
        model.update.disparity_head[-1].weight *= 3000
        for name, weight in model.named_parameters():
            if name.endswith((".ls1.gamma", ".ls2.gamma")):  # transformer blocks that do something
                weight.fill_(0.3)
    return model


@pytest.fixture(scope="module")
def model():
    return lively(prior="depth_anything_v2_nano")


@pytest.fixture(scope="module")
def single(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("single") / "model.onnx"
    export_onnx(model, path, **SIZE)
    return path


@pytest.fixture(scope="module")
def half(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("half") / "model.onnx"
    export_onnx(model, path, **SIZE, precision="fp16")
    return path


def test_the_refinement_of_the_tests_model_moves_the_disparity(model):
    left, right = torch.rand(2, 1, 3, 64, 96).mul(255)
    first, last = (model.predict(left, right, iterations=n) for n in (1, 2))
    assert (first - last).abs().mean() > 0.5


def test_single_precision_agrees_at_sizes_it_was_not_traced_at(model, single):
    report = check_parity(model, single, sizes=SIZES, batch=2)
    assert [(case.batch, case.height, case.width) for case in report.cases] == [(2, *size) for size in SIZES]
    assert report.passed and max(case.worst for case in report.cases) < 1e-2


def test_half_precision_agrees_within_its_tolerance_at_half_the_size_on_disk(model, single, half):
    report = check_parity(model, half, sizes=SIZES)
    assert report.passed and report.tolerance == TOLERANCE["fp16"]
    assert max(case.mean for case in report.cases) > 0
    assert half.stat().st_size < 0.6 * single.stat().st_size


def test_the_default_check_looks_at_two_sizes(model, single):
    report = check_parity(model, single)
    assert [(case.height, case.width) for case in report.cases] == [(64, 96), (96, 288)]


def test_the_graph_has_standard_operators_and_float32_ends(single, half):
    for path in (single, half):
        proto = onnx.load(path)
        assert {(entry.domain, entry.version) for entry in proto.opset_import} == {("", 17)}
        assert {node.domain for node in proto.graph.node} == {""}
        ends = [*proto.graph.input, *proto.graph.output]
        assert [end.name for end in ends] == ["left", "right", "disparity"]
        assert {end.type.tensor_type.elem_type for end in ends} == {onnx.TensorProto.FLOAT}


def test_half_precision_leaves_norms_softmaxes_and_lookups_in_float32(half):
    graph = onnx.shape_inference.infer_shapes(onnx.load(half)).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    seen = {}
    for node in graph.node:
        seen.setdefault(node.op_type, set()).update(kinds[name] for name in node.output if name in kinds)
    assert seen["Conv"] == seen["ConvTranspose"] == {onnx.TensorProto.FLOAT16}
    for single_op in ("InstanceNormalization", "Softmax", "ReduceL2", "Floor", "AveragePool"):
        assert seen[single_op] == {onnx.TensorProto.FLOAT}, single_op


def test_a_file_that_says_something_else_does_not_pass(model, single, tmp_path):
    proto = onnx.load(single)
    weight = next(w for w in proto.graph.initializer if w.name == "net.hourglass.up4.0.weight")
    weight.CopyFrom(onnx.numpy_helper.from_array(-5 * onnx.numpy_helper.to_array(weight), weight.name))
    onnx.save(proto, tmp_path / "other.onnx")
    assert not check_parity(model, tmp_path / "other.onnx", sizes=[(64, 96)]).passed


def test_a_file_is_only_compared_with_the_model_it_was_made_from(single):
    with pytest.raises(ExportError, match="weights differ"):
        check_parity(create_model("nano", seed=1), single)


def test_the_file_says_what_it_is(model, half):
    info = read_export_info(half)
    assert (info.max_disparity, info.iterations, info.precision, info.dynamic) == (64, 2, "fp16", True)
    assert (info.height, info.width) == (64, 96) and info.config_digest == model.config.digest()
    values = {entry.key: entry.value for entry in onnx.load(half).metadata_props}
    assert values["model_config"] == model.config.model_dump_json()


ABLATIONS = [  # every field that changes the architecture and not only its size, each value of it alone
    *({"cost_volume": kind} for kind in ("hybrid", "groupwise", "concat")),
    *({"cost_volume": kind, "evidence_skip": False} for kind in ("hybrid", "groupwise", "concat")),
    *({"disparity_attention": kind} for kind in ("disparity", "heads", "volume")),
    *({"positions": kind} for kind in ("cosine", "rope")),
    *({"backbone": name} for name in ("efficientnet_lite0", "edgenext_small")),
    *(
        {"prior": f"{kind}_nano", "side_tuning": way}
        for kind in ("dinov2", "depth_anything_v2")
        for way in "bc"
    ),
    *(
        {"prior": f"{kind}_nano", "side_tuning": "a", "evidence_skip": False}
        for kind in ("dinov2", "depth_anything_v2")
    ),
    {"lateral_dims": None},
    {"fusion_blocks": 2},
    *({"volume_smoothing": True, "volume_blocks": count} for count in (0, 2)),
    {"disparity_kernel": 1},
    {"classifier_blocks": 2, "classifier_kernel": 7},
    {"census_radius": None},
    {"argmin_radius": None},
    {"volume_skip": False},
    {"context_strides": (1, 2, 2)},
    {"corr_levels": 3, "corr_radius": 2},
    {"axial_blocks": 2, "transformer_layers": 2},
]
TOGETHER = [  # the same values, many at a time
    {
        "cost_volume": "groupwise",
        "disparity_attention": "heads",
        "positions": "rope",
        "evidence_skip": False,
        "prior": "dinov2_nano",
        "side_tuning": "a",
        "volume_smoothing": True,
        "volume_skip": False,
    },
    {
        "cost_volume": "concat",
        "disparity_attention": "volume",
        "backbone": "edgenext_small",
        "prior": "depth_anything_v2_nano",
        "side_tuning": "b",
        "evidence_skip": False,
    },
]


def values_of(field):
    """The values a field can be switched between; None for a number."""
    kind = ModelConfig.model_fields[field].annotation
    switched = get_origin(kind) is Literal
    return set(get_args(kind)) if switched else {True, False} if kind is bool else None


@pytest.mark.parametrize("options", [ABLATIONS, TOGETHER], ids=["alone", "together"])
def test_every_value_a_field_can_be_switched_to_is_exported_in_a_test(options):
    base = model_config("nano")
    for field in ModelConfig.model_fields:
        tried = {getattr(base, field), *(option[field] for option in options if field in option)}
        assert (values_of(field) or set()) <= tried, field
    priors = {option["prior"].rpartition("_")[0] for option in options if "prior" in option}
    assert priors == {"dinov2", "depth_anything_v2"}


@pytest.mark.parametrize("option", TOGETHER, ids=["groupwise", "concat"])
def test_ablations_agree_at_sizes_they_were_not_traced_at(tmp_path, option):
    model = lively(max_disparity=32, **option)
    export_onnx(model, tmp_path / "model.onnx", height=32, width=64, iterations=1)
    report = check_parity(model, tmp_path / "model.onnx", sizes=[(32, 64), (64, 96)])
    assert report.passed and max(case.worst for case in report.cases) < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("option", ABLATIONS, ids=str)
def test_every_ablation_agrees_in_single_precision_and_has_a_verdict_in_half(tmp_path, option):
    model = lively(**option)
    export_onnx(model, tmp_path / "model.onnx", **SIZE)
    report = check_parity(model, tmp_path / "model.onnx", sizes=SIZES, batch=2)
    assert report.passed and max(case.worst for case in report.cases) < 1e-2
    export_onnx(model, tmp_path / "half.onnx", **SIZE, precision="fp16")
    cases = check_parity(model, tmp_path / "half.onnx", sizes=SIZES).cases
    assert all(np.isfinite(case.worst) for case in cases)


@pytest.mark.slow
def test_no_product_of_a_graph_is_over_no_channel_at_all(tmp_path):
    model = create_model("nano", cost_volume="concat", evidence_skip=False, max_disparity=32)
    export_onnx(model, tmp_path / "model.onnx", height=32, width=32, iterations=1)
    graph = onnx.shape_inference.infer_shapes(onnx.load(tmp_path / "model.onnx")).graph
    sizes = {value.name: value.type.tensor_type.shape.dim for value in graph.value_info}
    empty = {
        name
        for name, dims in sizes.items()
        if any(dim.HasField("dim_value") and dim.dim_value == 0 for dim in dims)
    }
    factors = {
        name for node in graph.node if node.op_type in ("MatMul", "Gemm", "Conv") for name in node.input
    }
    assert factors & empty == set()


def test_an_accelerated_copy_is_exported_as_its_model(model, single, tmp_path):
    export_onnx(accelerate(model), tmp_path / "model.onnx", **SIZE)
    assert (tmp_path / "model.onnx").read_bytes() == single.read_bytes()
    assert check_parity(accelerate(model), single, sizes=[(32, 32)]).passed


def test_random_weights_are_exported_with_a_word(tmp_path, monkeypatch):
    def traced(*args):
        raise ExportError("far enough")

    monkeypatch.setattr(exporter, "_trace", traced)
    with pytest.warns(RandomWeightsWarning, match="weights are random"), pytest.raises(ExportError):
        export_onnx(create_model("nano"), tmp_path / "model.onnx", **SIZE)


def report_of(*, mean, off, precision):
    case = ParityCase(batch=1, height=64, width=96, mean=mean, worst=85.0, off=off)
    return ParityReport(cases=(case,), tolerance=TOLERANCE[precision], most_off=MOST_OFF[precision])


@pytest.mark.parametrize(
    ("mean", "off", "precision", "passed"),
    [
        (0.05, 0.005, "fp16", True),
        (0.2, 0.005, "fp16", False),
        (0.05, 0.02, "fp16", False),
        (0.05, 0.0, "fp32", False),
        (0.0005, 0.001, "fp32", False),
        (0.0005, 0.0, "fp32", True),
        (float("nan"), 0.0, "fp16", False),
    ],
)
def test_the_verdict_is_over_the_mean_and_the_share_of_pixels_off(mean, off, precision, passed):
    assert report_of(mean=mean, off=off, precision=precision).passed is passed


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_model_of_published_size_agrees(tmp_path, precision):
    model = lively("vits", max_disparity=192)
    export_onnx(model, tmp_path / "m.onnx", height=64, width=128, iterations=3, precision=precision)
    assert check_parity(model, tmp_path / "m.onnx", sizes=[(64, 128), (96, 256)]).passed


class GreyPrior(MonocularPrior):
    """A prior that was handed to the model; nothing is known of how it depends on the size."""

    channels = 8

    def forward(self, image_bchw):
        return F.avg_pool2d(image_bchw, 4).mean(1, keepdim=True).expand(-1, 8, -1, -1)


@pytest.mark.slow
def test_an_unknown_prior_fixes_the_size_and_large_weights_get_a_file_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "LARGEST_FILE", 1 << 20)
    model = FoundationStereo(model_config("nano", prior_dim=8), GreyPrior()).eval()
    path = tmp_path / "model.onnx"
    info = export_onnx(model, path, height=32, width=64, iterations=1)
    assert not info.dynamic and info.size == "32x64"
    names = sorted(file.name for file in tmp_path.iterdir())
    assert len(names) == 2 and names[0].startswith("model-") and names[1] == "model.onnx"
    assert path.stat().st_size < 3e6 < (tmp_path / names[0]).stat().st_size
    assert check_parity(model, path).passed
    with pytest.raises(ExportError, match="takes 32x64 only"):
        check_parity(model, path, sizes=[(64, 64)])


def test_a_failed_export_leaves_the_old_file_and_the_model_as_they_were(tmp_path, monkeypatch):
    model = create_model("nano").train()
    path = tmp_path / "model.onnx"
    path.write_text("old")

    def fail(*args, **kwargs):
        raise RuntimeError("power cut")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        export_onnx(model, path, **SIZE)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"] and path.read_text() == "old"
    assert model.training


@pytest.mark.parametrize(
    "change, message",
    [
        ({"height": 100}, "multiples of 32, got 100x96"),
        ({"width": 0}, "multiples of 32"),
        ({"iterations": 0}, "at least 1"),
        ({"precision": "int8"}, "fp32, fp16"),
    ],
)
def test_what_cannot_be_exported_is_refused(model, tmp_path, change, message):
    with pytest.raises(ExportError, match=message):
        export_onnx(model, tmp_path / "model.onnx", **(SIZE | change))
    with pytest.raises(ExportError, match="ends in .onnx"):
        export_onnx(model, tmp_path / "model.pt", **SIZE)
    assert not list(tmp_path.iterdir())


def test_a_weight_that_half_precision_cannot_hold_is_named():
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["z"]), onnx.helper.make_node("Neg", ["z"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 1])],
        [onnx.numpy_helper.from_array(np.full((1, 1), 1e5, np.float32), "w")],
    )
    with pytest.raises(ExportError, match="weight w has values beyond half precision"):
        to_half(onnx.helper.make_model(graph))


@pytest.mark.parametrize(
    ("package", "module"), [("onnx", "onnx"), ("onnx", "half"), ("onnxruntime", "parity")]
)
def test_missing_packages_name_the_extra(package, module, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"stereo_model.export.{module}")
    message = f"^{package} is not installed.*pip install '.\\[onnx\\]' in the checkout of fsd-gen$"
    with pytest.raises(MissingExtraError, match=message):
        importlib.import_module(f"stereo_model.export.{module}")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ExportError, match="no such file"):
        read_export_info(tmp_path / "nowhere.onnx")
    (tmp_path / "text.onnx").write_text("not a graph")
    with pytest.raises(ExportError, match="not an ONNX file"):
        read_export_info(tmp_path / "text.onnx")
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    onnx.save(
        onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:])),
        tmp_path / "other.onnx",
    )
    with pytest.raises(ExportError, match="not exported by this package"):
        read_export_info(tmp_path / "other.onnx")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_and_leave_no_file(tmp_path, value):
    broken = create_model("nano")
    with torch.no_grad():
        broken.update.motion.corr1.weight[0] = value
    with pytest.raises(
        ExportError, match=r"1 weights .* not finite .*, such as update\.motion\.corr1\.weight"
    ):
        export_onnx(broken, tmp_path / "new" / "model.onnx", **SIZE)
    assert list(tmp_path.iterdir()) == []
