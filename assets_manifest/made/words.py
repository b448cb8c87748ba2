"""What the words behind a maker's name may be: a kind of thing, and whole numbers within their limits."""

from __future__ import annotations

from collections.abc import Mapping

from assets_manifest.made.registry import MadeAssetError

Limits = Mapping[str, tuple[int, int]]


def understood(words: tuple[str, ...], kinds: tuple[str, ...], limits: Limits) -> tuple[str, tuple[int, ...]]:
    """The kind that the first word names, and the numbers that follow it, in the order of `limits`.

    Raises:
        MadeAssetError: another kind, another count of words, or a number beyond its limits.
    """
    expected = f"{'|'.join(kinds)}/{'/'.join(limits)}"
    if len(words) != 1 + len(limits) or words[0] not in kinds:
        raise MadeAssetError(f"expected {expected}, got {'/'.join(words)!r}")
    numbers = tuple(_number(word, name, *limits[name]) for word, name in zip(words[1:], limits, strict=True))
    return words[0], numbers


def _number(word: str, name: str, low: int, high: int) -> int:
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or not low <= int(word) <= high:
        raise MadeAssetError(f"expected {name} to be a whole number in [{low}, {high}], got {word!r}")
    return int(word)
