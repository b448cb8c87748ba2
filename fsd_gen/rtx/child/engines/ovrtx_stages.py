"""The two ways in which ovrtx holds a stage: its own, which every version has, and one of ovstage's.

ovrtx 0.4 calls the first one deprecated and 0.7 still documents it; the second is chosen by a switch.
"""

from __future__ import annotations

from typing import Any, Protocol

STEP_S = 1 / 60  # that a step simulates, as in every example of ovrtx; stages that move are held by the layer


class StageHolder(Protocol):
    """Opens stages one after the other, and renders the one that is open."""

    def open(self, path: str) -> Any:
        """Load a stage in place of the one before: an operation to wait for, or None where it is done.

        Raises RuntimeError.
        """
        ...

    def step(self, products: set[str]) -> Any:
        """Begin to render products of the stage: an operation to wait for."""
        ...

    def close(self) -> None:
        """Give the stage back, before the renderer."""
        ...


class OwnStage:
    """The renderer's own stage."""

    def __init__(self, renderer: Any) -> None:
        self._renderer = renderer

    def open(self, path: str) -> Any:
        """See StageHolder."""
        return self._renderer.open_usd_async(path)

    def step(self, products: set[str]) -> Any:
        """See StageHolder."""
        return self._renderer.step_async(render_products=products, delta_time=STEP_S)

    def close(self) -> None:
        """Nothing to do: the renderer owns it."""


class AttachedStage:
    """A stage of ovstage: all that is written has an ordinal, and is rendered once that is published."""

    def __init__(self, renderer: Any, ovstage: Any) -> None:
        self._renderer, self._ovstage = renderer, ovstage
        self._stage = ovstage.Stage("fsd-gen")
        self._ordinal = 0
        renderer.attach_ovstage(self._stage)

    def open(self, path: str) -> None:
        """See StageHolder. ovstage does not document what its operations give: they are waited for here."""
        population = self._ovstage.population
        if self._ordinal:  # else the new scene is merged with the old one
            population.reset_usd(self._stage)
            population.apply_usd_changes(self._stage, ordinal=self._next())
        population.open_usd(self._stage, path, ordinal=self._next())
        self._stage.advance_write_floor(self._ordinal, self._ovstage.Scope.ALL).wait()

    def _next(self) -> int:
        self._ordinal += 1
        return self._ordinal

    def step(self, products: set[str]) -> Any:
        """See StageHolder."""
        return self._renderer.step_async(render_products=products, delta_time=STEP_S, ordinal=self._ordinal)

    def close(self) -> None:
        """See StageHolder."""
        self._renderer.detach_ovstage()
        self._stage.destroy()
