"""The network in the loop: statuses, envelopes and losses; a run never dies on physics."""

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

import mmgsim
from mmgsim.network import linearise

pytestmark = pytest.mark.slow  # dozens of power flows each

STEPS = 6


def on_feeder(**network):
    return {
        "network": {"case": "case33bw", **network},
        "microgrids.MG1.bus": 17,
        "microgrids.MG2.bus": 32,
        "settlement.loss_share": "aumann-shapley",
    }


def failing(scale):
    """A short window: every step of it is tried, and a power flow that fails takes its time."""
    gate = {"horizon": "2h", "end_of_window": {"kind": "value"}}
    return {**on_feeder(background={"scale": scale}), "gate": gate}


def run(overrides, steps=STEPS):
    model = mmgsim.build("duo", overrides=overrides)
    for _ in range(steps):
        model.step()
    return model


def test_a_light_background_is_within_limits():
    steps = run(on_feeder(background={"scale": 0.4}, ratings="wa9")).table("steps")
    assert set(steps.status) == {"ok"}
    assert steps.vm_min_pu.min() > 0.95


def test_a_background_that_breaks_a_limit_is_reported_and_not_repaired():
    model = run(on_feeder(background={"scale": 1.0}))
    steps = model.table("steps")
    assert set(steps.status) == {"violations"}
    assert steps["flags"].str.contains("undervoltage").all()
    assert steps.vm_min_pu.min() == pytest.approx(0.912, abs=0.002)
    # Nothing that the microgrids could do would help, so nobody is cut and no load is shed.
    prices = model.table("prices")
    for name, part in prices.groupby("microgrid"):
        whole_kw = model.microgrids[name].member.import_limit_kw
        assert part.import_limit_kw.to_numpy() == pytest.approx(whole_kw)


def test_envelopes_are_cut_just_so_far_that_the_worst_use_keeps_the_limit():
    limit_pu = 0.9645
    model = run(on_feeder(background={"scale": 0.4}, v_min_pu=limit_pu), steps=1)
    cut_kw = model.table("prices").import_limit_kw.to_numpy()
    whole_kw = np.array([agent.member.import_limit_kw for agent in model.microgrids])
    assert (cut_kw <= whole_kw + 1e-9).all()
    assert cut_kw.sum() < whole_kw.sum() - 1.0
    worst = linearise(model.dno.feeder, 1.0, -cut_kw)
    # The envelope is linear around the background; the AC flow is curved, hence the margin.
    assert np.nanmin(worst.voltage_pu) == pytest.approx(limit_pu, abs=2e-4)


def test_envelopes_keep_the_limit_at_both_ends_of_an_uncertain_background_too():
    limit_pu, spread = 0.9605, 0.1
    feeder = on_feeder(background={"scale": 0.4}, v_min_pu=limit_pu)
    options = {"operator.options": {"background_spread": spread, "least_share": 0.0}}
    model = run({**feeder, **options}, steps=1)
    cut_kw, usual_kw = (
        one.table("prices").import_limit_kw.to_numpy() for one in (model, run(feeder, steps=1))
    )
    assert (cut_kw <= usual_kw + 1e-9).all()
    assert cut_kw.sum() < usual_kw.sum() - 1.0
    share = float(model.background_share(0))
    for times in (1.0 - spread, 1.0, 1.0 + spread):
        worst = linearise(model.dno.feeder, times * share, -cut_kw)
        assert np.nanmin(worst.voltage_pu) >= limit_pu - 2e-4
    assert np.nanmin(worst.voltage_pu) == pytest.approx(limit_pu, abs=2e-4)


def test_loss_shares_add_up_to_what_the_exchanges_change():
    model = run(on_feeder(background={"scale": 0.8}), steps=10)
    exchange_kw = np.array([agent.last.money.exchange_kw for agent in model.microgrids])
    at_zero = linearise(model.dno.feeder, 1.0, 0.0 * exchange_kw)
    caused_kw = model.loss_kw - at_zero.loss_kw
    assert abs(caused_kw) > 0.01
    assert model.loss_share_kw.sum() == pytest.approx(caused_kw, rel=1e-6)


def test_a_collapsed_feeder_ends_no_run(unchecked_background):
    steps = run(failing(6.0), steps=2).table("steps")
    assert set(steps.status) == {"not_converged"}
    assert (steps.unserved_kwh > 0.0).all()


def test_an_island_is_unsupplied_and_its_energy_counted(tmp_path):
    net = pandapower.networks.case33bw()
    net.line.loc[6, "in_service"] = False  # buses 7 to 17 hang on it
    path = tmp_path / "islanded.json"
    pp.to_json(net, str(path))
    network = on_feeder(background={"scale": 0.4})
    network["network"] = {"file": str(path), "background": {"scale": 0.4}}
    model = run(network, steps=9)
    steps = model.table("steps")
    dark_kw = 0.4 * 1e3 * net.load[net.load.bus.between(7, 17)].p_mw.sum()
    assert set(steps.status) == {"unsupplied"}
    assert steps["flags"].str.contains("unsupplied:MG1").all()
    assert steps.unserved_kwh.to_numpy() == pytest.approx(dark_kw)
    assert model.table("buses").vm_pu.isna().sum() == 11 * len(steps)
    # The microgrid in the dark serves itself: storage first, then priced shedding.
    dark = model.table("dispatch").query("microgrid == 'MG1'")
    assert dark.exchange_kw.to_numpy() == pytest.approx(0.0, abs=1e-9)
    assert dark["flags"].str.contains("not_carried").any()
    assert dark.shed_kw.sum() > 0.0


@pytest.mark.parametrize(("scale", "steps"), [(4.5, 4), (50.0, 2)])
def test_energy_and_money_reconcile_when_the_feeder_fails(scale, steps, unchecked_background):
    model = run(failing(scale), steps=steps)
    steps, dispatch = model.table("steps"), model.table("dispatch")
    assert "not_converged" in set(steps.status)
    net_import_kw = -dispatch.groupby("time").exchange_kw.sum().to_numpy()
    expected_kw = net_import_kw + steps.loss_kw + steps.background_kw - steps.unserved_kwh
    assert steps.substation_kw.to_numpy() == pytest.approx(expected_kw.to_numpy(), abs=1e-4)
    imported = model.table("ledger").query("item == 'import'").groupby("payer").kwh.sum()
    for name, part in dispatch.groupby("microgrid"):
        assert imported.get(name, 0.0) == pytest.approx(part.import_kw.sum(), abs=1e-6)
        served_kw = part.load_kw - part.shed_kw
        inside_kw = part.pv_kw + part.discharge_kw - part.charge_kw
        assert (served_kw - inside_kw).to_numpy() == pytest.approx(-part.exchange_kw.to_numpy())
    assert steps.shed_value.sum() > 0.0
