"""A furniture library of one cube, as the packs' tests read and convert it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from assets_manifest.packs.sweethome3d.catalogue import CatalogueModel

CUBE = """mtllib cube.mtl
v -1 -1 -1
v 1 -1 -1
v 1 1 -1
v -1 1 -1
v -1 -1 1
v 1 -1 1
v 1 1 1
v -1 1 1
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl paint
f 1/1 4/4 3/3 2/2
f 1/1 2/2 6/3 5/4
f 3/1 4/2 8/3 7/4
f 1/1 5/2 8/3 4/4
f 2/1 3/2 7/3 6/4
usemtl front
f 5/1 6/2 7/3 8/4
"""
MATERIALS = """newmtl paint
Kd 0.5 0.5 0.5
Ks 0.5 0.5 0.5
Ns 48
newmtl front
Kd 1 1 1
map_Kd C:\\Textures\\FRONT.PNG
"""
CATALOGUE = """id=Demo
name=Demo library
name#1=Caf\\u00e9 table
category#1=Living room
model#1=/demo/cube/cube.obj
width#1=120.0
depth#1=60
height#1=75
elevation#1=10
creator#1=Ada Lovelace
"""


def write_library(folder: Path, *, texture: bool = True, catalogue: str = CATALOGUE) -> Path:
    library = folder / "Demo"
    (library / "demo/cube").mkdir(parents=True)
    (library / "demo/cube/cube.obj").write_text(CUBE)
    (library / "demo/cube/cube.mtl").write_text(MATERIALS)
    if texture:
        Image.new("RGB", (4, 4), (200, 10, 10)).save(library / "demo/cube/front.png")
    (library / "PluginFurnitureCatalog.properties").write_text(catalogue, encoding="latin-1")
    return library


def cube_model(**changes: object) -> CatalogueModel:
    values = {
        "library": "Demo",
        "key": "cube",
        "name": "Table",
        "category": "Living room",
        "model": "demo/cube/cube.obj",
        "width_m": 1.2,
        "depth_m": 0.6,
        "height_m": 0.75,
        "drop_on_top_m": 0.75,
    }
    return CatalogueModel(**(values | changes))
