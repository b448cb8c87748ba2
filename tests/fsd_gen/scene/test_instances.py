from fsd_gen.scene.instances import instance_names, instance_of, instance_prims
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import DistantLight, MaterialSpec, Panel, Placement, SphereLight
from tests.fsd_gen.synthetic import make_spec

CHAIR = Placement(name="Chair", asset="builtin/chair", position=(0, 2, 0))
FLOOR = Panel(
    name="Floor", position=(0, 0, 0), rotation=facing((0, 0, 1)), size=(9, 9), material=MaterialSpec()
)
BULB = SphereLight(name="Bulb", position=(0, 2, 2), radius_m=0.1, radiance=(1, 1, 1))
SUN = DistantLight(name="Sun", irradiance=(1, 1, 1))
SPEC = make_spec().model_copy(update={"placements": (CHAIR,), "panels": (FLOOR,), "lights": (SUN, BULB)})


def test_ids_are_placements_then_panels_then_lamps_with_a_body():
    assert instance_names(SPEC) == ("", "Chair", "Floor", "Bulb")


def test_every_id_has_its_prim():
    assert instance_prims(SPEC) == ("", "/World/Objects/Chair", "/World/Panels/Floor", "/World/Lights/Bulb")


def test_all_below_a_thing_belongs_to_it():
    assert instance_of("/World/Objects/Chair/Asset/Seat[3]/wood") == "/World/Objects/Chair"
    assert instance_of("/World/Panels/Floor") == "/World/Panels/Floor"
    assert instance_of("/World") == "/World"
