"""A day of mv-rural on a SimBench grid: what is written, against the package and pandapower."""

import copy
import warnings

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
import yaml

import mmgsim
from mmgsim.errors import ScenarioError
from mmgsim.network import is_sweepable, read_tree
from mmgsim.profiles import bundled_path, has_simbench
from mmgsim.scenario import freeze, load_scenario
from tests.support.simbench import profile_year

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_simbench(), reason="simbench is not installed"),
]

CODE = "1-MV-rural--0-sw"
START = pd.Timestamp("2016-06-08", tz="Europe/Berlin")
QUARTERS = 4
VM_PU, KW = 1e-8, 1e-6


@pytest.fixture(scope="module")
def original():
    """The grid as the package gives it, with its profiles."""
    import simbench

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simbench.get_simbench_net(CODE)


@pytest.fixture(scope="module")
def absolute_mw(original):
    """Power of every load and sgen over the hours of the day, by the package's own function."""
    import simbench

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = simbench.get_absolute_values(original, profiles_instead_of_study_cases=True)
    first = int((START - pd.Timestamp("2016-01-01", tz="Etc/GMT-1")) / pd.Timedelta("15min"))
    rows = slice(first, first + 24 * QUARTERS)
    return {
        key: frame.iloc[rows].to_numpy().reshape(24, QUARTERS, -1).mean(axis=1)
        for key, frame in found.items()
        if len(frame)
    }


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """The day in two gates of central, so that plans of half a day are reviewed."""
    out = tmp_path_factory.mktemp("simbench") / "central"
    settings = {"coordination": "central", "gate.every": "12h", "gate.horizon": "24h"}
    return mmgsim.run("mv-rural", overrides=settings, out=out)


@pytest.fixture(scope="module")
def replayed(day, original, absolute_mw):
    """Every step solved again: the package's grid and series, with the exchanges that were made."""
    exchange = day.dispatch.pivot(index="time", columns="microgrid", values="exchange_kw")
    reactive = day.dispatch.pivot(index="time", columns="microgrid", values="q_kvar")
    config = yaml.safe_load((day.folder / "scenario.yaml").read_text())["microgrids"]
    taken = {d["profile"]["element"] for m in config for d in m["devices"] if "profile" in d}
    found = []
    for hour, time in enumerate(exchange.index):
        net = copy.deepcopy(original)
        net.load["p_mw"] = absolute_mw["load", "p_mw"][hour]
        net.load["q_mvar"] = absolute_mw["load", "q_mvar"][hour]
        net.sgen["p_mw"] = absolute_mw["sgen", "p_mw"][hour]
        for table in (net.load, net.sgen):
            table.loc[table.name.isin(taken), ["p_mw", "q_mvar"]] = 0.0
        for microgrid in config:
            name = microgrid["name"]
            sent = exchange.loc[time, name] / 1e3, reactive.loc[time, name] / 1e3
            pp.create_sgen(net, microgrid["bus"], p_mw=sent[0], q_mvar=sent[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pp.runpp(net, init="dc", calculate_voltage_angles=True, tolerance_mva=1e-10)
        found.append((net.res_bus.vm_pu.to_numpy(), net.res_ext_grid.p_mw.sum() * 1e3, net))
    return found


def test_voltages_and_substation_are_those_of_the_packages_own_series(day, replayed):
    vm_pu = day.buses.pivot(index="time", columns="bus", values="vm_pu").to_numpy()
    np.testing.assert_allclose(vm_pu, np.stack([vm for vm, *_ in replayed]), atol=VM_PU)
    drawn_kw = [kw for _, kw, _ in replayed]
    np.testing.assert_allclose(day.steps.substation_kw, drawn_kw, atol=1e-3)


def test_every_step_is_ok_within_the_ratings_of_the_grid(day, replayed):
    assert day.steps.status.tolist() == ["ok"] * 24
    lines = [net.res_line.loading_percent.max() for *_, net in replayed]
    trafos = [net.res_trafo.loading_percent.max() for *_, net in replayed]
    due = np.maximum(lines, trafos)
    np.testing.assert_allclose(day.steps.loading_max_percent, due, atol=1e-5)
    assert due.max() < 100.0


def test_substation_draws_exchanges_background_and_losses(day):
    """With generators that follow profiles, the background counts them."""
    exchange_kw = day.dispatch.groupby("time").exchange_kw.sum().to_numpy()
    steps = day.steps
    due_kw = -exchange_kw + steps.loss_kw.to_numpy() + steps.background_kw.to_numpy()
    np.testing.assert_allclose(steps.substation_kw, due_kw, atol=KW)


def test_devices_are_elements_of_the_grid(day, original, absolute_mw):
    """MG2's homes and roofs are their elements' series, in kW."""
    load_at = list(original.load.name).index("MV1.101 Load 24")
    sgens = [list(original.sgen.name).index(f"MV1.101 {n}") for n in ("SGen 24", "MV SGen 9")]
    mine = day.dispatch.query("microgrid == 'MG2'")
    np.testing.assert_allclose(mine.load_kw, absolute_mw["load", "p_mw"][:, load_at] * 1e3)
    sun_kw = absolute_mw["sgen", "p_mw"][:, sgens].sum(axis=1) * 1e3
    np.testing.assert_allclose(mine.pv_kw + mine.spilled_kw, sun_kw, atol=1e-6)


def test_network_and_profiles_of_the_results_give_the_step_again(day, replayed):
    net = pp.from_json(str(day.folder / "network.json"))
    table = pd.read_parquet(day.folder / "profiles.parquet")
    noon = table.time.unique()[12]
    value = table[table.time == noon].set_index("profile").value
    sent = day.dispatch[day.dispatch.time == noon].set_index("microgrid").exchange_kw
    net.load["p_mw"] *= [value[f"{name}_pload"] for name in net.load.profile]
    net.load["q_mvar"] *= [value[f"{name}_qload"] for name in net.load.profile]
    net.sgen["p_mw"] = [
        sent[name] / 1e3 if kind == "microgrid" else p_mw * value[profile]
        for name, kind, p_mw, profile in zip(
            net.sgen.name, net.sgen.type, net.sgen.p_mw, net.sgen.profile, strict=True
        )
    ]
    pp.runpp(net, init="dc", calculate_voltage_angles=True, tolerance_mva=1e-10, numba=False)
    np.testing.assert_allclose(net.res_bus.vm_pu, replayed[12][0], atol=VM_PU)


def test_loss_shares_and_the_rest_are_all_losses(day):
    shares = day.ledger[day.ledger.item == "loss_share"].groupby("time").kwh.sum()
    assert len(shares)
    assert (shares.abs() < day.steps.set_index("time").loss_kw.loc[shares.index]).all()


def test_money_balances(day):
    ledger = day.ledger
    paid, received = ledger.groupby("payer").amount.sum(), ledger.groupby("payee").amount.sum()
    assert received.sum() == pytest.approx(paid.sum(), abs=1e-9)
    own = [name for name in paid.index if name.startswith("MG")]
    bills = {name: paid.get(name, 0.0) - received.get(name, 0.0) for name in own}
    assert bills == pytest.approx(day.summary["cost_by_microgrid"], abs=1e-6)


def test_sweep_is_refused_with_reasons():
    model = mmgsim.build("mv-rural")
    reasons = is_sweepable(model.dno.feeder)
    assert "its elements follow profiles of their own" in reasons
    assert "it has elements of kind 'trafo'" in reasons
    assert model.warnings == ()


def test_the_tree_of_the_network_problem_solves_what_pandapower_solves(day, replayed):
    """Transformers in parallel, closed couplers, lines open at one end, and a profile each."""
    model = mmgsim.build("mv-rural")
    feeder = model.dno.feeder
    tree = read_tree(feeder)
    exchange = day.dispatch.pivot(index="time", columns="microgrid", values="exchange_kw")
    reactive = day.dispatch.pivot(index="time", columns="microgrid", values="q_kvar")
    table = pd.read_parquet(day.folder / "profiles.parquet")
    share = table.pivot(index="time", columns="profile", values="value")[[*feeder.follows.profiles]]
    names = [member.name for member in feeder.members]
    p_kw, q_kvar = tree.background_kw(share.loc[exchange.index].to_numpy())
    np.subtract.at(p_kw, tree.member_bus, exchange[names].to_numpy().T)
    np.subtract.at(q_kvar, tree.member_bus, reactive[names].to_numpy().T)
    points = tree.solve(p_kw, q_kvar)
    at = [tree.places[bus] for bus in feeder.buses]
    for vm_pu, loading, slack_kw, losses_kw, (due_pu, due_kw, net) in zip(
        tree.vm_pu(points),
        tree.loading(points),
        tree.slack_kw(points),
        tree.losses_kw(points),
        replayed,
        strict=True,
    ):
        np.testing.assert_allclose(vm_pu[at], due_pu, rtol=0, atol=VM_PU)
        percent = np.concatenate([net.res_line.loading_percent, net.res_trafo.loading_percent])
        np.testing.assert_allclose(100.0 * loading, percent, rtol=0, atol=1e-5)
        assert slack_kw == pytest.approx(due_kw, abs=1e-3)
        lost_mw = net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()
        assert losses_kw == pytest.approx(1e3 * lost_mw, abs=1e-3)


def test_plans_are_repaired_where_the_grid_is_tight(tmp_path):
    """Under a low limit of voltage sun and wind are cut; what the background breaks alone stays."""
    tight = {"coordination": "central", "gate.every": "1d", "network.v_max_pu": 1.03}
    run = mmgsim.run("mv-rural", overrides=tight, out=tmp_path / "tight")
    summary = run.summary
    assert summary["steps_repaired"] > 0
    assert summary["spilled_kwh"] > 0.0
    left = summary["steps_by_status"]["violations"]
    assert left == summary["steps_plan_violation"] - summary["steps_repaired"]


def test_a_row_is_an_instant_so_offices_keep_their_clock_and_the_sun_does_not():
    """Weeks before and after clocks are put forward, in days of the German clock."""
    weeks = {
        (name, first): profile_year(CODE, name, first, 5).reshape(5, -1).mean(axis=0)
        for name in ("G0-A_pload", "PV3")
        for first in ("2016-03-14", "2016-04-04")
    }
    opens = [int(np.diff(weeks["G0-A_pload", first][:56]).argmax()) for _, first in list(weeks)[:2]]
    assert abs(opens[1] - opens[0]) <= 1
    quarters = np.arange(24 * QUARTERS)
    noon = [(day := weeks["PV3", first]) @ quarters / day.sum() for _, first in list(weeks)[2:]]
    assert 2 < noon[1] - noon[0] < 5  # an hour later on the clock, less the equation of time


@pytest.mark.parametrize("start", ["2015-12-31", "2016-12-31", "2021-06-08"])
def test_another_year_is_refused(start):
    with pytest.raises(ScenarioError) as caught:
        mmgsim.build("mv-rural", overrides={"start": start})
    assert all("has the year 2016" in fault.what for fault in caught.value.faults)
    assert "network.simbench" in {fault.where for fault in caught.value.faults}


def test_unknown_names_have_a_near_miss():
    places = {
        "network.simbench": "1-MV-rurl--0-sw",
        "microgrids.MG1.devices.farm.profile.element": "MV1.101 MV Load 11",
    }
    said = []
    for path, name in places.items():
        with pytest.raises(ScenarioError) as caught:
            mmgsim.build("mv-rural", overrides={path: name})
        said += [str(fault) for fault in caught.value.faults]
    assert len(said) == 2
    assert "did you mean '1-MV-rural--0-sw'" in said[0]
    assert "did you mean 'MV1.101 MV Load 1'" in said[1]


def test_element_of_two_devices_is_refused():
    taken = {"microgrids.MG2.devices.homes.profile.element": "MV1.101 Load 37"}
    with pytest.raises(ScenarioError, match="is MG2's homes already"):
        mmgsim.build("mv-rural", overrides=taken)


def test_element_at_another_bus_is_a_warning():
    model = mmgsim.build("mv-rural", overrides={"microgrids.MG6.bus": 95})
    assert "is at bus 96 of the net, MG6 at bus 95" in model.warnings[0].what


def test_data_of_simbench_are_not_frozen(tmp_path):
    with pytest.raises(ScenarioError, match="ODbL"):
        freeze(load_scenario("mv-rural"), tmp_path / "frozen")
    assert not (tmp_path / "frozen").exists()


def test_no_extract_is_bundled():
    """Only the scenario's own text names the grid; there is no series beside it."""
    files = {file.name for file in (bundled_path("scenarios") / "mv-rural").iterdir()}
    assert files == {"scenario.yaml", "README.md"}
