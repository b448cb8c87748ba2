"""Made vehicles."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from assets_manifest.made import vehicles
from assets_manifest.made.registry import MadeAssetError
from assets_manifest.made.vehicle_forms import CARS, KINDS, Vehicle, form_of

MIRROR_M = 0.17  # that mirrors and plates stand out by
MOST_TRIANGLES = 7000


def meshes(path):
    stage = Usd.Stage.Open(str(path))
    found = {p.GetName(): UsdGeom.Mesh(p) for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)}
    return {name: np.asarray(mesh.GetPointsAttr().Get()) for name, mesh in found.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_vehicle_stands_on_its_wheels_and_keeps_to_its_size(kind, tmp_path):
    for seed in ("0", "5"):
        folder = tmp_path / seed
        folder.mkdir()
        points = np.concatenate(list(meshes(vehicles.make(folder, (kind, seed))).values()))
        across, along, height = Vehicle.of((kind, seed)).size_m
        assert np.isfinite(points).all() and len(points) / 3 < MOST_TRIANGLES
        assert points[:, 2].min() == pytest.approx(0, abs=0.03)
        assert np.abs(points[:, 0]).max() < across / 2 + MIRROR_M
        assert np.ptp(points[:, 1]) == pytest.approx(along, abs=0.12)
        assert height - 0.2 < points[:, 2].max() < height + 1.3 * (kind == "lorry") + 0.08


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "bicycle"])
def test_lamps_shine_in_front_and_red_behind(kind, tmp_path):
    parts = meshes(vehicles.make(tmp_path, (kind, "3")))
    assert parts["lamp"][:, 1].max() < 0 < parts["tail"][:, 1].min()
    assert {"paint", "glass", "trim", "rim", "plate"} <= set(parts)


def test_bodies_of_one_kind_differ():
    for kind in CARS:
        forms = {form_of(Vehicle.of((kind, str(seed)))) for seed in range(20)}
        assert len(forms) == 20
        assert np.ptp([form.length for form in forms]) > 0.3


def test_words_that_are_none_of_a_vehicle_are_refused(tmp_path):
    with pytest.raises(MadeAssetError, match="hatch"):
        vehicles.make(tmp_path, ("rocket", "1"))
