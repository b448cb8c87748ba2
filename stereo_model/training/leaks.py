"""What a validation has in common with the training: scores on it then flatter the model.

Samples of one slot are one scene or nearly so; files are compared by where they lie; assets are those of the
stored scenes, of an even choice of them where there are many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stereo_model.data.base import StereoFiles
from stereo_model.data.readers.shards import Shards
from stereo_model.data.shards.origin import assets_of, configuration_of, spread

MOST_SCENES = 500  # of each side, whose assets are looked at


def shared(training: Mapping[str, StereoFiles], validation: Mapping[str, StereoFiles]) -> list[str]:
    """One line for each thing that a validation set shares with the training, with its share.

    Raises:
        DataFileError: a shard is damaged.
    """
    return [line for name, held_out in validation.items() for line in _lines(training, name, held_out)]


def _lines(training: Mapping[str, StereoFiles], name: str, held_out: StereoFiles) -> Iterator[str]:
    ours = [data for data in training.values() if isinstance(data, Shards)]
    if isinstance(held_out, Shards) and ours:
        yield from _shards_share(ours, name, held_out)
        return
    theirs = set[Path]().union(*(_left_images(data) for data in training.values() if _near(data, held_out)))
    both = sum(path in theirs for path in _left_images(held_out)) if theirs else 0
    if both:
        yield (
            f"validation.{name}: {both} of its {len(held_out)} pairs ({both / len(held_out):.0%}) are "
            "trained on too, so its scores flatter the model; validate on others"
        )


def _shards_share(training: Iterable[Shards], name: str, held_out: Shards) -> Iterator[str]:
    training = list(training)
    slots = set[tuple[str, int]]().union(*(_slots(data) for data in training))
    both = sum(slot in slots for slot in _slots(held_out))
    if both:
        yield (
            f"validation.{name}: {both} of its {len(held_out)} samples ({both / len(held_out):.0%}) are of "
            "slots that are trained on too, so its scores flatter the model; `fsd-gen split RUN --val 5%` "
            "parts a run"
        )
    known, seen = set[str]().union(*map(_assets, training)), _assets(held_out)
    if common := known & seen:
        yield (
            f"validation.{name}: {len(common)} of the {len(seen)} assets in its scenes "
            f"({len(common) / len(seen):.0%}) are trained on too, so it tells nothing of unknown ones; "
            "`fsd-gen split RUN --val 5% --by asset` parts them"
        )


def _slots(data: Shards) -> list[tuple[str, int]]:
    """Configuration and slot of every sample."""
    shards = {data.place(index)[0] for index in range(len(data))}
    made_from = {shard: configuration_of(shard) for shard in shards}
    return [(made_from[data.place(index)[0]], data.key(index)[0]) for index in range(len(data))]


def _assets(data: Shards) -> set[str]:
    places = [data.place(index) for index in range(len(data))]
    return set[str]().union(*assets_of(spread(places, MOST_SCENES)))


def _near(one: StereoFiles, other: StereoFiles) -> bool:
    first, second = one.root.resolve(), other.root.resolve()
    return first == second or first in second.parents or second in first.parents


def _left_images(data: StereoFiles) -> list[Path]:
    root = data.root.resolve()
    files = (data.files_of(index) for index in range(len(data)))
    return [root / names[0] for names in files if names and not isinstance(data, Shards)]
