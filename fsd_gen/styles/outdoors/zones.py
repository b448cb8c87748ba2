"""What stands along which sort of street."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What stands along one sort of street."""

    road: str
    lane_m: tuple[float, float]
    parking: float  # how probable lanes for parking are
    pavement_m: tuple[float, float]
    houses: tuple[str, ...]
    front_m: tuple[float, float]
    storeys: tuple[int, int]
    setback_m: tuple[float, float]
    gap: float  # how probable a gap after a house is
    gap_m: tuple[float, float]
    fences: tuple[str, ...]  # before front gardens; none: houses stand at the pavement
    trees_m: tuple[float, float]  # between trees along the kerb; 0: none
    kit: tuple[str, ...]
    lamp: str
    backdrop: tuple[str, ...]


TOWN = Zone(
    road="street",
    lane_m=(2.9, 3.4),
    parking=0.75,
    pavement_m=(2.0, 4.0),
    houses=("town", "town", "town", "modern"),
    front_m=(8, 18),
    storeys=(3, 6),
    setback_m=(0.0, 0.0),
    gap=0.12,
    gap_m=(4, 12),
    fences=(),
    trees_m=(0, 0),
    kit=("bollard", "bin", "cabinet", "sign", "sign", "bollard", "cycle_stand", "nameplate", "planter"),
    lamp="arm_lamp",
    backdrop=("town", "hills"),
)
SUBURB = Zone(
    road="street",
    lane_m=(2.7, 3.3),
    parking=0.45,
    pavement_m=(1.4, 2.4),
    houses=("house", "house", "house", "shed"),
    front_m=(8, 13),
    storeys=(1, 2),
    setback_m=(3.0, 7.0),
    gap=0.9,
    gap_m=(2, 9),
    fences=("hedge", "fence", "wall"),
    trees_m=(12, 26),
    kit=("bin", "sign", "cabinet", "nameplate", "wire_pole", "bin"),
    lamp="arm_lamp",
    backdrop=("woods", "hills"),
)
AVENUE = Zone(
    road="avenue",
    lane_m=(3.1, 3.6),
    parking=0.5,
    pavement_m=(3.5, 6.0),
    houses=("modern", "modern", "town"),
    front_m=(14, 30),
    storeys=(4, 9),
    setback_m=(0.0, 3.0),
    gap=0.25,
    gap_m=(4, 16),
    fences=(),
    trees_m=(8, 14),
    kit=("bollard", "bin", "bench", "sign", "planter", "cycle_stand", "cabinet"),
    lamp="arm_lamp",
    backdrop=("town",),
)
COUNTRY = Zone(
    road="country",
    lane_m=(2.8, 3.5),
    parking=0.0,
    pavement_m=(0.0, 0.0),
    houses=("house", "shed"),
    front_m=(8, 15),
    storeys=(1, 2),
    setback_m=(5.0, 16.0),
    gap=1.0,
    gap_m=(14, 60),
    fences=("hedge", "fence", "wall", "railing"),
    trees_m=(6, 14),
    kit=("sign", "wire_pole", "sign"),
    lamp="arm_lamp",
    backdrop=("hills", "woods"),
)
ZONES = {"town": TOWN, "suburb": SUBURB, "avenue": AVENUE, "country": COUNTRY}
