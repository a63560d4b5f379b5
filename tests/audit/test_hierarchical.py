"""A day of ieee33mmg by one controller, from the written tables alone: the DNO plans and trades."""

import numpy as np
import pandapower as pp
import pytest

from tests.audit import test_energy, test_money, test_network, test_summary

MONEY, KWH, VM_PU = 1e-8, 1e-6, 1e-8


@pytest.fixture
def day(get_run):
    return get_run("hierarchical")


def near(found, due, tolerance, what):
    worst = float(np.max(np.abs(np.asarray(found, float) - np.asarray(due, float)), initial=0.0))
    assert worst <= tolerance, f"{what}: off by {worst:g}"  # also fails on NaN
    return worst


def own(run, quantity):
    """What the DNO's own devices do together, by step."""
    return sum(
        run.device("dno", config["name"], quantity) for config in run.scenario["network"]["devices"]
    )


# --------------------------------------------------------------- what holds of every other run
MEMBERS_MONEY = [
    test_money.check_import,
    test_money.check_export,
    test_money.check_local_trade_of_buyers,
    test_money.check_local_trade_of_sellers,
    test_money.check_imbalance,
    test_money.check_wear,
    test_money.check_fuel,
    test_money.check_start_up,
    test_money.check_market_keeps_nothing,
    test_money.check_losses,
]
SUMMARY = [
    test_summary.check_members_cost,
    test_summary.check_objective_cost,
    test_summary.check_market_kept,
    test_summary.check_summary_energy,
    test_summary.check_summary_energy_left,
    test_summary.check_summary_counts,
    test_summary.check_summary_gap,
    test_summary.check_trades_are_dispatched,
    test_summary.check_sold_is_bought,
    test_summary.check_local_price,
]


@pytest.mark.parametrize(
    "check",
    [
        *test_energy.CHECKS,
        *MEMBERS_MONEY,
        *SUMMARY,
        test_network.check_lines_lose_all,
        test_network.check_power_factors,
        test_network.check_voltage_range,
    ],
    ids=lambda c: c.__name__.removeprefix("check_"),
)
def test_what_holds_of_every_run_holds_here(day, check):
    check(day)


# ------------------------------------------------------------------------------ energy and AC
def check_substation(run):
    """Substation = import - export - own devices + AC losses + background that is served."""
    steps = run.table("steps")
    grid = run.by_member("dispatch", "import_kw") - run.by_member("dispatch", "export_kw")
    drawn = grid.sum(axis=1).to_numpy() - own(run, "power_kw").to_numpy()
    served = steps.background_kw - steps.unserved_kwh / run.step_h
    due = drawn + (steps.loss_kw + served).to_numpy()
    return near(steps.substation_kw, due, KWH, "substation [kW]")


def check_own_storage(run):
    for config in run.scenario["network"]["devices"]:
        if config["kind"] == "battery":
            energy = run.device("dno", config["name"], "energy_kwh").to_numpy()
            start = config["level_start"] * config["energy_kwh"]
            charged = run.device("dno", config["name"], "charge_kw") * config["efficiency"]
            given = run.device("dno", config["name"], "discharge_kw") / config["efficiency"]
            near(energy, start + (charged - given).cumsum() * run.step_h, KWH, "own storage")
            near(energy[-1], config["level_end"] * config["energy_kwh"], KWH, "own level")


def test_the_substation_brings_what_nobody_else_does(day):
    assert day.table("steps").unserved_kwh.sum() > 1.0
    check_substation(day)


def test_own_storage_follows_its_operation_and_ends_at_its_level(day):
    check_own_storage(day)


def test_pandapower_finds_the_same_voltages_at_the_same_bus_powers(day):
    net = pp.from_json(str(day.path / "network.json"))
    buses = day.table("buses")
    slack = int(net.ext_grid.bus.iloc[0])
    net.load, net.sgen = net.load.iloc[:0], net.sgen.iloc[:0]
    for bus in net.bus.index:
        pp.create_load(net, bus, 0.0)
    for time in day.times[::6]:
        rows = buses[buses.time == time].set_index("bus").loc[net.bus.index]
        is_free = np.asarray(rows.index != slack)
        net.load["p_mw"] = np.where(is_free, rows.p_kw / 1e3, 0.0)
        net.load["q_mvar"] = np.where(is_free, rows.q_kvar / 1e3, 0.0)
        pp.runpp(net, init="flat", tolerance_mva=1e-10, numba=False, lightsim2grid=False)
        near(rows.vm_pu, net.res_bus.vm_pu, VM_PU, "voltage [pu]")
        assert net.res_bus.vm_pu.min() >= day.scenario["network"]["v_min_pu"] - 1e-6


# -------------------------------------------------------------------------------------- money
ENDS = {
    "import": "dno",
    "export": "dno",
    "imbalance": "dno",
    "network_charge": "dno",
    "local_trade": "market",
    "saving_share": "market",
    "losses": "grid",
    "upstream": "grid",
}


def check_parties(run):
    names = set(run.microgrids())
    for line in run.table("ledger").itertuples():
        pair = {line.payer, line.payee}
        assert ENDS.get(line.item, "operations") in pair, line.item
        owner = pair - {ENDS.get(line.item, "operations")}
        is_of_dno = line.item in ("losses", "upstream", "fuel", "start_up", "wear")
        assert owner <= names or (is_of_dno and owner == {"dno"}), line.item


def check_dno_account(run):
    """What it got: trade with the microgrids, less its fuel, and the energy of the substation."""
    prices = {c: run.by_member("prices", c) for c in ("import_price", "export_price")}
    power = {c: run.by_member("dispatch", c) for c in ("import_kw", "export_kw")}
    trade = power["import_kw"] * prices["import_price"]
    trade = (trade - power["export_kw"] * prices["export_price"]).sum(axis=1)
    (unit,) = (d for d in run.scenario["network"]["devices"] if d["kind"] == "diesel")
    diesel = run.device("dno", unit["name"], "power_kw")
    fuel = diesel * (unit["cost_per_kwh"] + unit["cost_per_kwh_kw"] * diesel)
    steps = run.table("steps").set_index("time")
    net_kw = (power["import_kw"] - power["export_kw"]).sum(axis=1) - own(run, "power_kw")
    upstream = (net_kw + steps.loss_kw) * steps.upstream_price
    due = (trade - fuel - upstream) * run.step_h
    return near(test_money.net(run, "dno"), due, MONEY, "account of the DNO")


def check_system_cost(run):
    steps, lines = run.table("steps").set_index("time"), run.table("ledger")
    grid_kw = run.by_member("dispatch", "import_kw") - run.by_member("dispatch", "export_kw")
    net_kw = grid_kw.sum(axis=1) + steps.loss_kw - own(run, "power_kw")
    operations = lines[lines.payee == "operations"].amount.sum()
    due = (net_kw * run.step_h * steps.upstream_price).sum() + operations
    due += test_summary.value_of_shed_load(run).sum()
    price = run.scenario["network"]["background"]["shed_price_per_kwh"]
    if price is not None:  # unserved demand costs its price, and is not bought upstream
        due += (steps.unserved_kwh * (price - steps.upstream_price)).sum()
    return near(run.summary["system_cost"], due, MONEY, "system_cost")


def check_grants(run):
    """The DNO's plan costs what the ledger and the substation say, where all was executed."""
    grants, lines, steps = run.table("grants").iloc[-1], run.table("ledger"), run.table("steps")
    mine = lines[lines.payer == "dno"]
    fuel = mine[mine.payee == "operations"].amount.sum()
    near(grants.operations, fuel, 1e-3, "operations")
    config = run.scenario["network"]["background"]
    shed = steps.unserved_kwh.sum()
    near(grants.background_shed_kwh, shed, 1e-3, "shed [kWh]")
    near(grants.shed_value, shed * config["shed_price_per_kwh"], 1e-3, "shed value")
    penalty = run.scenario["operator"]["options"]["refusal_per_kwh"] * grants.refused_kwh
    near(grants.penalty, penalty, 1e-6, "penalty")


MONEY_CHECKS = [check_parties, check_dno_account, check_system_cost, check_grants]


@pytest.mark.parametrize("check", MONEY_CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_money_of_the_dno(day, check):
    check(day)


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        ("steps", lambda t: t.assign(unserved_kwh=0.0), check_substation),
        ("ledger", lambda t: t[t["item"] != "upstream"], check_dno_account),
        ("ledger", lambda t: t.replace({"payee": {"dno": "grid"}}), check_parties),
        ("grants", lambda t: t.assign(penalty=t.penalty + 1.0), check_grants),
    ],
)
def test_tampering_with_the_dno_is_found(day, tampered, table, change, check):
    check(day)
    with pytest.raises(AssertionError):
        check(tampered(day, table, change))
