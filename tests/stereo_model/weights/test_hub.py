from __future__ import annotations

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError
from safetensors.torch import save_file

from stereo_model import BackboneWeightsError, WeightsUnavailableError, create_model
from stereo_model.network.backbone import Backbone
from stereo_model.weights import hub as weights
from stereo_model.weights.backbone import load_edgenext_weights
from stereo_model.weights.hub import KNOWN_WEIGHTS, HubFile, parse_place, resolve_weights


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that holds one file; what was asked for is recorded."""
    asked = []

    def fetch(repo, file, *, revision, cache_dir):
        asked.append((repo, file, revision))
        if repo != "owner/there":
            raise LocalEntryNotFoundError("offline")
        path = tmp_path / "snapshots" / "c0ffee" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return str(path)

    monkeypatch.setattr(weights, "hf_hub_download", fetch)
    return asked


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("hf:a/b/c.pth", HubFile(repo="a/b", file="c.pth")),
        ("hf:a/b/c/d.pth@0123abc", HubFile(repo="a/b", file="c/d.pth", revision="0123abc")),
        ("hf:a/b.c/d@refs/pr/1", HubFile(repo="a/b.c", file="d", revision="refs/pr/1")),
    ],
)
def test_a_place_names_repository_file_and_revision(place, expected):
    assert parse_place(place) == expected and parse_place(str(expected)) == expected


@pytest.mark.parametrize("place", ["hf:", "hf:file.pth", "hf:owner/file.pth", "hf:a/b/c d"])
def test_a_malformed_place_is_refused(place):
    with pytest.raises(ValueError, match="expected hf:OWNER/REPO/FILE"):
        resolve_weights(place)


def test_a_path_is_itself_and_a_place_is_fetched(hub, tmp_path, caplog):
    caplog.set_level("INFO")
    assert resolve_weights(tmp_path / "x.pth") == tmp_path / "x.pth" and hub == []
    assert resolve_weights("hf:owner/there/x.pth@v1").name == "x.pth"
    assert hub == [("owner/there", "x.pth", "v1")] and "commit=c0ffee" in caplog.text


def test_a_known_name_asks_for_its_file(hub):
    with pytest.raises(WeightsUnavailableError, match="download it elsewhere and give its path"):
        resolve_weights("depth_anything_v2_vits")
    assert hub == [("depth-anything/Depth-Anything-V2-Small", "depth_anything_v2_vits.pth", "main")]


def test_a_repository_that_does_not_exist_is_said_to(monkeypatch):
    def missing(*args, **kwargs):
        raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

    monkeypatch.setattr(weights, "hf_hub_download", missing)
    with pytest.raises(WeightsUnavailableError, match="no such repository or revision") as error:
        resolve_weights("hf:a/b/c")
    assert "\n" not in str(error.value)


def test_every_pretrained_prior_and_backbone_has_a_place():
    sizes = ("vits", "vitb", "vitl")
    priors = {f"{kind}_{size}" for kind in ("depth_anything_v2", "dinov2") for size in sizes}
    assert set(KNOWN_WEIGHTS) == priors | {"edgenext_small"}


def edgenext_file(folder, change=lambda state: None):
    backbone = Backbone("edgenext_small")
    state = {
        key.replace("stem_", "stem.").replace("stages_", "stages."): value
        for key, value in backbone.net.state_dict().items()
    }
    state |= {"head.norm.weight": torch.ones(304), "head.fc.weight": torch.ones(1000, 304)}
    change(state)
    save_file(state, folder / "model.safetensors")
    return backbone, folder / "model.safetensors"


def test_edgenext_starts_from_timms_file(tmp_path):
    backbone, path = edgenext_file(tmp_path)
    model = create_model("vits", prior=None, backbone_weights=path)
    own = model.features.backbone.net.state_dict()
    assert all(torch.equal(own[key], value) for key, value in backbone.net.state_dict().items())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda state: state.pop("stem.0.bias"), "missing stem_0.bias"),
        (lambda state: state.update({"stem.2.bias": torch.ones(1)}), "unexpected stem_2.bias"),
        (lambda state: state.update({"stem.0.bias": torch.ones(3)}), r"stem_0.bias is \(3,\), expected"),
    ],
)
def test_a_file_that_is_not_edgenext_is_refused(tmp_path, change, expected):
    backbone, path = edgenext_file(tmp_path, change)
    with pytest.raises(BackboneWeightsError, match=expected):
        load_edgenext_weights(backbone, path)


def test_a_broken_file_is_refused(tmp_path):
    backbone, path = edgenext_file(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BackboneWeightsError, match="truncated or not a file of weights") as error:
        load_edgenext_weights(backbone, path)
    assert "\n" not in str(error.value)
