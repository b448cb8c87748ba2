"""Which assets can play which role in a room: by words of their title, tags, and size limits in metres."""

from __future__ import annotations

from dataclasses import dataclass

Limits = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
OUT: frozenset[str] = frozenset({"outdoor", "vehicle", "character", "door_window", "staircase"})
ANY: Limits = ((0.0, 20.0), (0.0, 20.0), (0.0, 20.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who suits: all of `tags`, none of `without`, a title with one of the words, sizes within limits."""

    titles: str = ""  # regular expression; empty: tags decide
    never: str = ""  # titles that do not suit
    tags: frozenset[str] = frozenset()
    without: frozenset[str] = OUT
    size: Limits = ANY


def _role(
    titles: str = "",
    tags: str = "",
    *,
    never: str = "",
    width: tuple[float, float] = (0.0, 20.0),
    depth: tuple[float, float] = (0.0, 20.0),
    height: tuple[float, float] = (0.0, 20.0),
    without: frozenset[str] = OUT,
) -> Role:
    words = frozenset(tags.split())
    return Role(titles=titles, never=never, tags=words, without=without, size=(width, depth, height))


_FLAT = r"\bset\b|clothes|dress|jacket|trousers|saw|racket|shovel"

ROLES: dict[str, Role] = {
    # seats
    "chair": _role(
        r"\bchair\b|stool_low|chair with",
        "floor seat",
        never=r"arm|baby|child|high|kids|wheel|bar|office|desk|leaf|ryokan|beach|folding|osaka",
        width=(0.35, 0.65),
        height=(0.7, 1.2),
    ),
    "desk_chair": _role(
        r"office chair|desk chair|chair|class seat",
        "floor seat office",
        width=(0.35, 1.0),
        height=(0.75, 1.2),
    ),
    "armchair": _role(
        r"armchair|puff|leaf|ryokan|osaka|futon chair", "floor seat", width=(0.45, 1.2), depth=(0.4, 1.2)
    ),
    "sofa": _role(r"sofa|couch|settee", "floor seat", never=r"BZ|corner", width=(1.2, 2.6), depth=(0.6, 1.3)),
    "stool": _role(r"stool|bench", "floor seat", width=(0.25, 1.3), depth=(0.25, 0.6)),
    "bench": _role(r"bench", "floor seat", never="abdominal", width=(0.6, 1.5)),
    # tables
    "dining_table": _role(
        r"table",
        "floor support table",
        never=(
            r"coffee|bedside|dressing|side|technical|tennis|bar |changing|child|desk|island|bar_table|pool"
            r"|football"
        ),
        width=(0.75, 2.4),
        depth=(0.6, 1.3),
        height=(0.65, 0.82),
    ),
    "coffee_table": _role(
        r"coffee|table",
        "floor support table",
        never=r"bedside|desk|child|dressing",
        width=(0.5, 1.4),
        depth=(0.4, 0.9),
        height=(0.25, 0.55),
    ),
    "desk": _role(
        r"desk|wooden|office|table on trestles|alder",
        "floor support table",
        width=(0.9, 2.0),
        depth=(0.45, 1.0),
        height=(0.68, 1.1),
    ),
    "side_table": _role(
        r"bedside|night|side|table|stool|cabinet|drawers",
        "floor support",
        never=r"kitchen|island|coffee|lower|child",
        width=(0.25, 0.68),
        depth=(0.25, 0.6),
        height=(0.35, 0.8),
    ),
    # beds
    "bed": _role(
        r"bed",
        "bed floor",
        never=r"baby|crib|hospital|air|sleeping|bunk|mezzanine|rocking|bedside|day",
        width=(0.8, 2.1),
        depth=(1.8, 2.4),
    ),
    "bunk_bed": _role(r"bunk|mezzanine|captain", "bed floor"),
    # cases
    "wardrobe": _role(
        r"wardrobe|cupboard|armoire|closet", "floor", width=(0.7, 2.3), depth=(0.3, 0.8), height=(1.4, 2.4)
    ),
    "dresser": _role(
        r"dresser|chest|drawers|cabinet_drawers|commode|trunck",
        "floor",
        never=r"freezer|kitchen",
        width=(0.6, 1.8),
        depth=(0.35, 0.7),
        height=(0.3, 1.1),
    ),
    "sideboard": _role(
        r"sideboard|tv stand|television cabinet|cabinet_low|dresser|buffet|cabinet low",
        "floor support",
        width=(0.9, 2.2),
        depth=(0.3, 0.7),
        height=(0.4, 1.0),
    ),
    "bookcase": _role(
        r"bookcase|shelves|shelf|cupboard|living room|vertical",
        "floor",
        never="empty",
        width=(0.4, 2.7),
        depth=(0.2, 0.6),
        height=(0.7, 2.3),
    ),
    "filing": _role(r"filing|office box|safe|office_box|cabinet", "floor office", width=(0.3, 2.2)),
    # kitchen
    "base_cabinet": _role(
        r"lower cabinet|drawers cabinet|small lower|base cabinet",
        "floor kitchen",
        never="corner",
        width=(0.4, 1.1),
        depth=(0.5, 0.7),
        height=(0.8, 0.95),
    ),
    "sink": _role(r"sink", "floor kitchen", width=(0.5, 1.1), depth=(0.5, 0.75)),
    "stove": _role(
        r"stove|oven|cooker",
        "floor kitchen",
        never="double",
        width=(0.5, 1.1),
        depth=(0.5, 0.75),
        height=(0.75, 1.0),
    ),
    "fridge": _role(
        r"fridge|refrigerator|high cabinet|double oven",
        "floor kitchen",
        width=(0.5, 1.0),
        depth=(0.5, 1.0),
        height=(1.0, 2.2),
    ),
    "machine": _role(
        r"wash|dish|dryer",
        "floor",
        never="stand|basin",
        width=(0.5, 0.7),
        depth=(0.5, 0.7),
        height=(0.6, 0.95),
    ),
    "upper_cabinet": _role(
        r"upper cabinet|glass door cabinet|upper shelves",
        "wall kitchen",
        never="corner",
        width=(0.3, 1.2),
        depth=(0.2, 0.45),
    ),
    "hood": _role(r"hood", "wall kitchen", width=(0.5, 1.1)),
    "island": _role(r"island", "floor kitchen support"),
    # bath
    "tub": _role(
        r"bath",
        "floor bathroom",
        never=r"mat|island|corner|tubmat",
        width=(1.3, 2.0),
        depth=(0.6, 0.95),
        height=(0.4, 0.9),
    ),
    "shower": _role(r"shower stall|shower cabin", "floor bathroom"),
    "toilet": _role(r"toilets? unit|toilet$|^wc$", "bathroom", never="brush|paper"),
    "basin": _role(r"washbasin|lavatory|vanity", "bathroom", width=(0.4, 1.9), depth=(0.3, 0.8)),
    "bidet": _role(r"bidet", "floor bathroom"),
    "laundry": _role(
        r"basket|potty|toilet brush|stool|clothes horse", "floor", width=(0.1, 0.7), depth=(0.1, 1.0)
    ),
    "towel_rack": _role(r"towel rack|radiator", "wall bathroom"),
    # things that stand alone
    "plant": _role("", "floor plant", never="christmas", width=(0.2, 1.5), height=(0.3, 2.2)),
    "floor_lamp": _role(r"lamp", "floor lamp", height=(0.9, 2.0)),
    "piano": _role(r"piano", "floor", never="bench"),
    "fireplace": _role(r"fireplace|chimney", "floor", depth=(0.3, 0.7)),
    "misc_home": _role(
        r"guitar|speaker|keyboard|doll house|rocking horse|suitcase|aquarium|chest|punching|xylophone",
        "floor",
        height=(0.05, 2.0),
    ),
    "gym": _role(r"indoor bike|treadmill|abdominal|fitness|flipper|football", "floor"),
    "rack_clothes": _role(r"clothes rack|hanging clothes|coat|umbrella|shelves", "floor"),
    "office_misc": _role(r"white board|water cooler|safe|filing|technical|dustbin", "floor office"),
    "bin": _role(r"dustbin|trash|recycling|bin\b", "floor", height=(0.15, 0.8)),
    "store_misc": _role(
        r"barrel|crate|ladder|cone|workbench|extinguisher|box|furnace|chest",
        "floor",
        never=r"box room|office|freezer|tool",
        width=(0.2, 1.3),
        height=(0.2, 1.9),
    ),
    # on the floor, near walls
    "floor_thing": _role(
        (
            r"backpack|suitcase|shoes|slippers|basket|crate|box|speaker|guitar|broom|logs|ladder|toy"
            r"|cone|umbrella|towel|train|horse|bag"
        ),
        "floor",
        never=r"sleeping|box room|office|freezer",
        width=(0.1, 1.05),
        height=(0.04, 1.6),
    ),
    "small_floor_thing": _role(
        (
            r"ball|sneakers|bootie|shoe|handbag|helmet|teddy|car model|train|doll|bear|gift"
            r"|briefcase|backpack|mocassin|xylophone|crate|boulder"
        ),
        "",
        width=(0.1, 0.6),
        height=(0.05, 0.5),
    ),
    # on tables
    "screen": _role(r"imac|monitor|tv 16|screen|laptop|ibook", "tabletop", width=(0.25, 0.8)),
    "big_screen": _role(
        r"^tv|monitor|television$",
        "",
        never="remote|stand|cabinet|wall",
        width=(0.5, 1.4),
        depth=(0.05, 0.45),
        height=(0.4, 0.9),
    ),
    "desk_thing": _role(
        (
            r"phone|penbox|letter|printer|stapler|calendar|mug|scissors|tablet|cup|books|glass|lamp"
            r"|cactus|clock|headphones|tape|book\b|camera|pencil"
        ),
        "tabletop",
        never=r"beer|cocktail|burger|camping|flash|wine|hour",
        height=(0.004, 0.5),
    ),
    "table_lamp": _role(r"lamp|lantern", "tabletop lamp", never=r"flash|camping|candle", height=(0.25, 0.7)),
    "living_thing": _role(
        (
            r"vase|plant|tulips|flower|orchid|lily|candle|book|newspaper|remote|radio|bowl|stereo"
            r"|phone|game|puzzle|deer|chess|cactus|bonsai|fruit|cup|mug|playstation|dvd|camera"
            r"|glasses|bamboo|frame|wine|ashtray"
        ),
        "tabletop",
        never="flacon|medicine|pan",
        height=(0.002, 0.65),
    ),
    "kitchen_thing": _role(
        "",
        "tabletop kitchen",
        never=(
            r"knife stand|hood|steak|shovel|cooktop|induction|tool|large pan|fork|spoon|^knife|ashtray|stove"
            r"|towel"
        ),
        height=(0.005, 0.45),
    ),
    "worktop_thing": _role(
        (
            r"micro|toast|blend|coffee|mixer|kettle|bread|fryer|oven|scale|towel holder|spice"
            r"|utensil|knife stand|jar|cooker|bowl|pan|milk|bottle|board|boiler"
        ),
        "tabletop kitchen",
        never=r"large pan|coffee cup|mug",
        height=(0.01, 0.5),
    ),
    "place_setting": _role(
        r"plate.*glass|plate|cup\b|glass$|tumbler", "tabletop kitchen", height=(0.01, 0.25)
    ),
    "centre_piece": _role(
        r"vase|fruit|salad|flower|tulips|bowl|cake|wine|candle|lily|orchid|plant_small|jar",
        "tabletop",
        height=(0.05, 0.6),
    ),
    "bath_thing": _role("", "tabletop bathroom"),
    "bed_thing": _role(
        (
            r"teddy|folded|doll|clock|book|glasses|watch|toy|car|rubik|headphones|hat|cap|lamp|phone"
            r"|medicine|bear|handbag|puzzle"
        ),
        "tabletop",
        never="flash|camping",
        height=(0.004, 0.5),
    ),
    "tool": _role(
        (
            r"drill|hammer|tape|grinder|pliers|helmet|bottle|locker|radio|flash|camping|screwdriver"
            r"|jar|box"
        ),
        "tabletop",
    ),
    # on walls and ceilings
    "wall_thing": _role(
        r"clock|dart|hanger|thermometer|guitar|intercom|extinguisher|emergency|calendar|air cond", "wall"
    ),
    "wall_lamp": _role(r"", "wall lamp"),
    "wall_tv": _role(r"wall.*tv", "wall"),
    "air": _role(r"air cond|smoke|CCTV|surveillance|camera", "wall"),
    "socket": _role(r"plug|socket", "fixture wall", width=(0.05, 0.2)),
    "switch": _role(r"switch", "fixture wall"),
    "radiator": _role(r"radiator", "wall", width=(0.5, 1.5), depth=(0.05, 0.25), height=(0.4, 0.9)),
    "wall_picture": _role(r"frame|picture", "wall"),
    "blind": _role(r"blind", "wall"),
    "pendant": _role(
        r"lamp|light|chandelier", "ceiling lamp", never="fluorescent|track|strip", height=(0.03, 1.2)
    ),
    "strip_light": _role(r"fluorescent|track|strip", "ceiling lamp"),
    "fan": _role(r"fan", "ceiling"),
    "tree": _role(r"", "outdoor plant", without=frozenset({"vehicle", "character"}), height=(1.0, 12.0)),
}
