"""The asset packs there are: which can be made here, and which lie in the assets folder.

A pack is one module of `assets_manifest.packs` that defines `RECIPE = PackRecipe(...)`; nothing else names
it. A user's own package adds packs through entry points of the group `fsd_gen.packs` that name PackRecipes.
Either module is imported to list its pack, so whatever only building needs is imported inside its builder.
A folder in the assets folder that `save_pack` wrote is a pack too, without any recipe.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from assets_manifest import packs
from assets_manifest.library import PACK_FILE, MissingAssetError, Pack, PackError, assets_root, load_pack
from assets_manifest.progress import Progress

ENTRY_POINTS = "fsd_gen.packs"
HOW_MADE = "made with `fsd-gen assets import FOLDER --name {name}`"


class UnknownPackError(ValueError):
    """No pack has this name."""


class PackRecipeError(TypeError):
    """What claims to be the recipe of a pack is none, or another one has its name."""


class Builder(Protocol):
    """Makes a pack."""

    def __call__(self, folder: Path, scratch: Path, on_progress: Progress, *, allow_partial: bool) -> Pack:
        """Fill `folder` with the pack's files; return what `pack.yaml` and the records are to say.

        `scratch` is kept until the pack is complete, so that an interrupted build can go on. Sources that
        cannot be had may be left out if `allow_partial`: the pack is then `partial`, with a note for each.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRecipe:
    """How one pack is made."""

    name: str
    version: str  # another version is built anew
    about: str  # one line: what it holds, what it costs
    build: Builder
    can_complete: Callable[[Pack], bool] = lambda partial_pack: True  # whether building again may add sources


@dataclass(frozen=True, slots=True, kw_only=True)
class PackStatus:
    """What is known of one pack here."""

    name: str
    about: str
    folder: Path
    pack: Pack | None = None  # None: not fetched, or damaged
    problem: str = ""  # why it cannot be opened
    recipe: bool = True  # False: a folder of the user's own

    @property
    def described(self) -> str:
        """What it holds: as its recipe says, or as it was found."""
        if self.recipe or self.pack is None:
            return self.about
        kinds = Counter(asset.kind for asset in self.pack.assets)
        holds = ", ".join(f"{number} x {kind}" for kind, number in sorted(kinds.items())) or "nothing"
        return f"{self.about}, version {self.pack.version}: {holds}; {self.pack.licence}"

    @property
    def state(self) -> str:
        """The pack's state in a few words."""
        if self.pack is None:
            return "damaged" if self.problem else "not fetched"
        return f"{len(self.pack.assets)} assets{', partial' if self.pack.partial else ''}"


def recipes() -> dict[str, PackRecipe]:
    """Every pack that can be made, by name, sorted; an entry point that cannot be loaded adds none.

    Raises:
        PackRecipeError: what was loaded is no recipe, or has the name of another.
    """
    return _recipes_and_broken()[0]


def _recipes_and_broken() -> tuple[dict[str, PackRecipe], dict[str, PackRecipeError]]:
    """The recipes, and by the name of its entry point why one cannot be loaded."""
    installed, broken = _installed()
    return _by_name([*_shipped(), *installed]), broken


def _by_name(loaded: Iterable[tuple[str, object]]) -> dict[str, PackRecipe]:
    found: dict[str, PackRecipe] = {}
    for where, recipe in loaded:
        if not isinstance(recipe, PackRecipe):
            raise PackRecipeError(f"{where} is to be a PackRecipe, got {type(recipe).__name__}")
        if recipe.name in found:
            raise PackRecipeError(f"{where}: there is a pack {recipe.name!r} already; give it another name")
        found[recipe.name] = recipe
    return dict(sorted(found.items()))


def recipe_of(pack_name: str, root: Path | None = None) -> PackRecipe:
    """The recipe of a pack.

    Raises:
        UnknownPackError: it has none; says how a pack without one is made.
        PackRecipeError: it cannot be loaded.
    """
    known, broken = _recipes_and_broken()
    if pack_name in known:
        return known[pack_name]
    folder = assets_root(root) / pack_name
    if (folder / PACK_FILE).is_file():
        raise UnknownPackError(
            f"{folder} is a pack of your own, which no recipe makes: it is used as it is. Such a pack is "
            f"{HOW_MADE.format(name=pack_name)}; a PackRecipe as an entry point of the group "
            f"{ENTRY_POINTS!r} makes it one that can be fetched"
        )
    raise broken.get(pack_name) or _unknown(pack_name, known, assets_root(root))


def refuse_unknown_packs(pack_names: Iterable[str], root: Path | None = None) -> None:
    """Refuse a name that has neither a recipe nor a folder of its own.

    Raises:
        UnknownPackError: nobody knows it.
        PackRecipeError: its recipe cannot be loaded.
    """
    known, broken = _recipes_and_broken()
    for name in pack_names:
        if name not in known and not (assets_root(root) / name / PACK_FILE).is_file():
            raise broken.get(name) or _unknown(name, known, assets_root(root))


def _unknown(pack_name: str, known: Iterable[str], folder: Path) -> UnknownPackError:
    names = sorted({*known, *_own(folder)})
    close = get_close_matches(pack_name.lower(), names, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ";"
    return UnknownPackError(
        f"no pack called {pack_name!r}{meant} there are {', '.join(names)}. A pack of your own is "
        f"{HOW_MADE.format(name=pack_name)}, into {folder / pack_name} (FSD_ASSETS_DIR may name another "
        "folder of packs)"
    )


def _own(folder: Path) -> list[str]:
    """Packs in the assets folder, whoever made them."""
    found = (path.parent.name for path in folder.glob(f"*/{PACK_FILE}"))
    return sorted(name for name in found if not name.startswith("."))


def pack_statuses(root: Path | None = None) -> tuple[PackStatus, ...]:
    """Every pack that can be made, then those of the user's own in the assets folder."""
    folder, (known, broken) = assets_root(root), _recipes_and_broken()
    own = [name for name in _own(folder) if name not in known]
    made = [_status(folder / name, recipe.about, recipe=True) for name, recipe in known.items()]
    out_of_order = [
        PackStatus(name=name, about="", folder=folder / name, problem=str(problem))
        for name, problem in broken.items()
        if name not in known and name not in own
    ]
    return (
        *made,
        *out_of_order,
        *(_status(folder / name, "a pack of your own", recipe=False) for name in own),
    )


def _status(folder: Path, about: str, *, recipe: bool) -> PackStatus:
    pack, problem = None, ""
    try:
        pack = load_pack(folder)
    except MissingAssetError:
        pass
    except PackError as error:
        problem = str(error)
    return PackStatus(name=folder.name, about=about, folder=folder, pack=pack, problem=problem, recipe=recipe)


def _shipped() -> Iterator[tuple[str, object]]:
    for module_info in pkgutil.iter_modules(packs.__path__, f"{packs.__name__}."):
        module = importlib.import_module(module_info.name)
        if hasattr(module, "RECIPE"):
            yield f"{module_info.name}.RECIPE", module.RECIPE


def _installed() -> tuple[list[tuple[str, object]], dict[str, PackRecipeError]]:
    """What the entry points lead to, with the place of each; and by name, why one leads nowhere."""
    loaded: list[tuple[str, object]] = []
    broken: dict[str, PackRecipeError] = {}
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        where = f"entry point {entry.name!r} of {ENTRY_POINTS} ({entry.value})"
        try:
            loaded.append((where, entry.load()))
        except (
            Exception
        ) as error:  # another's code runs here and may raise anything: it disables itself alone
            what = " ".join(str(error).split()) or type(error).__name__
            broken[entry.name] = PackRecipeError(f"{where} cannot be loaded: {what}")
    return loaded, broken
