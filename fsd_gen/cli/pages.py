"""Writing HTML pages: their folder is made, and what can be no page is said before any work."""

from __future__ import annotations

from pathlib import Path

from fsd_gen.sections import ConfigError


def refuse_no_page(target: Path, option: str) -> None:
    """Raises ConfigError where no file can be written at `target`, which `option` names."""
    if target.is_dir():
        raise ConfigError(f"{option}: {target} is a folder; expected a file, such as {target / 'page.html'}")
    above = next((place for place in target.absolute().parents if place.exists()), None)
    if above is not None and not above.is_dir():
        raise ConfigError(f"{option}: {above} is a file; expected a folder for {target.name}")


def write_page(target: Path, text: str) -> None:
    """Write the page, all or nothing; its folder is made."""
    from jobs.files import write_text_atomic

    target.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(target, text)
