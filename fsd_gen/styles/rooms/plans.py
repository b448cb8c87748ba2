"""What the kinds of room hold: essentials first, along the walls, then whatever else there is space for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsd_gen.styles.rooms import groups
from fsd_gen.styles.rooms.floorplan import Floor
from fsd_gen.styles.rooms.groups import Draw, Maker, alone
from fsd_gen.styles.rooms.room import Room


@dataclass(frozen=True, slots=True)
class Want:
    """A group that a room may hold."""

    draw: Draw
    chance: float = 1.0  # of the essential ones; the weight among the others
    amid: bool = False  # in the middle, not at a wall
    most: int = 1  # of its sort in one room


@dataclass(frozen=True, slots=True)
class Plan:
    """A kind of room."""

    essential: tuple[Want, ...]
    others: tuple[Want, ...]


PLANT = Want(alone("plant"), 1.0, most=3)
SHELF = Want(groups.bookcase, 1.6, most=4)
DESK = Want(groups.desk, 0.6)
PLANS: dict[str, Plan] = {
    "living": Plan(
        (Want(groups.sofa, 0.95), Want(groups.television, 0.75), Want(groups.bookcase, 0.8)),
        (
            SHELF,
            PLANT,
            Want(groups.dining, 1.5, amid=True),
            Want(alone("sideboard", "dresser"), 1.0, most=2),
            Want(alone("piano"), 0.4),
            Want(alone("fireplace"), 0.4),
            Want(alone("armchair", turn=12), 1.0, most=2),
            Want(groups.floor_lamp, 0.9),
            Want(alone("misc_home", turn=8), 0.9, most=3),
            DESK,
        ),
    ),
    "bedroom": Plan(
        (Want(groups.bed, 1.0), Want(alone("wardrobe"), 0.85), Want(alone("dresser"), 0.6)),
        (
            SHELF,
            PLANT,
            Want(groups.desk, 1.5),
            Want(alone("armchair", "chair", turn=12), 1.0),
            Want(alone("rack_clothes"), 0.7),
            Want(alone("wardrobe"), 0.6),
            Want(alone("misc_home", turn=8), 1.0, most=3),
            Want(groups.television, 0.6),
        ),
    ),
    "kitchen": Plan(
        (Want(groups.kitchen_line, 1.0), Want(groups.dining, 0.85, amid=True)),
        (
            Want(alone("fridge"), 0.8),
            Want(alone("machine"), 0.6),
            Want(groups.bookcase, 0.8, most=2),
            Want(alone("sideboard", "dresser"), 0.8),
            Want(alone("bin"), 1.0),
            Want(alone("stool", turn=10), 0.8, most=2),
            PLANT,
        ),
    ),
    "bath": Plan(
        (
            Want(alone("tub"), 0.7),
            Want(groups.bath_line, 1.0),
            Want(alone("toilet"), 0.85),
            Want(alone("shower"), 0.5),
        ),
        (
            Want(alone("machine"), 0.9),
            Want(alone("laundry", turn=10), 1.2, most=3),
            Want(alone("bidet"), 0.3),
            Want(alone("bin"), 0.5),
            Want(alone("stool", turn=10), 0.5),
            Want(groups.bookcase, 0.4),
            PLANT,
        ),
    ),
    "office": Plan(
        (Want(groups.desk, 1.0), Want(groups.desk, 0.7), Want(groups.bookcase, 0.8)),
        (
            Want(groups.desk, 2.0, most=3),
            SHELF,
            PLANT,
            Want(alone("office_misc", turn=5), 1.2, most=3),
            Want(alone("filing"), 1.0, most=2),
            Want(groups.dining, 0.7, amid=True),
            Want(groups.heap, 0.6),
            Want(alone("armchair", turn=12), 0.6),
        ),
    ),
    "corridor": Plan(
        (),
        (
            SHELF,
            PLANT,
            Want(alone("bench", "stool"), 1.0),
            Want(alone("rack_clothes"), 1.0, most=2),
            Want(alone("side_table", "dresser"), 1.2, most=2),
            Want(alone("chair", turn=8), 0.8, most=2),
            Want(groups.heap, 0.5),
        ),
    ),
    "warehouse": Plan(
        (
            Want(groups.racks, 1.0),
            Want(groups.racks, 1.0),
            Want(groups.racks, 0.7),
            Want(groups.pallets, 1.0),
        ),
        (
            Want(groups.racks, 1.5, most=4),
            Want(groups.racks, 1.0, amid=True, most=3),
            Want(groups.pallets, 1.5, most=3),
            Want(groups.pallets, 1.5, amid=True, most=4),
            Want(alone("store_misc", turn=20), 1.5, most=5),
            Want(groups.heap, 1.5, most=4),
            Want(groups.desk, 0.4),
        ),
    ),
}
KINDS: tuple[str, ...] = tuple(PLANS)
MISSES = 12  # groups in a row that found no place before a room counts as full


def fill(floor: Floor, maker: Maker, most: int) -> None:
    """Stand groups in the room until there are `most` of them or no more fit."""
    plan, rng = PLANS[floor.room.kind], maker.rng
    for want in plan.essential:
        if floor.groups < most and rng.uniform() < want.chance:
            _stand(floor, maker, want)
    weights = np.array([want.chance for want in plan.others])
    used, misses = [0] * len(plan.others), 0
    while floor.groups < most and misses < MISSES:
        number = int(rng.choice(len(weights), p=weights / weights.sum()))
        want = plan.others[number]
        done = used[number] < want.most and _stand(floor, maker, want)
        used[number] += done
        misses = 0 if done else misses + 1


def _stand(floor: Floor, maker: Maker, want: Want) -> bool:
    group = want.draw(maker)
    if group is None:
        return False
    if want.amid:
        return floor.amid(maker.rng, group)
    return floor.against(maker.rng, group, _walls_for(floor, want))


def _walls_for(floor: Floor, want: Want) -> list[int] | None:
    """The wall opposite the sofa for a television; the longest wall for a sofa or a kitchen."""
    room: Room = floor.room
    if want.draw is groups.television and floor.stood:
        first = floor.stood[0].spot
        return [int(round(first.heading_deg / 90) + 2) % 4]
    if want.draw in (groups.sofa, groups.kitchen_line, groups.racks):
        return [wall for wall in range(4) if room.wall_length(wall) >= min(room.width_m, room.depth_m) + 0.01]
    return None
