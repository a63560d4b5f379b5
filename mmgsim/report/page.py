"""The frame of every HTML page: it needs no network and no other file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape

import plotly.graph_objects as go

__all__ = ["Drawing", "page", "table"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #222;
  max-width: 80rem; margin: 1.5rem auto; padding: 0 1rem }}
h1 {{ margin: 0 }} h2 {{ margin: 2.5rem 0 .3rem; border-bottom: 2px solid #222 }}
p {{ max-width: 50rem; margin: .6rem 0 }}
table {{ border-collapse: collapse; font-size: .92rem }}
td, th {{ padding: .2rem 1rem .2rem 0; text-align: left; border-bottom: 1px solid #ddd;
  vertical-align: top }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums }}
tbody th {{ padding-top: 1rem }} p.note, p.none {{ color: #666 }} p.failed {{ color: #b00020 }}
p.warning {{ border-left: 4px solid #D55E00; background: #fdf1e9; padding: .6rem 1rem }}
p.none {{ border-left: 4px solid #ccc; padding-left: 1rem }}
div.wide {{ overflow-x: auto }} div.figure {{ margin: .8rem 0 }}
div.tiles {{ display: grid; gap: .7rem; margin: 1.2rem 0;
  grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)) }}
div.tile {{ border: 1px solid #ddd; border-radius: 6px; padding: .6rem .8rem }}
div.tile b {{ display: block; font-size: 1.1rem; line-height: 1.5; white-space: nowrap }}
div.tile span {{ color: #666; font-size: .85rem }} div.tile.bad {{ border-color: #D55E00 }}
nav {{ display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: .5rem 0;
  border-top: 1px solid #ddd; border-bottom: 1px solid #ddd }}
nav a {{ color: #0072B2; text-decoration: none }}
</style></head><body>
<h1>{title}</h1><p class="note">{subtitle}</p>
{body}
</body></html>
"""

_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    # plotly would offer to send the picture and its data to its makers.
    "showSendToCloud": False,
    "plotlyServerURL": "",
}


def page(title: str, subtitle: str, body: Iterable[str]) -> str:
    """Give a page; the parts of its body are HTML, title and subtitle are text."""
    return _PAGE.format(title=escape(title), subtitle=escape(subtitle), body="\n".join(body))


class Drawing:
    """Gives the figures of one page as HTML; the first one brings plotly's code, once."""

    def __init__(self) -> None:
        self._count = 0

    def draw(self, figure: go.Figure) -> str:
        """Give a figure as HTML, as wide as the page."""
        self._count += 1
        # Ids by number, not by chance: the same run gives the same page.
        drawing = figure.to_html(
            full_html=False,
            include_plotlyjs=self._count == 1,
            config=_CONFIG,
            auto_play=False,
            validate=False,
            div_id=f"figure-{self._count}",
        )
        return f'<div class="figure">{drawing}</div>'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[int] = ()
) -> str:
    """Give a table of texts.

    Parameters
    ----------
    head : sequence of str
        Names of the columns, all empty for none.
    rows : iterable of sequences of str
        One text a column.
    numbers : collection of int
        Columns, from 0, that stand to the right.
    """
    kinds = [" class=number" if at in numbers else "" for at in range(len(head))]
    cells = "".join(f"<th{kind}>{escape(x)}</th>" for kind, x in zip(kinds, head, strict=True))
    top = f"<thead><tr>{cells}</tr></thead>" if any(head) else ""
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(x)}</td>" for kind, x in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<div class=wide><table>{top}<tbody>{body}</tbody></table></div>"
