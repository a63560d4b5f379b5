"""Play, step, pause, seek and reset, without a browser."""

import threading
import time

import pytest

from mmgsim.errors import ScenarioError
from mmgsim.view import Player

PATIENCE_S = 600.0


def wait(true):
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_step_goes_one_step_further(player):
    assert player.state.steps == 0
    player.step()
    wait(lambda: player.state.steps == 1)
    assert player.state.sheet.figures
    assert not player.state.is_playing


def test_play_goes_on_to_the_end_and_stops_there(player):
    player.set_speed("fastest")
    player.play()
    wait(lambda: player.state.is_over and not player.state.is_busy)
    assert player.state.steps == player.state.all_steps
    assert not player.state.is_playing


def test_pause_stops(player):
    player.play()
    wait(lambda: player.state.steps >= 1)
    player.pause()
    wait(lambda: not player.state.is_busy)
    steps = player.state.steps
    time.sleep(1.2)
    assert player.state.steps == steps < player.state.all_steps


def test_the_slider_goes_anywhere(player):
    player.go_to(7)
    wait(lambda: player.state.steps == 7)
    player.go_to(3)
    wait(lambda: player.state.steps == 3)


def test_reset_begins_again_and_does_not_play(player):
    player.play()
    wait(lambda: player.state.steps >= 1)
    player.reset()
    wait(lambda: player.state.steps == 0 and not player.state.is_busy)
    assert not player.state.is_playing


def test_play_after_the_end_does_nothing(player):
    player.go_to(10**6)
    wait(lambda: player.state.is_over)
    player.play()
    assert not player.state.is_playing


def test_asking_never_waits_for_a_step(player, monkeypatch):
    may_end = threading.Event()
    monkeypatch.setattr(player._source, "advance", lambda: may_end.wait(PATIENCE_S))
    player.step()
    wait(lambda: player.state.is_busy)
    player.play()
    player.pause()
    assert player.state.is_busy
    may_end.set()


@pytest.mark.parametrize(
    ("error", "told"),
    [(ScenarioError("here", []), "here: 0 faults"), (KeyError("mg"), "KeyError: 'mg'")],
)
def test_what_goes_wrong_is_told_and_ends_the_playing(player, monkeypatch, error, told):
    def fail():
        raise error

    monkeypatch.setattr(player._source, "advance", fail)
    player.play()
    wait(lambda: player.state.error)
    assert player.state.error == told
    assert player.state.is_over
    assert not player.state.is_playing


def test_a_live_player_has_no_slider(live_duo):
    player = Player(live_duo)
    try:
        assert not player.state.can_seek
        player.go_to(5)
        player.step()
        wait(lambda: player.state.steps == 1)
    finally:
        player.close()
