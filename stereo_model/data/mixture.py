"""Several data sets as one endless stream in fixed proportions: a pure function of (seed, position).

The stream is a sequence of blocks. Every block holds the same number of samples of each part, in an order of
its own, so the realised mix never strays from the weights by more than a block. Each part is gone through in
its own shuffled epochs: every sample of it once, then all again in a new order.

The weighting follows FoundationStereo's advice to weigh data sets against each other instead of
concatenating them; the paper gives no numbers (arXiv 2501.09898, section 4.1).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stereo_model.data.sample import SampleError, StereoDataset
from stereo_model.data.streams import rng_for

MAX_BLOCK = 1000  # samples; proportions are exact to a thousandth


class MixtureError(ValueError):
    """The parts of a mixture or their weights make no stream."""


class SampleStream:
    """Which sample of which part stands at each position 0, 1, 2, ... of an endless stream.

    Raises MixtureError for a part without samples, a weight that is not positive, or one too small against
    the others to appear in a block.
    """

    def __init__(self, lengths: Sequence[int], weights: Sequence[float], seed: int) -> None:
        _check(lengths, weights)
        self.seed = seed
        self.quotas = _quotas(weights)  # samples of each part in every block
        self.block = sum(self.quotas)
        self._pattern = np.repeat(np.arange(len(self.quotas)), self.quotas)
        self._orders = tuple(_EpochOrder(length, seed, part) for part, length in enumerate(lengths))
        self._latest: tuple[int, np.ndarray] | None = None  # number and parts of a block, kept for speed

    def at(self, position: int) -> tuple[int, int]:
        """(part, index in that part) of the sample at `position`; needs no other position."""
        number, offset = divmod(position, self.block)
        parts = self._parts_of(number)
        part = int(parts[offset])
        before = number * self.quotas[part] + int((parts[:offset] == part).sum())
        return part, self._orders[part].at(before)

    def counts(self, end: int) -> tuple[int, ...]:
        """How many samples of each part stand before position `end`."""
        blocks, rest = divmod(end, self.block)
        begun = Counter(self._parts_of(blocks)[:rest].tolist())
        return tuple(blocks * quota + begun[part] for part, quota in enumerate(self.quotas))

    def _parts_of(self, number: int) -> np.ndarray:
        if self._latest is None or self._latest[0] != number:
            parts = rng_for(self.seed, "block", number).permutation(self._pattern)
            self._latest = number, parts
        return self._latest[1]


class _EpochOrder:
    """The shuffled epochs of one part, one after the other. Keeps the order of the last epoch asked for."""

    def __init__(self, length: int, seed: int, part: int) -> None:
        self._length, self._seed, self._part = length, seed, part
        self._latest: tuple[int, np.ndarray] | None = None

    def at(self, place: int) -> int:
        epoch, offset = divmod(place, self._length)
        if self._latest is None or self._latest[0] != epoch:
            order = rng_for(self._seed, "order", self._part, epoch).permutation(self._length)
            self._latest = epoch, order
        return int(self._latest[1][offset])


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One data set of a mixture."""

    name: str  # unique in the mixture; for logs and messages
    dataset: StereoDataset
    weight: float = 1.0  # share of the stream, relative to the other parts


@dataclass(frozen=True, slots=True)
class Mixture:
    """Data sets to be trained on together. Raises MixtureError if there is none or two share a name."""

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names) or not names:
            raise MixtureError(f"a mixture needs parts with different names, got {names}")

    @classmethod
    def of(cls, data: StereoDataset | Mixture) -> Mixture:
        """A mixture as it is; a single data set as a mixture of one."""
        return data if isinstance(data, Mixture) else cls((Part(name="data", dataset=data),))

    def stream(self, seed: int) -> SampleStream:
        """The order in which training sees the samples. Raises SampleError for an empty data set."""
        for part in self.parts:
            if len(part.dataset) == 0:
                raise SampleError(f"the data set {part.name!r} is empty; nothing to train on")
        lengths = [len(part.dataset) for part in self.parts]
        return SampleStream(lengths, [part.weight for part in self.parts], seed)

    def named(self, counts: Sequence[int]) -> dict[str, int]:
        """Numbers per part, by the parts' names."""
        return {part.name: count for part, count in zip(self.parts, counts, strict=True)}


def mixture_digest(digests: Mapping[str, tuple[str, float]]) -> str:
    """SHA-256, hexadecimal, over name, content digest and weight of every part, in order."""
    lines = [f"{name} {digest} {weight!r}" for name, (digest, weight) in digests.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check(lengths: Sequence[int], weights: Sequence[float]) -> None:
    if not lengths or len(lengths) != len(weights):
        raise MixtureError(f"expected as many weights as parts and at least one, got {lengths} and {weights}")
    if any(length < 1 for length in lengths):
        raise MixtureError(f"every part needs at least one sample, got {list(lengths)}")
    if any(not (math.isfinite(weight) and weight > 0) for weight in weights):
        raise MixtureError(f"weights must be positive numbers, got {list(weights)}")


def _quotas(weights: Sequence[float]) -> tuple[int, ...]:
    """Samples of each part per block: the smallest whole numbers in this proportion, or nearly so."""
    exact = [Fraction(str(weight)) for weight in weights]
    scale = math.lcm(*(weight.denominator for weight in exact))
    whole = [int(weight * scale) for weight in exact]
    common = math.gcd(*whole)
    quotas = tuple(number // common for number in whole)
    return quotas if sum(quotas) <= MAX_BLOCK else _largest_remainders(exact)


def _largest_remainders(weights: Sequence[Fraction]) -> tuple[int, ...]:
    total = sum(weights)
    shares = [weight * MAX_BLOCK / total for weight in weights]
    quotas = [int(share) for share in shares]
    by_rest = sorted(range(len(shares)), key=lambda part: (quotas[part] - shares[part], part))
    for part in by_rest[: MAX_BLOCK - sum(quotas)]:
        quotas[part] += 1
    if min(quotas) < 1:
        share = float(min(weights) / total)
        raise MixtureError(
            f"a weight of {share:.2g} of the whole is too small: it must be at least 1/{MAX_BLOCK}"
        )
    return tuple(quotas)
