"""What the DNO grants of requests, and what its plan costs by parts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from mmgsim.contracts import Envelope, Request, Security, TieLine, frozen
from mmgsim.errors import ContractError
from mmgsim.subproblems import AcTolerance, Granting, grant_faults
from tests.support import p003

HOURS = np.arange(11, 14)
"""Around noon, when all three send out most."""


@pytest.fixture(scope="module")
def tree():
    return p003.tree()


def grant(tree, hours=HOURS, *, penalty=0.2, net_kw=None, **options):
    known = p003.view(tree, hours)
    asked = p003.query(known, hours, net_kw=net_kw, **options)
    return known, asked, Granting(penalty).grant(known, asked)


def total_kwh(requests):
    return sum(float((one.lack_kw + one.surplus_kw).sum()) for one in requests.values())


def test_without_limits_everything_is_granted(tree):
    _, asked, given = grant(tree, security=Security.NONE)
    assert total_kwh(given.grants) == pytest.approx(total_kwh(asked.requests))
    assert given.binding == ()
    assert given.cost.penalty == pytest.approx(0.0, abs=1e-6)


def test_limits_refuse_part_and_name_the_branches_that_are_full(tree):
    _, asked, given = grant(tree)
    refused_kwh = total_kwh(asked.requests) - total_kwh(given.grants)
    assert refused_kwh > 100.0
    assert given.cost.penalty == pytest.approx(0.2 * refused_kwh)
    assert "31-32" in given.binding  # the last line to MG2
    assert list(grant_faults(given, asked)) == []


def test_the_parts_of_the_cost_are_those_of_the_plan(tree):
    """Operations, which are what is left, against the fuel of the diesel itself; it was on."""
    known, _, given = grant(tree)
    fuel = p003.GENSET.fuel_per_h(given.schedule["genset"].out_kw).sum()
    assert given.cost.operations == pytest.approx(fuel, abs=1e-3)
    lack_kw = sum(one.lack_kw for one in given.grants.values())
    surplus_kw = sum(one.surplus_kw for one in given.grants.values())
    tariff = known.tariff
    trade = tariff.import_per_kwh @ lack_kw - tariff.export_per_kwh @ surplus_kw
    assert given.cost.trade == pytest.approx(trade)
    assert given.cost.shed == pytest.approx(0.3 * given.background_shed_kw.sum())
    assert given.cost.objective == pytest.approx(
        fuel + given.cost.upstream - trade + given.cost.shed + given.cost.penalty, abs=1e-3
    )


def test_own_devices_keep_to_their_rules(tree):
    _, _, given = grant(tree)
    ess = given.schedule["ess"]
    assert ess.energy_kwh[-1] == pytest.approx(1000.0)
    assert np.minimum(ess.in_kw, ess.out_kw).max() <= 1e-6
    assert given.schedule["genset"].out_kw.max() <= 3000.0 + 1e-6


def test_a_refused_kwh_costs_the_penalty_only_where_the_network_is_full(tree):
    """Without a penalty the DNO also refuses surplus that costs it more than upstream energy."""
    dear = {"hours": np.arange(3), "net_kw": np.full((3, 3), 10.0)}
    known = p003.view(tree, dear["hours"])
    tariff = replace(known.tariff, export_per_kwh=2.0 * known.tariff.upstream_per_kwh)
    asked = p003.query(known, **dear)
    cheap, kept = (
        Granting(penalty).grant(replace(known, tariff=tariff), asked) for penalty in (0.0, 0.2)
    )
    assert total_kwh(cheap.grants) == pytest.approx(0.0, abs=1e-6)
    assert total_kwh(kept.grants) == pytest.approx(90.0)


def test_a_dno_does_not_gain_from_refusing_what_microgrids_sell_each_other(tree):
    """At a tariff of 0.35 each kWh that is not sold locally would be one more that it sells."""
    hours, net_kw = np.arange(2), np.array([[100.0] * 2, [-150.0] * 2, [0.0] * 2])
    known = p003.view(tree, hours)
    charge = frozen(np.full(2, 0.25))
    known = replace(known, tariff=replace(known.tariff, network_charge_per_kwh=charge))
    asked = p003.query(known, hours, net_kw=net_kw, pooled=True)
    given = Granting().grant(known, asked)
    assert total_kwh(given.grants) == pytest.approx(500.0)
    # What is left over goes to who lacks: the rest alone is trade.
    assert given.cost.trade == pytest.approx(50.0 * known.tariff.buy_per_kwh.sum())


def test_ties_move_requests_to_where_the_network_has_room(tree):
    _, _, fixed = grant(tree)
    _, free, given = grant(tree, ties=p003.chain())
    assert given.cost.objective < fixed.cost.objective - 1.0
    assert list(grant_faults(given, free)) == []
    assert total_kwh(given.grants) > total_kwh(fixed.grants)


EXCHANGES = {
    "Table 3": None,
    "one for the other": [[1500.0] * 3, [-1500.0] * 3, [0.0] * 3],
    "both sides": [[1200.0] * 3, [-400.0] * 3, [900.0] * 3],
}


@pytest.mark.parametrize("net_kw", EXCHANGES.values(), ids=EXCHANGES)
@pytest.mark.parametrize("limit_kw", [50.0, 1000.0])
def test_ties_never_make_the_objective_dearer_and_carry_what_is_granted(tree, net_kw, limit_kw):
    """Small ones do not either: what they cannot bring to a connection is not granted there."""
    ties, net_kw = p003.chain(limit_kw), None if net_kw is None else np.array(net_kw)
    _, _, alone = grant(tree, net_kw=net_kw, pooled=True)
    _, asked, tied = grant(tree, net_kw=net_kw, pooled=True, ties=ties)
    # Both are AC power flows to 1 kW at the substation, at most 0.16 a kWh.
    assert tied.cost.objective <= alone.cost.objective + 0.16 * len(HOURS)
    for step in range(len(HOURS)):
        assert served_at_most_kw(asked, tied, step) >= served_kw(asked, tied, step) - 1e-3
    both_kw = [np.minimum(one.lack_kw, one.surplus_kw).max() for one in tied.grants.values()]
    assert max(both_kw) == 0.0


def served_kw(asked, given, step):
    total_kw = sum(one.lack_kw[step] + one.surplus_kw[step] for one in asked.requests.values())
    return total_kw - given.refused_kw[step]


def served_at_most_kw(asked, given, step):
    """An LP of its own: all that can be served, less losses, if each connection passes its grant.

    Columns: what is served of each microgrid's net request, then what both ends of lines send.
    """
    names, ties = list(asked.requests), asked.ties
    net = np.array([r.surplus_kw[step] - r.lack_kw[step] for r in asked.requests.values()])
    grants = [given.grants[name] for name in names]
    passing = np.array([g.surplus_kw[step] - g.lack_kw[step] for g in grants])
    ends = np.zeros((len(names), 2 * len(ties)))
    for at, tie in enumerate(ties):
        for end in (0, 1):
            ends[names.index(tie.between[end]), 2 * at + end] -= 1.0
            ends[names.index(tie.between[1 - end]), 2 * at + end] += 1.0 - tie.loss_share
    lost = np.repeat([tie.loss_share for tie in ties], 2)
    limits = np.repeat([tie.limit_kw for tie in ties], 2)
    found = linprog(
        np.concatenate([-np.sign(net), lost]),
        A_eq=np.column_stack([np.eye(len(names)), ends]),
        b_eq=passing,
        bounds=[*zip(np.minimum(net, 0.0), np.maximum(net, 0.0), strict=True)]
        + [(0.0, limit) for limit in limits],
    )
    assert found.success, "no flow of the ties brings what is granted"
    return -found.fun


def test_nothing_is_granted_where_a_connection_is_open(tree):
    """What binds now counts, not what a connection bears on other days."""
    hours = np.arange(2)
    known = p003.view(tree, hours)
    closed = {
        member.name: Envelope(
            microgrid=member.name,
            window=known.window,
            import_limit_kw=frozen(np.full(2, 0.0 if member.name == "MG2" else 5e3)),
            export_limit_kw=frozen(np.full(2, 0.0 if member.name == "MG2" else 5e3)),
        )
        for member in known.members
    }
    net_kw = np.array([[0.0] * 2, [800.0] * 2, [0.0] * 2])
    asked = p003.query(known, hours, net_kw=net_kw, ties=p003.chain(300.0))
    given = Granting().grant(replace(known, envelopes=closed), asked)
    assert given.grants["MG2"].surplus_kw == pytest.approx(0.0, abs=1e-6)
    # Both lines of MG2 carry 300 away; 2 % of that are lost, so 200 and 12 are refused.
    assert total_kwh(given.grants) == pytest.approx(2 * 588.0)
    assert given.refused_kw == pytest.approx(212.0)


def test_energy_is_not_burnt_in_ties_to_be_rid_of_it(tree):
    """A line that loses all is no way out: what is lost there counts as refused."""
    _, _, alone = grant(tree)
    _, _, tied = grant(tree, ties=(TieLine("T", ("MG1", "MG2"), 5e3, 1.0),))
    assert tied.refused_kw == pytest.approx(alone.refused_kw, abs=2.0)


def test_reactive_power_follows_active_power_at_the_power_factor():
    """An export at an inductive factor lifts voltages more, so that less of it is granted."""
    given = {}
    for factor in (1.0, 0.9):
        factors = (factor,) * 3
        tree = p003.tree(rating=10.0, v_max=1.01, factors=factors)
        known = p003.view(tree, HOURS[:1], own=False, factors=factors)
        asked = p003.query(known, HOURS[:1])
        given[factor] = total_kwh(Granting().grant(known, asked).grants)
    assert given[0.9] < given[1.0] - 10.0


def test_a_window_later_gives_what_a_new_problem_gives(tree):
    granting, hours = Granting(), np.arange(9, 14)
    for first in range(3):
        part = hours[first : first + 3]
        known = p003.view(tree, part)
        window = replace(known.window, first_step=first)
        asked = replace(p003.query(known, part), window=window)
        known = replace(known, window=window)
        hot, cold = granting.grant(known, asked), Granting().grant(known, asked)
        # Both are AC power flows to 1 kW at the substation.
        assert hot.cost.objective == pytest.approx(cold.cost.objective, abs=3 * 0.16)


def halved(steps, line=31):
    """Ratings of three steps: those of one line, the last to MG2, are halved in some of them."""
    share = np.ones((37, 3))
    share[line, steps] = 0.5
    return frozen(share)


def test_a_rating_holds_in_its_steps_and_in_no_other(tree):
    """Without devices of its own, hours hang together by nothing: each is that of its feeder."""
    known = replace(p003.view(tree, HOURS, own=False), rating_share=halved([1]))
    asked = p003.query(known, HOURS)
    feeders = [tree, p003.tree(halved_line=31), tree]
    found = Granting().grant(known, asked)
    for step, feeder in enumerate(feeders):
        alone = Granting().grant(p003.view(feeder, HOURS, own=False), asked)
        for name, due in alone.grants.items():
            kw = [one.grants[name].surplus_kw[step] for one in (found, alone)]
            assert kw[0] == pytest.approx(kw[1], abs=AcTolerance().slack_kw)
            assert found.grants[name].lack_kw[step] == pytest.approx(due.lack_kw[step], abs=1e-6)
    at_half = found.grants["MG2"].surplus_kw
    assert at_half[1] < at_half[[0, 2]].min() - 100.0
    assert "31-32" in found.binding


def test_a_problem_that_is_hot_forgets_a_rating(tree):
    known = p003.view(tree, HOURS)
    asked = p003.query(known, HOURS)
    granting = Granting()
    costs = [
        granting.grant(replace(known, rating_share=share), asked).cost.objective
        for share in (None, halved([0, 1]), halved([]), None)
    ]
    assert costs[1] > costs[0] + 100.0 * 0.2
    # All are AC power flows to 1 kW at the substation.
    assert costs[2:] == pytest.approx([costs[0]] * 2, abs=3 * 0.16)


def test_without_a_network_everything_is_granted(tree):
    known = p003.view(tree, HOURS)
    asked = p003.query(known, HOURS)
    bare = replace(known, tree=None, background=(), own=())
    assert Granting().grant(bare, asked).grants == dict(asked.requests)


def test_without_a_network_ties_may_bring_everything_to_any_connection(tree):
    known = p003.view(tree, HOURS)
    asked = p003.query(known, HOURS, ties=p003.chain())
    given = Granting().grant(replace(known, tree=None, background=(), own=()), asked)
    total_kw = sum(one.surplus_kw for one in asked.requests.values())
    assert (given.refused_kw == 0.0).all()
    for grant in given.grants.values():
        assert grant.surplus_kw == pytest.approx(np.minimum(total_kw, 5e3))
    assert given.grants["MG1"].surplus_kw == pytest.approx(total_kw)


def test_a_feeder_that_is_no_tree_is_refused(tree):
    known = replace(p003.view(tree, HOURS), tree=None)
    with pytest.raises(ContractError, match="no tree"):
        Granting().grant(known, p003.query(known, HOURS))


def test_grants_beyond_requests_are_told(tree):
    known = p003.view(tree, HOURS)
    asked = p003.query(known, HOURS)
    _, _, given = grant(tree, security=Security.NONE)
    own = given.grants["MG1"]
    spoilt = {**given.grants, "MG1": Request(lack_kw=own.lack_kw, surplus_kw=2 * own.surplus_kw)}
    faults = list(grant_faults(replace(given, grants=spoilt), asked))
    assert faults == ["the granted surplus_kw of MG1 is not between nothing and what was asked for"]
    short = {"genset": replace(given.schedule["genset"], out_kw=np.zeros(2))}
    assert list(grant_faults(replace(given, schedule=short), asked)) == [
        "the schedule of genset is not 3 finite numbers"
    ]
    nothing = replace(given, background_shed_kw=given.background_shed_kw[:, :2])
    assert list(grant_faults(nothing, asked)) == [
        "the background not served is not 3 finite numbers from 0 a bus"
    ]
    assert next(grant_faults(replace(given, grants={}), asked)) == "no grant for MG1"
    assert list(grant_faults(own, asked)) == ["answers a GrantQuery by Request, not Grants"]
