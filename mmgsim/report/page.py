"""The frame of every HTML page: it needs no network and no other file."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import plotly.graph_objects as go
import plotly.io as pio

__all__ = ["drawn", "page"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #222 }}
h1 {{ margin-bottom: 0 }} h2 {{ margin-top: 2.5rem }}
table {{ border-collapse: collapse }} td, th {{ padding: .2rem 1rem .2rem 0; text-align: left;
  border-bottom: 1px solid #ddd; vertical-align: top }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums }}
tbody th {{ padding-top: 1rem }} p.note {{ color: #666 }} p.failed {{ color: #b00020 }}
div.wide {{ overflow-x: auto }}
</style></head><body>
<h1>{title}</h1><p class="note">{subtitle}</p>
{body}
</body></html>
"""


def page(title: str, subtitle: str, body: Iterable[str]) -> str:
    """Give a page; the parts of its body are HTML, title and subtitle are text."""
    return _PAGE.format(title=escape(title), subtitle=escape(subtitle), body="\n".join(body))


def drawn(sections: Iterable[tuple[str, str, go.Figure]]) -> list[str]:
    """Give heading, text and picture of every section as HTML; the first one brings plotly."""
    parts = []
    for number, (heading, text, figure) in enumerate(sections):
        drawing = pio.to_html(
            figure, full_html=False, include_plotlyjs=number == 0, config={"displaylogo": False}
        )
        parts.append(f"<h2>{escape(heading)}</h2><p>{escape(text)}</p>{drawing}")
    return parts
