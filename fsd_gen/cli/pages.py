"""Writing HTML pages: their folder is made, and what can be no page is said before any work."""

from __future__ import annotations

from pathlib import Path


def refuse_no_page(target: Path, option: str) -> None:
    """Raises OutputError where no page can be written at `target`, which `option` names."""
    from jobs.outputs import is_page, refuse_output

    refuse_output(target, "a web page", is_page, option)


def write_page(target: Path, text: str, option: str) -> None:
    """Write the page, all or nothing; its folder is made. Raises OutputError as before."""
    from jobs.files import write_text_atomic

    refuse_no_page(target, option)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(target, text)
