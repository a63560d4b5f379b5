"""The certificate of price coordination, computed again from what was said: table `payloads` alone.

The lower bound of a gate is the best that any query has proven: what the microgrids' offers bound,
plus the least cost of import, export and local trade at the queried prices, an LP of its own here.
The upper one is what the plans cost with the awarded trades. Queries that hold decisions (units on
or off) prove nothing about the whole and are left out. Where the DNO told rows of its network, the
exchanges of that LP keep them; it then proves at least as much.
"""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

TOLERANCE = 1e-6  # of the gross cost of a gate


def read_gates(run):
    """Give the messages of every gate: by kind, each with its sender and addressee."""
    said = run.table("payloads")
    gates = set(run.table("gates").time)
    for time, rows in said[said.time.isin(gates)].groupby("time"):
        messages = [
            SimpleNamespace(kind=row.kind, sender=row.sender, to=row.to, **json.loads(row.content))
            for row in rows.sort_values("number").itertuples()
        ]
        yield time, messages


def last_planning(messages):
    """Give what belongs to the last planning: after a repair everything is asked anew.

    Offers are put beside the queries they answer.
    """
    known = SimpleNamespace(tariff=None, envelopes={}, queries=[], awards={}, plans={}, rows=[])
    open_queries = {}
    for one in messages:
        if one.kind == "Tariff" and one.to == "market":
            known.tariff = one
        elif one.kind == "Envelope" and one.to == "market":
            known.envelopes[one.microgrid] = one
        elif one.kind == "PriceQuery":
            if known.plans:
                known.queries, known.awards, known.plans = [], {}, {}
            open_queries[one.to] = one
        elif one.kind == "Offer":
            known.queries.append((one.sender, open_queries.pop(one.sender), one))
        elif one.kind == "NetworkQuery":
            asked = one.exchange_kw
        elif one.kind == "NetworkRows":
            one.asked_kw = asked
            known.rows.append(one)
        elif one.kind == "Award":
            known.awards[one.to] = one
        elif one.kind == "Plan":
            known.plans[one.sender] = one
    return known


def public_prices(tariff):
    """Give what a kWh costs from the grid, earns there, and is charged when bought locally."""
    buy = np.add(tariff.import_per_kwh, tariff.network_charge_per_kwh)
    return buy, np.array(tariff.export_per_kwh), np.array(tariff.local_charge_per_kwh)


# ------------------------------------------------------------------------------------ upper bound
def upper_and_gross(known):
    """Give what the plans cost with the awarded trades, and the sum of the absolute terms."""
    buy, sell, charge = public_prices(known.tariff)
    step_h = known.tariff.window["step_h"]
    upper = gross = 0.0
    for name, plan in known.plans.items():
        sold_kw = traded(known.awards[name], "seller", name)
        bought_kw = traded(known.awards[name], "buyer", name)
        grid_kw = np.array(plan.exchange_kw) - sold_kw + bought_kw
        terms = [buy * np.maximum(-grid_kw, 0.0), -sell * np.maximum(grid_kw, 0.0)]
        terms = step_h * np.array([*terms, charge * bought_kw])
        upper += plan.private_cost + terms.sum()
        gross += abs(plan.private_cost) + np.abs(terms).sum()
    return upper, gross


def traded(award, side, name):
    return sum((np.array(t["kw"]) for t in award.trades if t[side] == name), np.array(0.0))


# ------------------------------------------------------------------------------------ lower bound
def lower_bound(known):
    """Give the best bound of all queries that leave the microgrids free."""
    names = sorted(known.plans)
    rounds = {name: [] for name in names}
    for name, query, offer in known.queries:
        if query.held is None:
            rounds[name].append((np.array(query.prices_per_kwh), np.array(offer.lower_bound)))
        else:
            rounds[name].append(None)  # some hold decisions, others have none to hold
    best = -np.inf
    for answers in zip(*rounds.values(), strict=True):
        if None in answers:
            continue
        prices = np.stack([price for price, _ in answers], axis=1)
        private = sum(bound for _, bound in answers)
        best = max(best, (private + public_costs(known, names, prices)).max())
    return best


def public_costs(known, names, prices):
    """Give the least public cost at each query, (queries, members, steps) prices: one LP for all.

    Variables of a step: lack and surplus of everybody, import, export, traded.
    """
    queries, members, steps = prices.shape
    buy, sell, charge = public_prices(known.tariff)
    grid = np.broadcast_to(np.stack([buy, -sell, charge]), (queries, 3, steps))
    cost = np.concatenate([-prices, prices, grid], axis=1)
    limits = [known.envelopes[name].import_limit_kw for name in names]
    limits += [known.envelopes[name].export_limit_kw for name in names]
    highest = np.concatenate([np.array(limits), np.full((3, steps), np.inf)])
    lacked = [1.0] * members + [0.0] * members + [-1.0, 0.0, -1.0]
    given = [0.0] * members + [1.0] * members + [0.0, -1.0, -1.0]
    balance = sparse.kron(np.array([lacked, given]), sparse.eye_array(steps))
    found = linprog(
        cost.ravel(),
        **network_rows(known, names, steps, queries),
        A_eq=sparse.kron(sparse.eye_array(queries), balance),
        b_eq=np.zeros(queries * 2 * steps),
        bounds=np.stack([np.zeros(cost.size), np.tile(highest.ravel(), queries)], axis=1),
    )
    assert found.success, found.message
    by_query = (cost.ravel() * found.x).reshape(queries, -1).sum(1)
    return known.tariff.window["step_h"] * by_query


def network_rows(known, names, steps, queries):
    """Give the rows of the network on all exchanges, in the variables of `public_costs`."""
    latest = []
    for told in known.rows:
        columns = [told.members.index(name) for name in names]
        asked_kw = np.array([told.asked_kw[name] for name in names])
        new = [
            (key, np.array(coefficient)[columns], limit, share)
            for *key, coefficient, limit, share in zip(
                told.offset,
                told.limit_kind,
                told.element,
                told.coefficient,
                told.limit,
                told.share_per_kw,
                strict=True,
            )
        ]
        true_room = {tuple(one[0]): room_share(one, asked_kw) for one in new}
        # An earlier tangent that leaves less room than there is has to go.
        latest = [
            old
            for old in latest
            if room_share(old, asked_kw) >= true_room.get(tuple(old[0]), -np.inf) - 1e-4
        ] + new
    if not latest:
        return {}
    rows = sparse.lil_array((len(latest), (2 * len(names) + 3) * steps))
    for number, ((step, *_), coefficient, *_) in enumerate(latest):
        for place, value in enumerate(coefficient):
            rows[number, place * steps + step] = -value  # lack
            rows[number, (len(names) + place) * steps + step] = value  # surplus
    limits = [limit for _, _, limit, _ in latest]
    return {
        "A_ub": sparse.kron(sparse.eye_array(queries), rows.tocsr()),
        "b_ub": np.tile(limits, queries),
    }


def room_share(row, exchange_kw):
    """Give what exchanges, (members, steps) [kW], leave of a row, as a share of the whole limit."""
    (step, *_), coefficient, limit, share = row
    return (limit - coefficient @ exchange_kw[:, step]) * share


# ------------------------------------------------------------------------------------------ checks
def check_bounds(run):
    assert run.scenario["objective"] == "members"
    gates = run.table("gates").set_index("time")
    seen = 0
    for time, messages in read_gates(run):
        known, gate = last_planning(messages), gates.loc[time]
        upper, gross = upper_and_gross(known)
        slack = TOLERANCE * gross
        assert gross == pytest.approx(gate.gross, abs=slack), f"gross cost at {time}"
        assert upper == pytest.approx(gate.upper, abs=slack), f"upper bound at {time}"
        assert lower_bound(known) == pytest.approx(gate.lower, abs=slack), f"lower at {time}"
        seen += 1
    assert seen == len(gates)


def test_a_bound_within_rows_of_the_network_follows_from_what_was_said(get_run):
    run = get_run("prices-rows")
    gates, told = run.table("gates").set_index("time"), []
    for time, messages in read_gates(run):
        known, gate = last_planning(messages), gates.loc[time]
        if len(known.rows) > 1:  # the last answer had nothing to add
            told = known.rows[:-1]
        known.rows = told = [moved(one, known.tariff.window) for one in told]
        upper, gross = upper_and_gross(known)
        assert upper == pytest.approx(gate.upper, abs=TOLERANCE * gross)
        proven = lower_bound(known)
        assert gate.lower - TOLERANCE * gross <= proven <= upper + TOLERANCE * gross
    assert any(one.limit for one in told)


def moved(rows, window):
    """Give rows as seen from a later window, those of its steps alone."""
    steps = [rows.window["first_step"] + offset for offset in rows.offset]
    kept = [k for k, step in enumerate(steps) if step >= window["first_step"]]
    content = {
        name: [values[k] for k in kept]
        for name, values in vars(rows).items()
        if name in ("limit_kind", "element", "coefficient", "limit", "share_per_kw")
    }
    offset = [steps[k] - window["first_step"] for k in kept]
    passed = window["first_step"] - rows.window["first_step"]
    asked_kw = {  # beyond the earlier window nothing was asked, and there are no rows
        name: [*kw[passed:], *[0.0] * passed] for name, kw in rows.asked_kw.items()
    }
    return SimpleNamespace(
        members=rows.members, window=window, offset=offset, asked_kw=asked_kw, **content
    )


@pytest.mark.parametrize(
    "name", ["admm", "prices", "prices-agent", "prices-diesel", "prices-tight"]
)
def test_both_bounds_follow_from_what_was_said(get_run, name):
    check_bounds(get_run(name))


def change_first(kind, **values):
    def change(said):
        first = said.index[said.kind == kind][0]
        content = {**json.loads(said.content[first]), **values}
        said.loc[first, "content"] = json.dumps(content)
        return said

    return change


@pytest.mark.parametrize(
    "change",
    [
        change_first("Plan", private_cost=123.0),
        change_first("Award", trades=[]),
        lambda said: said[said.kind != "Offer"],
    ],
    ids=["plan", "award", "offers"],
)
def test_a_log_that_was_tampered_with_proves_something_else(get_run, tampered, change):
    run = get_run("prices")
    with pytest.raises((AssertionError, ValueError)):
        check_bounds(tampered(run, "payloads", change))


def test_payloads_are_counted_as_the_messages_of_the_run(get_run):
    run = get_run("prices")
    said, counted = run.table("payloads"), run.table("messages")
    assert said.groupby("kind").size().to_dict() == counted.groupby("kind")["count"].sum().to_dict()


def test_without_being_asked_for_nothing_is_kept(get_run):
    assert get_run("central").table("payloads").empty


def test_a_log_changes_nothing_else(get_run):
    kept, not_kept = get_run("prices").table("gates"), get_run("prices-unlogged").table("gates")
    assert kept.equals(not_kept)
