"""The record of a run: certificates, summary, manifest, and that a run repeats itself."""

import hashlib
import re

import numpy as np
import pandas as pd
import pytest

ASKED_AND_ANSWERED = {
    *("Disclose", "Disclosure", "PriceQuery", "Offer", "RequestQuery", "Request"),
    *("OrderQuery", "Orders", "ProximalQuery", "ProximalOffer", "NetworkQuery", "NetworkRows"),
    *("Award", "Plan"),
}


def near(found, due, tolerance, what):
    worst = float(np.max(np.abs(np.asarray(found, float) - np.asarray(due, float)), initial=0.0))
    assert worst <= tolerance, f"{what}: off by {worst:g}"  # also fails on NaN
    return worst


# --------------------------------------------------------------------------------------- gates
def check_gate_times(run):
    every = pd.Timedelta(run.scenario["gate"]["every"])
    due = [t for t in run.times if (t - run.times[0]) % every == pd.Timedelta(0)]
    assert run.table("gates").time.tolist() == due


def check_certificates(run):
    gates = run.table("gates")
    assert np.isfinite(gates[["upper", "gross"]].to_numpy()).all()
    if run.manifest["coordination"] in ("auction", "bilateral", "isolated", "peer-to-peer"):
        assert gates.lower.isna().all()
        assert gates.gap.isna().all()
    else:
        # Nothing is proven of all where somebody was left out.
        flags = run.table("steps").set_index("time")["flags"].loc[gates.time]
        is_partial = flags.str.contains("left_out|out_of_time").to_numpy()
        assert gates.lower.isna().tolist() == is_partial.tolist()
        gates = gates[~is_partial]
        assert not gates.empty
        assert gates.gap.min() >= -1e-9
        assert gates.gap.max() <= largest_gap(run)
        near(gates.gap, (gates.upper - gates.lower) / gates.gross, 1e-15, "gap")


def largest_gap(run):
    """Give the gap that a gate may end with, over gross cost."""
    if run.scenario["communication"]["deadline_rounds"] is not None:
        return 1.0  # whatever there was when time was up
    if run.manifest["coordination"] in ("admm", "prices"):
        return run.scenario["coordination"].get("tolerance", 1e-3)
    # Tangents lie below a quadratic fuel cost, and the bound with them.
    curved = any(config["cost_per_kwh_kw"] for *_, config in run.devices("diesel"))
    return 2e-5 if curved else 1e-6


def check_traffic(run):
    gates, sent = run.table("gates").set_index("time"), run.table("messages")
    assert (gates[["messages", "bytes", "rounds"]] > 0).all().all()
    asked = sent[sent.kind.isin(ASKED_AND_ANSWERED)].groupby("time")[["count", "bytes"]].sum()
    # Envelopes are published once a step, and once more in the gate with every repair.
    published = sent[sent.kind == "Envelope"].groupby("time")[["count", "bytes"]].sum()
    again = published.mul(gates.repair_rounds, axis=0).div(1 + gates.repair_rounds, axis=0)
    due = (asked + again).loc[gates.index]
    near(gates.messages, due["count"], 0, "messages")
    near(gates.bytes, due.bytes, 0, "bytes")


def check_rounds(run):
    gates, rounds = run.table("gates").set_index("time"), run.table("rounds")
    for time, turns in rounds.groupby("time"):
        assert turns["round"].tolist() == list(range(1, gates.rounds[time] + 1))
        assert turns.upper.iloc[-1] == gates.upper[time]
        assert turns.lower.iloc[-1] == gates.lower[time] or np.isnan(gates.lower[time])
    assert len(rounds) == gates.rounds.sum()


def check_residual(run):
    near(run.table("gates").residual_kw, 0.0, 1e-9, "sold and bought [kW]")


# ------------------------------------------------------------------------------------ manifest
def check_manifest(run):
    manifest = run.manifest
    assert manifest["status"] == "complete"
    assert manifest["scenario_sha256"] == hashlib.sha256(run.text.encode()).hexdigest()
    assert manifest["step_h"] == run.step_h
    for key in ("seed", "timezone", "currency", "objective"):
        assert manifest[key] == run.scenario[key]
    assert manifest["coordination"] == run.scenario["coordination"]["kind"]


def check_labels(run):
    inputs = run.manifest["inputs"]
    assert {x["label"] for x in inputs} <= {"real", "benchmark", "synthetic"}
    said = [set(re.split(r"[^\w-]+", x["where"])) for x in inputs]
    for mg, device, _ in run.devices("load", "pv", "wind"):
        assert sum({mg, device} <= words for words in said) == 1, f"{mg} {device}"
    for price in ("import_per_kwh", "export_per_kwh"):
        assert sum(price in words for words in said) == 1, price


def check_times(run):
    """No table but `timings` holds wall clock: all times are simulated, no column is in seconds."""
    for name in run.tables:
        table, steps = run.table(name), set(run.times)
        assert table.time.isin(steps).all(), name
        assert str(table.time.dtype.tz) == "UTC", name
        assert list(table.columns[table.dtypes.map(lambda t: t.kind == "M")]) == ["time"], name
        in_seconds = [c for c in table.columns if c.endswith("_s") or "wall" in c]
        assert not in_seconds or name == "timings", name


CHECKS = [
    check_gate_times,
    check_certificates,
    check_traffic,
    check_rounds,
    check_residual,
    check_manifest,
    check_labels,
    check_times,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_record(run, check):
    check(run)


@pytest.mark.parametrize("name", ["central", "quarter", "feeder"])
def test_rolling_day_costs_what_the_first_gate_planned(get_run, name):
    """Perfect forecasts and a level due at midnight: no later gate finds anything better."""
    run = get_run(name)
    first = run.table("gates").iloc[0]
    near(run.summary["objective_cost"], first.upper, 1e-6 * first.gross, "objective cost")


def test_a_gate_with_diesel_is_proven_and_not_cheaper_alone(get_run):
    run = get_run("diesel")
    assert run.table("gates").gap.min() >= 0.0
    alone = get_run("diesel-isolated").table("gates").upper[0]
    assert run.table("gates").upper[0] <= alone - 1.0


def test_no_coordination_is_cheaper_than_central(get_run):
    first = get_run("central").table("gates").iloc[0]
    assert get_run("isolated").table("gates").upper.iloc[0] >= first.upper - 1e-6 * first.gross


def test_the_same_scenario_gives_the_same_values(get_run):
    """With noise, by another door, in another process: bit by bit, but for `timings`."""
    one, other = get_run("noise"), get_run("again")
    assert one.tables == other.tables
    assert one.text == other.text
    for name in set(one.tables) - {"timings"}:
        pd.testing.assert_frame_equal(one.table(name), other.table(name), check_exact=True)
        for column in one.table(name).select_dtypes("number"):
            a, b = (run.table(name)[column].to_numpy() for run in (one, other))
            assert a.tobytes() == b.tobytes(), f"{name}.{column}"


def test_the_same_scenario_gives_the_same_summary(get_run):
    one, other = get_run("noise").summary, get_run("again").summary
    assert one.keys() == other.keys()
    assert {k for k in one if one[k] != other[k]} <= {
        "wall_s",
        "gate_s",
        "solver_s",
        "power_flow_s",
    }


def test_another_forecast_is_said_in_the_hash(get_run):
    one, other = (get_run(name).manifest for name in ("noise", "central"))
    assert one["scenario_sha256"] != other["scenario_sha256"]


@pytest.mark.parametrize(
    ("what", "change", "check"),
    [
        ("gates", lambda t: t.assign(upper=t.upper * (1 + 2e-6)), check_certificates),
        ("gates", lambda t: t.assign(bytes=t.bytes + 1), check_traffic),
        ("rounds", lambda t: t.iloc[1:], check_rounds),
        ("scenario.yaml", lambda t: t + "\n", check_manifest),
        ("manifest.json", lambda t: t.replace("synthetic", "measured"), check_labels),
        ("steps", lambda t: t.assign(step_s=1.0), check_times),
    ],
)
def test_tampering_with_the_record_is_found(central, tampered, what, change, check):
    check(central)
    with pytest.raises(AssertionError):
        check(tampered(central, what, change))
