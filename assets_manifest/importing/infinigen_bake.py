"""Bake objects of Infinigen into a folder that `fsd-gen assets import` takes. Run it where Infinigen is:

    python infinigen_bake.py OUT --per-factory 2       # some 200 objects, 1 to 45 s each
    fsd-gen assets import OUT --name infinigen

It needs `infinigen` 1.15 with `bpy` 4.2, and nothing of this project: it is one file of the standard library.
Every object is made by a process of its own, so that a factory that crashes or hangs costs its object alone.
What is there already is kept: the same command goes on. Only the loop around Infinigen is tested, with a
stand-in for it; the factories named were measured to work offline with at most 500,000 triangles.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

OBJECTS = "infinigen.assets.objects"
TEXTURE_PIXELS = 512
TIMEOUT_S = 300
MADE = (".usdc", ".usda", ".usd")
HEADER = ("file", "licence", "author", "source")
CREDIT = ("*", "BSD-3-Clause", "Infinigen (Princeton)", "https://github.com/princeton-vl/infinigen")
FACTORIES = """
appliances.beverage_fridge: BeverageFridgeFactory
appliances.dishwasher: DishwasherFactory
appliances.microwave: MicrowaveFactory
appliances.oven: OvenFactory
appliances.toaster: ToasterFactory
appliances.tv: MonitorFactory TVFactory
bathroom.bathroom_sink: BathroomSinkFactory StandingSinkFactory
bathroom.bathtub: BathtubFactory
bathroom.hardware: HardwareFactory
bathroom.toilet: ToiletFactory
clothes.blanket: BlanketFactory BoxComforterFactory ComforterFactory
clothes.pants: PantsFactory
clothes.shirt: ShirtFactory
clothes.towel: TowelFactory
elements.doors.lite: LiteDoorFactory
elements.doors.louver: LouverDoorFactory
elements.doors.panel: GlassPanelDoorFactory PanelDoorFactory
elements.pillars: PillarFactory
elements.rug: RugFactory
elements.staircases.cantilever: CantileverStaircaseFactory
elements.staircases.curved: CurvedStaircaseFactory
elements.staircases.generate: StaircaseFactory
elements.staircases.l_shaped: LShapedStaircaseFactory
elements.staircases.spiral: SpiralStaircaseFactory
elements.staircases.straight: StraightStaircaseFactory
elements.staircases.u_shaped: UShapedStaircaseFactory
fruits.apple: FruitFactoryApple
fruits.blackberry: FruitFactoryBlackberry
fruits.coconutgreen: FruitFactoryCoconutgreen
fruits.starfruit: FruitFactoryStarfruit
fruits.strawberry: FruitFactoryStrawberry
grassland.flower: FlowerFactory
grassland.flowerplant: FlowerPlantFactory
grassland.grass_tuft: GrassTuftFactory
lamp.ceiling_classic_lamp: CeilingClassicLampFactory
lamp.ceiling_lights: CeilingLightFactory
lamp.lamp: DeskLampFactory FloorLampFactory LampFactory
leaves.leaf: LeafFactory
leaves.leaf_broadleaf: LeafFactoryBroadleaf
leaves.leaf_ginko: LeafFactoryGinko
leaves.leaf_pine: LeafFactoryPine
leaves.leaf_v2: LeafFactoryV2
leaves.leaf_wrapped: LeafFactoryWrapped
monocot.grasses: GrassesMonocotFactory MaizeMonocotFactory ReedEarMonocotFactory
mushroom.growth: MushroomGrowthFactory
seating.bedframe: BedFrameFactory
seating.chairs.bar_chair: BarChairFactory
seating.chairs.chair: ChairFactory
seating.chairs.office_chair: OfficeChairFactory
seating.mattress: MattressFactory
seating.pillow: PillowFactory
seating.sofa: ArmChairFactory SofaFactory
shelves.cabinet: CabinetFactory
shelves.cell_shelf: CellShelfFactory TVStandFactory
shelves.countertop: CountertopFactory
shelves.kitchen_cabinet: KitchenCabinetFactory
shelves.kitchen_space: KitchenIslandFactory KitchenSpaceFactory
shelves.large_shelf: LargeShelfFactory
shelves.simple_bookcase: SimpleBookcaseFactory
shelves.simple_desk: SidetableDeskFactory SimpleDeskFactory
shelves.single_cabinet: SingleCabinetFactory
shelves.triangle_shelf: TriangleShelfFactory
small_plants.leaf_general: LeafFactory
small_plants.leaf_heart: LeafHeartFactory
small_plants.num_leaf_grass: NumLeafGrassFactory
small_plants.snake_plant: SnakePlantFactory
small_plants.spider_plant: SpiderPlantFactory
table_decorations.book: BookColumnFactory BookFactory BookStackFactory
table_decorations.sink: SinkFactory TapFactory
table_decorations.vase: VaseFactory
tables.cocktail_table: TableCocktailFactory
tables.dining_table: CoffeeTableFactory SideTableFactory TableDiningFactory
tables.table_top: TableTopFactory
tableware.bottle: BottleFactory
tableware.bowl: BowlFactory
tableware.can: CanFactory
tableware.chopsticks: ChopsticksFactory
tableware.cup: CupFactory
tableware.food_bag: FoodBagFactory
tableware.food_box: FoodBoxFactory
tableware.fork: ForkFactory SpatulaFactory
tableware.jar: JarFactory
tableware.knife: KnifeFactory
tableware.lid: LidFactory
tableware.pan: PanFactory
tableware.plant_container: PlantPotFactory
tableware.plate: PlateFactory
tableware.pot: PotFactory
tableware.spoon: SpoonFactory
tableware.wineglass: WineglassFactory
"""


def factories() -> Iterator[tuple[str, str]]:
    """Module and class of each factory."""
    for line in FACTORIES.strip().splitlines():
        module, _, names = line.partition(":")
        for name in names.split():
            yield f"{OBJECTS}.{module}", name


def main(arguments: Sequence[str] | None = None) -> int:
    """Bake all; 1 if nothing was made."""
    parser = argparse.ArgumentParser(description="Bake objects of Infinigen for `fsd-gen assets import`.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--per-factory", type=int, default=2)
    parser.add_argument("--only", default="", help="factories whose name has this in it")
    parser.add_argument("--one", nargs=3, metavar=("MODULE", "CLASS", "SEED"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        module, name, seed = given.one
        bake(module, name, int(seed), given.out)
        return 0
    made = _bake_all(given.out, given.only, given.per_factory)
    print(f"{made} objects; next: fsd-gen assets import {given.out} --name infinigen")
    return 0 if made else 1


def bake(module: str, name: str, seed: int, folder: Path) -> None:
    """Make one object with Infinigen, in this process, and export it with its textures."""
    bpy = importlib.import_module("bpy")
    export = importlib.import_module("infinigen.tools.export")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    factory = getattr(importlib.import_module(module), name)(seed)
    asset = factory.spawn_asset(0)
    export.export_single_obj(asset, folder, format="usdc", image_res=TEXTURE_PIXELS)


def _bake_all(out: Path, only: str, per_factory: int) -> int:
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "licences.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, CREDIT])
    made = 0
    for module, name in factories():
        for seed in range(per_factory if only in name else 0):
            problem = _baked_apart(module, name, seed, out)
            made += not problem
            print(f"{name} {seed}: {problem or 'made'}", flush=True)
    return made


def _baked_apart(module: str, name: str, seed: int, out: Path) -> str:
    """Bake into `out/NAME_SEED`, whole or not at all; what went wrong, or ""."""
    final = out / f"{name.replace('Factory', '')}_{seed}"
    if final.is_dir():
        return ""
    part = out / f".{final.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    command = [sys.executable, __file__, str(part), "--one", module, name, str(seed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        problem = "" if done.returncode == 0 else f"exit code {done.returncode}: {_last_line(done.stderr)}"
    except subprocess.TimeoutExpired:
        problem = f"took more than {TIMEOUT_S} s"
    if not problem and not any(path.suffix in MADE for path in part.rglob("*")):
        problem = "the export holds no USD file"
    if problem:
        shutil.rmtree(part)
    else:
        part.rename(final)
    return problem


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:200]


if __name__ == "__main__":
    sys.exit(main())
