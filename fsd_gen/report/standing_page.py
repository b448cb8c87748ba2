"""The page of a run at work: what `fsd-gen status` shows, everything escaped."""

from __future__ import annotations

from html import escape

from fsd_gen.report.sheet import Sheet, SheetTable
from fsd_gen.report.style import STYLESHEET


def standing_page(sheet: Sheet, again_s: float | None = None) -> str:
    """The whole page; a browser loads it again every `again_s` seconds."""
    refresh = "" if again_s is None else f'<meta http-equiv=refresh content="{max(1, round(again_s))}">'
    head = f"<meta charset=utf-8>{refresh}<title>{escape(sheet.title)}</title><style>{STYLESHEET}</style>"
    bar = f'<progress max="{max(sheet.total, 1)}" value="{sheet.done}" style="width: 100%"></progress>'
    lines = "".join(f"<p class=note>{escape(line)}</p>" for line in sheet.lines)
    body = f"<h1>{escape(sheet.title)}</h1>{bar}{lines}{''.join(map(_table, sheet.tables))}"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>\n"


def _table(table: SheetTable) -> str:
    def cells(values: object, tag: str) -> str:
        assert isinstance(values, tuple | list)
        marked = (
            f"<{tag}{' class=text' if k < table.words else ''}>{escape(value)}</{tag}>"
            for k, value in enumerate(values)
        )
        return f"<tr>{''.join(marked)}</tr>"

    rows = "".join(cells(row, "td") for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><table>{cells(table.heads, 'th')}{rows}</table>"
