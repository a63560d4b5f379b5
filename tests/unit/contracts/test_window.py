"""The clock of the microgrids as agents see it."""

from datetime import UTC, datetime

import pytest

import mmgsim
from mmgsim.contracts import Window


@pytest.mark.parametrize(
    ("first", "hours"),
    [
        (datetime(2021, 3, 27, 23, tzinfo=UTC), [0, 1, 3, 4]),  # 2 h is left out
        (datetime(2021, 10, 30, 22, tzinfo=UTC), [0, 1, 2, 2]),  # 2 h comes twice
        (datetime(2021, 6, 1, 20, tzinfo=UTC), [22, 23, 0, 1]),
    ],
)
def test_local_hours_follow_the_clocks_on_the_wall(first, hours):
    window = Window(0, 4, 1.0, first, "Europe/Berlin")
    assert list(window.local_hours()) == hours
    # Python compares the instants of an hour that comes twice by their stamps only.
    stamps = [
        [time.timestamp() for time in side] for side in (window.local_times(), window.times())
    ]
    assert stamps[0] == stamps[1]


def test_local_hours_of_short_steps_are_fractions():
    window = Window(0, 3, 0.25, datetime(2021, 1, 11, 18, 15, tzinfo=UTC), "Asia/Kathmandu")
    assert list(window.local_hours()) == [0.0, 0.25, 0.5]


def test_a_run_tells_its_agents_the_scenarios_clock():
    model = mmgsim.build("duo", overrides={"timezone": "Australia/Perth"})
    model.step()
    window = model.clock.window()
    assert window.timezone == "Australia/Perth"
    assert window.local_hours()[0] == model.clock.local_now.hour
