"""Events of a scenario: how they are written, what is refused, when they are, who knows of them."""

from datetime import UTC, datetime

import numpy as np
import pytest

from mmgsim.engine.setup import network_faults
from mmgsim.errors import ScenarioError
from mmgsim.scenario import Timeline, load_scenario, read_inputs, resolved_yaml, unusual
from mmgsim.scenario.events import instant_of

NETWORK = "network: {case: case33bw, background: {scale: 0.4}, ratings: wa9}"
BUSES = (("name: MG1", "name: MG1\n    bus: 17"), ("name: MG2", "name: MG2\n    bus: 32"))


def during(*items, start="2021-01-11 12:00", end="2021-01-11 16:00"):
    """Add events to the small scenario, at noon if not said otherwise."""
    times = f'start: "{start}", end: "{end}"'
    return ("seed: 3", "seed: 3\nevents:\n" + "\n".join(f"  - {{{x}, {times}}}" for x in items))


ISLANDING = "kind: islanding, microgrid: MG2"
SHOCK = "kind: price-shock, price: import, factor: 3.0"
OUTAGE = "kind: line-outage, line: 6"
RATING = "kind: rating, line: 3, factor: 0.5"


def test_every_kind_is_read_and_written_again(scenarios):
    loaded = scenarios.load(
        during(ISLANDING, SHOCK, OUTAGE, RATING), ("seed: 3", f"seed: 3\n{NETWORK}"), *BUSES
    )
    kinds = [event.kind for event in loaded.scenario.events]
    assert kinds == ["islanding", "price-shock", "line-outage", "rating"]
    assert loaded.scenario.events[0].start == datetime(2021, 1, 11, 12)  # noqa: DTZ001
    text = resolved_yaml(loaded.scenario)
    assert "start: 2021-01-11 12:00" in text
    scenarios.file.write_text(text)
    assert load_scenario(scenarios.file).scenario == loaded.scenario


@pytest.mark.parametrize("written", ["2021-01-11 12:00", "2021-01-11T12:00", "2021-01-11 12:00:00"])
def test_a_moment_may_be_written_in_the_ways_of_yaml(scenarios, written):
    (event,) = scenarios.load(during(ISLANDING, start=written)).scenario.events
    assert event.start == datetime(2021, 1, 11, 12)  # noqa: DTZ001  a wall clock


@pytest.mark.parametrize("written", ["noon", "12:00", "2021-01-11", "2021-02-30 12:00", "25:00"])
def test_what_is_no_moment_is_refused(scenarios, written):
    fault = scenarios.fault(during(ISLANDING, start=written))
    assert fault.where == "events.0.start"
    assert "moment" in fault.what


def test_an_unknown_microgrid_is_refused_with_the_one_that_was_meant(scenarios):
    fault = scenarios.fault(during("kind: islanding, microgrid: MG3"))
    assert fault.where == "events.0.microgrid"
    assert fault.cure.startswith("did you mean 'MG")


def test_an_end_before_its_start_is_refused(scenarios):
    fault = scenarios.fault(during(ISLANDING, start="2021-01-11 16:00", end="2021-01-11 16:00"))
    assert (fault.where, fault.what) == ("events.0.end", "2021-01-11 16:00 is not after the start")


def test_times_between_two_steps_are_refused(scenarios):
    fault = scenarios.fault(during(ISLANDING, start="2021-01-11 12:15"))
    assert (fault.where, fault.what) == ("events.0.start", "no step of 60 min begins at 12:15")
    scenarios.load(during(ISLANDING, start="2021-01-11 12:15"), step="15min")


def test_a_time_that_the_clock_skips_is_refused(scenarios):
    """Berlin goes from 02:00 to 03:00 on 28 March 2021."""
    fault = scenarios.fault(
        during(ISLANDING, start="2021-03-28 02:00", end="2021-03-28 06:00"),
        overrides={"start": "2021-03-28"},
    )
    assert fault.where == "events.0.start"
    assert fault.what == "the clocks of Europe/Berlin skip 2021-03-28 02:00"


def test_of_a_time_that_comes_twice_the_first_is_meant():
    first = instant_of(datetime(2021, 10, 31, 2), "Europe/Berlin")  # noqa: DTZ001  a wall clock
    assert first == datetime(2021, 10, 31, 0, tzinfo=UTC)


@pytest.mark.parametrize("event", [OUTAGE, RATING])
def test_a_line_needs_a_network(scenarios, event):
    fault = scenarios.fault(during(event))
    assert (fault.where, fault.what) == ("events.0.line", "there is no network")


@pytest.mark.parametrize("event", [ISLANDING, SHOCK, OUTAGE, RATING])
def test_two_events_of_one_kind_about_one_thing_do_not_overlap(scenarios, event):
    with_network = (("seed: 3", f"seed: 3\n{NETWORK}"), *BUSES)
    faults = scenarios.faults(during(event, event), *with_network)
    assert [fault.where for fault in faults] == ["events.1.start"]
    assert "overlaps with the one that begins at 2021-01-11 12:00" in faults[0].what
    later = f'{event}, start: "2021-01-11 16:00", end: "2021-01-11 17:00"'
    text = during(event)[1] + f"\n  - {{{later}}}"
    scenarios.load(("seed: 3", text), *with_network)  # one after the other


def network_refusals(scenarios, *events):
    with_network = (("seed: 3", f"seed: 3\n{NETWORK}"), *BUSES)
    loaded = scenarios.load(during(*events), *with_network)
    return [(x.where, x.what) for x in network_faults(loaded.scenario, None)]


def test_lines_that_are_not_there_or_out_anyway_are_refused(scenarios):
    """Lines 32 to 36 of case33bw are its open ties."""
    assert network_refusals(
        scenarios,
        "kind: line-outage, line: 99",
        "kind: line-outage, line: main",
        "kind: line-outage, line: 33",
        "kind: rating, line: 34, factor: 2",
    ) == [
        ("events.0.line", "the feeder has no line 99"),
        ("events.1.line", "the feeder has no line 'main'"),
        ("events.2.line", "line 33 of the net is out of service anyway"),
        ("events.3.line", "line 34 of the net is out of service anyway"),
    ]


def test_a_line_without_a_rating_has_none_to_change(scenarios):
    plain = NETWORK.replace(", ratings: wa9", "")
    loaded = scenarios.load(during(RATING), ("seed: 3", f"seed: 3\n{plain}"), *BUSES)
    (fault,) = network_faults(loaded.scenario, None)
    assert (fault.where, fault.what) == ("events.0.line", "line 3 has no rating")


def test_faults_of_events_are_told_together_with_those_of_the_schema(scenarios):
    """An unknown key, a wrong microgrid, a bad factor: three events, three faults."""
    faults = scenarios.faults(
        during(f"{ISLANDING}, bus: 3", "kind: islanding, microgrid: MG9", "kind: price-shock"),
    )
    assert {fault.where for fault in faults} == {
        "events.0.bus",
        "events.1.microgrid",
        "events.2.price",
    }


def test_events_of_what_has_a_fault_itself_are_not_blamed(scenarios):
    faults = scenarios.faults(during(ISLANDING), ("name: MG2", "name: 2"))
    assert {fault.where for fault in faults} == {"microgrids.1.name"}


def test_an_event_outside_the_run_and_a_shock_of_nothing_are_doubted(scenarios):
    loaded = scenarios.load(
        during("kind: price-shock, price: export", start="2020-01-11 12:00"),
    )
    assert loaded.scenario.events
    found = {x.where: x.what for x in unusual(loaded.scenario, read_inputs(loaded.scenario, None))}
    assert found["events.0"] == "changes no price"
    late = scenarios.load(during(ISLANDING, start="2021-01-12 00:00", end="2021-01-12 01:00"))
    doubts = unusual(late.scenario, read_inputs(late.scenario, None))
    assert [(x.where, x.what) for x in doubts] == [("events.0.start", "lies after the run")]


def test_selling_above_buying_while_an_event_lasts_is_refused(scenarios):
    loaded = scenarios.load(during("kind: price-shock, price: export, factor: 10.0"))
    with pytest.raises(ScenarioError, match=r"in 4 steps while events last"):
        read_inputs(loaded.scenario, None)


# ------------------------------------------------------------------------- time and knowledge
def timeline(scenarios, *events, **times):
    return Timeline.of(scenarios.load(during(*events, **times)).scenario)


def test_events_are_steps_of_the_run_on_its_clock(scenarios):
    """On the day of 23 hours noon is the eleventh hour."""
    text = during(ISLANDING, start="2021-03-28 12:00", end="2021-03-28 16:00")
    loaded = scenarios.load(text, start="2021-03-28")
    (event,) = Timeline.of(loaded.scenario).events
    assert (event.first_step, event.stop_step) == (11, 15)


def test_what_is_not_announced_is_known_from_its_first_step_on(scenarios):
    secret, told = (
        timeline(scenarios, ISLANDING),
        timeline(scenarios, f"{ISLANDING}, announced: true"),
    )
    assert [bool(secret.now(13, at=at)) for at in (0, 11, 12, 13)] == [False, False, True, True]
    assert all(told.now(13, at=at) for at in (0, 11, 12, 13))
    for one in (secret, told):
        assert [bool(one.now(step, at=23)) for step in (11, 12, 15, 16)] == [
            False,
            True,
            True,
            False,
        ]
    assert secret.surprises() == (12,)
    assert told.surprises() == ()


def test_a_shock_multiplies_and_adds_in_its_steps_as_far_as_it_is_known(scenarios):
    found = timeline(scenarios, f"{SHOCK}, add_per_kwh: 0.1")
    quoted = np.full(24, 0.3)

    def price(name, at):
        return found.price_per_kwh(name, quoted, first_step=0, at=at)

    assert price("import", 11) == pytest.approx(quoted)
    assert price("import", 12)[[11, 12, 15, 16]] == pytest.approx([0.3, 1.0, 1.0, 0.3])
    assert price("import", None) == pytest.approx(price("import", 12))
    assert price("export", 12) is quoted
    # Nothing is said of an upstream price, so it is the import price.
    assert price("upstream", 12) == pytest.approx(price("import", 12))


def test_an_upstream_price_of_its_own_has_its_own_shocks(scenarios):
    given = ("export_per_kwh: 0.05", "export_per_kwh: 0.05\n  upstream_per_kwh: 0.1")
    found = Timeline.of(scenarios.load(during(SHOCK), given).scenario)
    quoted = np.full(24, 0.1)
    assert found.price_per_kwh("upstream", quoted, first_step=0, at=None) is quoted
