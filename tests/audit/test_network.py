"""Physics, from network.json and the written tables: pandapower is asked again, directly."""

import numpy as np
import pandapower as pp
import pytest

VM_PU, LOSS_KW, KWH = 1e-8, 1e-6, 1e-6
V_SLACK_PU, LOADING_SLACK = 1e-6, 1e-4


def near(found, due, tolerance, what):
    worst = float(np.max(np.abs(np.asarray(found, float) - np.asarray(due, float)), initial=0.0))
    assert worst <= tolerance, f"{what}: off by {worst:g}"  # also fails on NaN
    return worst


class Replay:
    """The network of a run, with exchanges set anew for every power flow."""

    def __init__(self, run):
        self.run = run
        self.net = pp.from_json(str(run.path / "network.json"))
        self.loads = self.net.load[["p_mw", "q_mvar"]].copy()
        self.exchange = run.by_member("dispatch", "exchange_kw")
        self.reactive = run.by_member("dispatch", "q_kvar")
        self.share = run.steps_series("background_share")
        self.sgen = [int(self.net.sgen.index[self.net.sgen.name == n][0]) for n in self.exchange]

    def solve(self, time, p_kw=None, q_kvar=None):
        """Solve a step as it was, or with other exchanges."""
        p_kw = self.exchange.loc[time] if p_kw is None else p_kw
        q_kvar = self.reactive.loc[time] if q_kvar is None else q_kvar
        net = self.net
        net.load[["p_mw", "q_mvar"]] = self.loads * self.share[time]
        net.sgen.loc[self.sgen, "p_mw"] = np.asarray(p_kw) / 1e3
        net.sgen.loc[self.sgen, "q_mvar"] = np.asarray(q_kvar) / 1e3
        pp.runpp(net, init="flat", tolerance_mva=1e-10, numba=False, lightsim2grid=False)
        return net

    def loss_kw(self, time, p_kw, q_kvar):
        return float(self.solve(time, p_kw, q_kvar).res_line.pl_mw.sum() * 1e3)


@pytest.fixture(scope="module")
def replayed(get_run):
    """Results of every step of the runs: bus and line tables by time."""
    found = {}
    for name in ("feeder", "wa9", "tight"):
        replay, found[name] = Replay(get_run(name)), {}
        for time in replay.run.times:
            net = replay.solve(time)
            found[name][time] = (net.res_bus.copy(), net.res_line.copy(), net.res_ext_grid.copy())
    return found


@pytest.fixture(params=["feeder", "wa9", "tight"])
def case(request, get_run, replayed):
    return get_run(request.param), replayed[request.param]


def recorded(run, table, column):
    key = {"buses": "bus", "lines": "line"}[table]
    return run.table(table).pivot(index="time", columns=key, values=column)


def stacked(results, position, column, factor=1.0):
    return np.stack([factor * step[position][column].to_numpy() for step in results.values()])


def check_voltages(run, results):
    return near(
        recorded(run, "buses", "vm_pu"), stacked(results, 0, "vm_pu"), VM_PU, "voltage [pu]"
    )


def check_bus_powers(run, results):
    near(recorded(run, "buses", "p_kw"), stacked(results, 0, "p_mw", 1e3), LOSS_KW, "p [kW]")
    near(recorded(run, "buses", "q_kvar"), stacked(results, 0, "q_mvar", 1e3), LOSS_KW, "q [kvar]")


def check_line_losses(run, results):
    due = np.nan_to_num(stacked(results, 1, "pl_mw", 1e3))
    return near(recorded(run, "lines", "loss_kw"), due, LOSS_KW, "line losses [kW]")


def check_loading(run, results):
    limit_ka = pp.from_json(str(run.path / "network.json")).line.max_i_ka.to_numpy()
    current = np.nan_to_num(stacked(results, 1, "i_ka"))
    near(recorded(run, "lines", "i_ka"), current, 1e-9, "current [kA]")
    due = np.where(limit_ka < 9000.0, 100.0 * current / limit_ka, 0.0)
    near(recorded(run, "lines", "loading_percent"), due, 1e-6, "loading [%]")
    in_steps = run.steps_series("loading_max_percent")
    return near(in_steps, due.max(axis=1), 1e-6, "highest loading [%]")


def check_substation_flow(run, results):
    due = stacked(results, 2, "p_mw", 1e3)[:, 0]
    return near(run.steps_series("substation_kw"), due, LOSS_KW, "substation [kW]")


def check_status(run, results):
    """Judge every step by the limits of network.json, which are those of the scenario."""
    net, config = pp.from_json(str(run.path / "network.json")), run.scenario["network"]
    assert set(net.bus.min_vm_pu) == {config["v_min_pu"]}
    assert set(net.bus.max_vm_pu) == {config["v_max_pu"]}
    vm_pu = stacked(results, 0, "vm_pu")
    loading = np.nan_to_num(stacked(results, 1, "i_ka")) / net.line.max_i_ka.to_numpy() * 100.0
    found = {
        "undervoltage": (vm_pu < config["v_min_pu"] - V_SLACK_PU).any(axis=1),
        "overvoltage": (vm_pu > config["v_max_pu"] + V_SLACK_PU).any(axis=1),
        "line_overload": (loading > 100.0 + LOADING_SLACK).any(axis=1),
    }
    steps = run.table("steps")
    due = np.where(np.any(list(found.values()), axis=0), "violations", "ok")
    assert steps.status.tolist() == due.tolist()
    for flag, is_there in found.items():
        said = [flag in flags.split() for flags in steps["flags"]]
        assert said == is_there.tolist(), flag


REPLAYS = [
    check_voltages,
    check_bus_powers,
    check_line_losses,
    check_loading,
    check_substation_flow,
    check_status,
]


@pytest.mark.parametrize("check", REPLAYS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_replay(case, check):
    check(*case)


def check_substation_balance(run):
    """Substation = import - export + AC losses + background that is served."""
    steps = run.table("steps")
    grid = run.by_member("dispatch", "import_kw") - run.by_member("dispatch", "export_kw")
    due = grid.sum(axis=1).to_numpy() + (steps.loss_kw + steps.background_kw).to_numpy()
    due_kwh = due * run.step_h - steps.unserved_kwh.to_numpy()
    return near(steps.substation_kw * run.step_h, due_kwh, KWH, "substation [kWh]")


def check_lines_lose_all(run):
    lost = run.table("lines").groupby("time").loss_kw.sum()
    return near(run.steps_series("loss_kw"), lost, LOSS_KW, "sum of line losses [kW]")


def check_background(run):
    net, config = pp.from_json(str(run.path / "network.json")), run.scenario["network"]
    share, nominal_kw = run.steps_series("background_share"), net.load.p_mw.sum() * 1e3
    near(run.steps_series("background_kw"), share * nominal_kw, 1e-9, "background [kW]")
    near(nominal_kw, 3715.0 * config["background"]["scale"], 1e-6, "nominal background [kW]")
    tan_phi = np.tan(np.arccos(config["background"]["power_factor"]))
    near(net.load.q_mvar, net.load.p_mw * tan_phi, 1e-12, "background [Mvar]")


def check_power_factors(run):
    for name, config in run.microgrids().items():
        tan_phi = np.tan(np.arccos(config["power_factor"]))
        mine = run.table("dispatch").query("microgrid == @name")
        near(mine.q_kvar, mine.exchange_kw * tan_phi, 1e-9, f"q of {name}")


def check_voltage_range(run):
    by_step = run.table("buses").groupby("time").vm_pu
    near(run.steps_series("vm_min_pu"), by_step.min(), 0.0, "lowest voltage")
    near(run.steps_series("vm_max_pu"), by_step.max(), 0.0, "highest voltage")


@pytest.mark.parametrize(
    "check",
    [check_lines_lose_all, check_background, check_power_factors, check_voltage_range],
    ids=lambda c: c.__name__.removeprefix("check_"),
)
def test_network(networked, check):
    check(networked)


def test_substation_balance(run):
    check_substation_balance(run)


def booked_shares(run):
    lines = run.table("ledger").query("item == 'loss_share'")
    frame = lines.pivot_table(index="time", columns="payer", values="kwh", aggfunc="sum")
    names = run.by_member("dispatch", "load_kw").columns
    return frame.reindex(index=run.times, columns=names).fillna(0.0) / run.step_h


def test_loss_shares_and_rest_are_all_losses(networked):
    """What the members do not share is the loss at zero exchange, up to the quadrature."""
    replay, shares = Replay(networked), booked_shares(networked)
    zero = 0.0 * replay.exchange.iloc[0]
    rest = [replay.loss_kw(time, zero, zero) for time in networked.times]
    near(shares.sum(axis=1) + rest, networked.steps_series("loss_kw"), 1e-5, "losses [kW]")


def test_loss_shares_are_aumann_shapley(networked):
    """Marginal losses, from differences, averaged along the ray with Simpson's rule."""
    time = networked.times[12]
    replay, shares = Replay(networked), booked_shares(networked).loc[time]
    p, q = replay.exchange.loc[time], replay.reactive.loc[time]
    apart = 1e-2
    for name in p.index[:3]:
        slopes = []
        for at in (0.0, 0.5, 1.0):
            step = p.index == name
            up, down = (
                replay.loss_kw(time, at * p + s * p * step, at * q + s * q * step)
                for s in (apart, -apart)
            )
            slopes.append((up - down) / (2.0 * apart))
        due = np.dot(slopes, [1 / 6, 4 / 6, 1 / 6])
        near(shares[name], due, 1e-3 * abs(due) + 1e-6, f"loss share of {name} [kW]")


def test_tampering_with_a_voltage_is_found(get_run, replayed, tampered):
    def change(table):
        table.loc[100, "vm_pu"] += 2e-8
        return table

    with pytest.raises(AssertionError):
        check_voltages(tampered(get_run("wa9"), "buses", change), replayed["wa9"])


def test_tampering_with_an_exchange_is_found(get_run, tampered):
    def change(table):
        table.loc[3, "import_kw"] += 1e-3
        return table

    with pytest.raises(AssertionError):
        check_substation_balance(tampered(get_run("wa9"), "dispatch", change))


def test_tampering_with_a_status_is_found(get_run, replayed, tampered):
    copy = tampered(get_run("feeder"), "steps", lambda t: t.replace({"violations": "ok"}))
    with pytest.raises(AssertionError):
        check_status(copy, replayed["feeder"])
