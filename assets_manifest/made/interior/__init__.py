"""What rooms are full of, made from numbers: filled shelves, racks, curtains, rugs, cushions,
doors, windows, books, prints.

All words are whole numbers, lengths in centimetres; the first is the seed. Objects stand on z = 0 with their
back towards +y, as the packs' do, and have exactly the size that their words say.
"""

from __future__ import annotations

from assets_manifest.made.interior.books import BOOK_ROW, BOOKS, SHELF
from assets_manifest.made.interior.curtains import CURTAIN
from assets_manifest.made.interior.fittings import DOOR, LAMP_STAND, PENDANT, RADIATOR, WINDOW
from assets_manifest.made.interior.prints import FACADE, PAGE, PRINT
from assets_manifest.made.interior.storage import BOX, PALLET, RACK
from assets_manifest.made.interior.textiles import CLOTH, CUSHION, FOLDED, RUG

MAKERS = (
    BOOK_ROW,
    BOOKS,
    BOX,
    CLOTH,
    CURTAIN,
    CUSHION,
    DOOR,
    FACADE,
    FOLDED,
    LAMP_STAND,
    PAGE,
    PALLET,
    PENDANT,
    PRINT,
    RACK,
    RADIATOR,
    RUG,
    SHELF,
    WINDOW,
)
