"""Where things can stand on a piece: its level surfaces, from the record or from its triangles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assets_manifest.library import AssetLibrary
from fsd_gen.styles.rooms.pieces import Piece

if TYPE_CHECKING:
    from assets_manifest.derived.supports import Support

EDGE_M = 0.01


@dataclass(frozen=True, slots=True)
class Board:
    """One level surface of a piece, in the piece's frame."""

    support: Support

    @property
    def height_m(self) -> float:
        return self.support.height_m

    @property
    def free_m(self) -> float:
        """Height above it."""
        return self.support.free_above_m

    def bounds(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the surface."""
        (x0, y0), (x1, y1) = (
            self.support.outline.min(axis=0).tolist(),
            self.support.outline.max(axis=0).tolist(),
        )
        return (x0, y0, x1, y1)

    def carries(self, size: tuple[float, float], x: float, y: float, turn_deg: float) -> bool:
        """Whether a thing that large stands on it wholly."""
        from assets_manifest.derived.supports import fits, rectangle  # heavy: with the extra `render`

        wide = (size[0] + 2 * EDGE_M, size[1] + 2 * EDGE_M)
        return fits(self.support, rectangle(wide, (x, y, turn_deg)))


def boards(library: AssetLibrary, piece: Piece) -> tuple[Board, ...]:
    """The level surfaces of a piece, the largest first."""
    if piece.record is None:
        return (_whole_top(piece),) if piece.top_m else ()
    from assets_manifest.derived.supports import supports

    found = supports(piece.record, library.path(piece.asset), library.root(piece.asset))
    return tuple(map(Board, found))


def _whole_top(piece: Piece) -> Board:
    from assets_manifest.derived.supports import OPEN_M, Support

    x, y = piece.size[0] / 2, piece.size[1] / 2
    outline = np.array([[-x, -y], [x, -y], [x, y], [-x, y]])
    return Board(Support(height_m=piece.top_m or 0.0, free_above_m=OPEN_M, outline=outline, inside=False))


def top_board(library: AssetLibrary, piece: Piece) -> Board | None:
    """The largest surface that nothing of the piece covers; None where it has none."""
    return next(
        (board for board in boards(library, piece) if not board.support.inside and board.height_m > 0.15),
        None,
    )
