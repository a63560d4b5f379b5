"""The page, as Solara components; `mmgsim.view.server` hands over what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import solara
import solara.lab

from mmgsim.view.player import SPEEDS, Player, State
from mmgsim.view.sheet import Entry, Sheet, Tile

__all__ = ["PLOTLY", "Page", "show"]

PLOTLY = "/mmgsim/plotly.min.js"
"""Where the server has plotly's script, which is part of plotly's Python package."""

_EVERY_S = 0.1
"""How often a page looks for something new. [s]"""
_STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
# Solara finds a page by the name of its module, so what it shows has to be found in the module too.
_shown: list[Player] = []


def show(player: Player) -> None:
    """Have every page show a player from now on."""
    _shown[:] = [player]


@solara.component
def Page() -> None:  # noqa: N802  Solara looks for this name
    """Show the run, and follow it."""
    player = _shown[0]
    state, set_state = solara.use_state(player.state)

    async def follow() -> None:
        while True:
            set_state(player.state)
            await asyncio.sleep(_EVERY_S)

    solara.lab.use_task(follow, dependencies=[])
    solara.Title(f"mmgsim · {state.title}")
    solara.Style(_STYLE)
    with solara.Div(classes=["mmgsim"]):
        _controls(player, state)
        if state.error:
            solara.Div(classes=["mmgsim-card", "mmgsim-error"], children=[state.error])
        _tiles(state.sheet.tiles)
        with solara.Div(classes=["mmgsim-row", "mmgsim-row-map"]):
            _picture(state.sheet, "map")
            _picture(state.sheet, "prices")
        with solara.Div(classes=["mmgsim-row"]):
            _picture(state.sheet, "stored")
            _picture(state.sheet, "messages")
        with solara.Div(classes=["mmgsim-row"]):
            _picture(state.sheet, "costs")
            _log(state.sheet.log)


# -------------------------------------------------------------------------------------- controls
def _controls(player: Player, state: State) -> None:
    with solara.Div(classes=["mmgsim-card", "mmgsim-bar"]):
        _text(state.title, "mmgsim-title")
        _text(state.sheet.now, "mmgsim-now")
        _text(_progress(state), "mmgsim-progress")
        solara.Div(classes=["mmgsim-space"])
        if state.is_playing:
            _button("Pause", "mdi-pause", player.pause)
        else:
            _button("Play", "mdi-play", player.play, is_off=state.is_over)
        is_off = state.is_playing or state.is_busy or state.is_over
        _button("Step", "mdi-skip-next", player.step, is_off=is_off)
        _button("Reset", "mdi-restart", player.reset, is_off=state.steps == 0 and not state.error)
        with solara.Div(classes=["mmgsim-speeds"]):
            _text("steps/s", "mmgsim-unit")
            speeds = list(SPEEDS)
            solara.ToggleButtonsSingle(
                value=state.speed, values=speeds, on_value=player.set_speed, dense=True
            )
        with solara.Div(classes=["mmgsim-slider"]):
            if state.can_seek:
                _time_slider(player, state)
            else:
                share = {"width": f"{100.0 * state.steps / state.all_steps:.1f}%"}
                solara.Div(classes=["mmgsim-track"], children=[solara.Div(style=share)])


def _time_slider(player: Player, state: State) -> None:
    solara.SliderInt(
        "steps shown",
        value=state.steps,
        min=0,
        max=state.all_steps,
        on_value=player.go_to,
        thumb_label=False,
    )


def _progress(state: State) -> str:
    """Say how far the run is, and what it is doing."""
    doing = "computing" if state.is_busy else "playing" if state.is_playing else "paused"
    if state.is_over:
        doing = "ended early" if state.error else "finished"
    return f"step {state.steps} of {state.all_steps} · {doing}"


def _button(label: str, icon: str, does: Callable[[], None], *, is_off: bool = False) -> None:
    classes = [f"mmgsim-{label.lower()}"]
    solara.Button(label, icon_name=icon, on_click=does, disabled=is_off, classes=classes)


# ------------------------------------------------------------------------------- what is shown
def _tiles(tiles: tuple[Tile, ...]) -> None:
    with solara.Div(classes=["mmgsim-tiles"]):
        for tile in tiles:
            with solara.Div(classes=["mmgsim-card", "mmgsim-tile"]):
                _text(tile.label, "mmgsim-tile-label")
                _text(tile.value, "mmgsim-tile-value")


def _picture(sheet: Sheet, name: str) -> None:
    with solara.Div(classes=["mmgsim-card", f"mmgsim-{name}"]):
        if name in sheet.figures:
            _figure(name=name, figure=sheet.figures[name], source=PLOTLY)
        else:
            _text(sheet.missing[name], "mmgsim-missing")


@solara.component_vue("figure.vue")
def _figure(name: str, figure: str, source: str) -> None:
    """Draw a figure, given as JSON, by plotly; only what changes is drawn again."""


def _log(log: tuple[Entry, ...]) -> None:
    with solara.Div(classes=["mmgsim-card"]):
        _text("Flags and faults, the newest first", "mmgsim-heading")
        with solara.Div(classes=["mmgsim-log"]):
            if not log:
                _text("Nothing out of the ordinary so far.", "mmgsim-missing")
                return
            with solara.v.Html(tag="table"), solara.v.Html(tag="tbody"):
                for entry in log:
                    with solara.v.Html(tag="tr"):
                        solara.v.Html(tag="td", children=[entry.time])
                        solara.v.Html(tag="td", children=[entry.who])
                        with solara.v.Html(tag="td", children=[entry.what]):
                            solara.v.Html(tag="small", children=[entry.meaning])


def _text(text: str, name: str) -> None:
    solara.Div(classes=[name], children=[text])
