"""What an import did: for the terminal, as report.json, and as a page to look at. Everything is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from assets_manifest.importing.scan import Rejected
from assets_manifest.records import Asset
from jobs.files import write_json_atomic, write_text_atomic

JSON_NAME, PAGE_NAME = "report.json", "report.html"
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .3rem .6rem; vertical-align: top; border-bottom: 1px solid #ddd }
img { width: 80px; height: 80px; object-fit: contain; background: #eee }
.no { color: #a00 } .dim { color: #666 }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """One asset that an import made or kept."""

    id: str
    label: str
    state: str  # "new", "changed", "unchanged"
    notes: tuple[str, ...]
    guessed: tuple[str, ...]  # tags that nobody gave


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What came in from one origin, what did not, and why."""

    pack: str
    folder: Path
    origin: str
    entered: tuple[Entered, ...]
    rejected: tuple[Rejected, ...]
    gone: tuple[str, ...]  # assets whose files are no longer there

    def count(self, state: str) -> int:
        """How many assets are in this state."""
        return sum(each.state == state for each in self.entered)

    def summary(self) -> str:
        """One line."""
        states = ", ".join(f"{self.count(state)} {state}" for state in ("new", "changed", "unchanged"))
        return f"{self.pack}: {states}, {len(self.rejected)} rejected, {len(self.gone)} gone"


def write_report(report: ImportReport, assets: Iterable[Asset], folder: Path) -> None:
    """Both files, into the pack's folder."""
    known = {asset.id: asset for asset in assets}
    values = {
        "pack": report.pack,
        "origin": report.origin,
        "entered": [asdict(each) for each in report.entered],
        "rejected": [asdict(each) for each in report.rejected],
        "gone": list(report.gone),
    }
    write_json_atomic(folder / JSON_NAME, values)
    write_text_atomic(folder / PAGE_NAME, _page(report, known))


def _page(report: ImportReport, known: dict[str, Asset]) -> str:
    rejected = "".join(
        f'<tr><td class="no">{escape(each.label)}</td><td>{escape(each.reason)}</td></tr>'
        for each in report.rejected
    )
    entered = "".join(_row(each, known[each.id]) for each in report.entered if each.id in known)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(report.pack)}: import</title>'
        f"<style>{STYLE}</style><h1>{escape(report.pack)}</h1>"
        f"<p>From {escape(report.origin)}. {escape(report.summary())}.</p>"
        f"<h2>Rejected</h2><table>{rejected or '<tr><td>nothing</td></tr>'}</table>"
        f"<h2>Came in</h2><table><tr><th></th><th>asset</th><th>size</th><th>triangles</th><th>licence</th>"
        f"<th>tags</th><th>notes</th></tr>{entered}</table></html>\n"
    )


def _row(each: Entered, asset: Asset) -> str:
    folder = asset.uri.rpartition("/")[0]
    size = " x ".join(f"{side:.2f}" for side in asset.size_m or ())
    guessed = (
        f'<br><span class="dim">guessed: {escape(" ".join(each.guessed))}</span>' if each.guessed else ""
    )
    cells = (
        f'<img loading="lazy" alt="" src="{escape(folder)}/thumbnail.png">',
        f"{escape(asset.id)}<br><span class='dim'>{escape(each.label)}, {escape(each.state)}</span>",
        f"{escape(size)} m",
        f"{asset.triangles or 0:,}",
        f"{escape(asset.licence)}<br><span class='dim'>{escape(asset.author)}</span>",
        f"{escape(' '.join(asset.tags))}{guessed}",
        escape("; ".join(each.notes)),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
