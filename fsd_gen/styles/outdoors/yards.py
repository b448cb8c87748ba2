"""How squares, courtyards, gardens and parks are laid out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """How one sort of place is laid out."""

    side_m: tuple[float, float]
    ground: str
    relief_m: tuple[float, float]
    path_m: tuple[float, float]  # 0, 0: none
    around: tuple[str, ...]  # what closes each side, to be drawn from
    trees: tuple[int, int]
    shrubs: tuple[int, int]
    lamps: tuple[int, int]
    people: tuple[int, int]
    things: tuple[int, int]
    kit: tuple[str, ...]  # made things
    storeys: tuple[int, int]
    backdrop: tuple[str, ...]


SQUARE = Yard(
    side_m=(26, 46),
    ground="paved",
    relief_m=(0.0, 0.35),
    path_m=(0, 0),
    around=("town", "town", "modern"),
    trees=(3, 9),
    shrubs=(0, 2),
    lamps=(3, 7),
    people=(3, 12),
    things=(8, 18),
    kit=("bench", "bench", "bin", "planter", "bollard", "cycle_stand", "cabinet", "nameplate", "bollard"),
    storeys=(3, 6),
    backdrop=("town", "hills"),
)
COURTYARD = Yard(
    side_m=(10, 18),
    ground="paved",
    relief_m=(0.0, 0.1),
    path_m=(0, 0),
    around=("town", "modern", "town"),
    trees=(0, 2),
    shrubs=(1, 5),
    lamps=(1, 3),
    people=(0, 4),
    things=(8, 20),
    kit=("bin", "bin", "planter", "bench", "cycle_stand", "cabinet", "bin"),
    storeys=(2, 5),
    backdrop=("town",),
)
GARDEN = Yard(
    side_m=(14, 28),
    ground="lawn",
    relief_m=(0.05, 0.8),
    path_m=(0.8, 1.6),
    around=("hedge", "fence", "wall", "house", "hedge"),
    trees=(3, 8),
    shrubs=(5, 14),
    lamps=(0, 3),
    people=(0, 3),
    things=(6, 16),
    kit=("bench", "planter", "planter", "bin"),
    storeys=(1, 2),
    backdrop=("woods", "hills"),
)
PARK = Yard(
    side_m=(45, 80),
    ground="lawn",
    relief_m=(0.3, 1.8),
    path_m=(1.8, 4.0),
    around=("hedge", "railing", "trees", "town", "trees"),
    trees=(14, 34),
    shrubs=(4, 14),
    lamps=(3, 7),
    people=(3, 10),
    things=(4, 12),
    kit=("bench", "bench", "bin", "bench", "bollard", "cycle_stand"),
    storeys=(2, 5),
    backdrop=("woods", "hills"),
)
YARDS = {"square": SQUARE, "courtyard": COURTYARD, "garden": GARDEN, "park": PARK}
