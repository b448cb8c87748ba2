"""The loop around Infinigen, with a stand-in for it."""

from __future__ import annotations

from assets_manifest.importing import infinigen_bake
from assets_manifest.library import open_library
from tests.assets_manifest.importing.files import brought_in

BPY = """
class ops:
    class wm:
        @staticmethod
        def read_factory_settings(use_empty): pass
"""
EXPORT = '''
def export_single_obj(obj, folder, format, image_res):
    assert (format, image_res) == ("usdc", 512)
    (folder / "chair.usda").write_text("""#usda 1.0
(
    metersPerUnit = 1
    upAxis = "Z"
)
def Mesh "Chair"
{
    int[] faceVertexCounts = [3]
    int[] faceVertexIndices = [0, 1, 2]
    point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 0, 1)]
    uniform token subdivisionScheme = "none"
}
""")
'''
CHAIR = """
class ChairFactory:
    def __init__(self, seed):
        if seed: raise SystemExit("no chair today")
    def spawn_asset(self, number): return "chair"
"""


def test_what_is_made_becomes_a_pack_and_a_crash_costs_one_object(tmp_path, monkeypatch, capsys):
    modules = {
        "bpy.py": BPY,
        "infinigen/tools/export.py": EXPORT,
        "infinigen/assets/objects/chairs.py": CHAIR,
    }
    for name, text in modules.items():
        (tmp_path / "fake" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fake" / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
    monkeypatch.setattr(infinigen_bake, "FACTORIES", "chairs: ChairFactory")
    out = tmp_path / "out"
    assert infinigen_bake.main([str(out), "--per-factory", "2"]) == 0
    said = capsys.readouterr().out
    assert "ChairFactory 0: made" in said and "ChairFactory 1: exit code 1: no chair today" in said
    assert sorted(path.name for path in out.iterdir()) == ["Chair_0", "licences.csv"]
    brought_in(out, tmp_path / "packs", licence=None)
    asset = open_library(["mine"], tmp_path / "packs").get("mine/Chair_0/chair")
    assert asset.licence == "BSD-3-Clause" and "Infinigen" in asset.author and "seat" in asset.tags


def test_two_of_each_factory_are_over_two_hundred_objects():
    found = list(infinigen_bake.factories())
    assert len(set(found)) == len(found) and 2 * len(found) > 200
