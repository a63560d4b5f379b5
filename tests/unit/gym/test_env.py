"""The gym: PettingZoo's own tests, and that what is learnt from is the model as it is."""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import GymError

pytest.importorskip("pettingzoo", reason="needs the extra `gym`: pip install 'mmgsim[gym]'")

from pettingzoo.test import parallel_api_test, parallel_seed_test

from mmgsim.gym import MultiMicrogridEnv, parallel_env

ROOT = Path(__file__).parents[3]
IDLE = f"{Path(__file__).parent / 'idle.py'}:Idle"
NOISE = {"forecast": {"kind": "noise"}}
SHORT = {"gate.horizon": "1h", "gate.end_of_window": {"kind": "free"}}


def sampled(env):
    return {name: env.action_space(name).sample() for name in env.agents}


def still(env):
    return {name: np.zeros(env.action_space(name).shape) for name in env.agents}


def steps_of(env, act=sampled, **reset):
    """Go through an episode; actions are drawn alike each time."""
    observations, _ = env.reset(**reset)
    for number, name in enumerate(env.possible_agents):
        env.action_space(name).seed(number)
    steps = [(observations, {}, {}, {}, {})]
    while env.agents:
        steps.append(env.step(act(env)))
    return steps


def rewards_of(steps):
    return pd.DataFrame([rewards for _, rewards, *_ in steps[1:]])


def quantities(env, observations, name):
    """Give what an observation means, by the names of its fields."""
    fields = env.observation_fields(name)
    return {f.name: f.scale * float(x) for f, x in zip(fields, observations[name], strict=True)}


@pytest.fixture(scope="module")
def played():
    """A day of duo with random actions."""
    env = MultiMicrogridEnv("duo", overrides=NOISE)
    return env, steps_of(env, seed=7)


# ------------------------------------------------------------------------- PettingZoo's tests
def test_the_api_is_that_of_pettingzoo():
    parallel_api_test(parallel_env("duo"), num_cycles=30)


def test_seeds_hold_by_the_test_of_pettingzoo():
    parallel_seed_test(lambda: MultiMicrogridEnv("duo", overrides=NOISE), num_cycles=24)


# ----------------------------------------------------------------------------------- rewards
def test_rewards_add_up_to_minus_the_cost_of_the_members(played):
    env, steps = played
    totals = env.model.recorder.totals
    assert rewards_of(steps).sum().sum() == pytest.approx(-totals.members_cost, abs=1e-9)
    for name, rewards in rewards_of(steps).items():
        assert rewards.sum() == pytest.approx(-totals.cost_by_microgrid[name], abs=1e-9)


def test_a_reward_is_minus_the_ledger_of_its_step_and_the_value_of_shed_load(played):
    env, steps = played
    ledger, shed = env.model.table("ledger"), env.model.table("steps").shed_value.to_numpy()
    for number, rewards in rewards_of(steps).iterrows():
        lines = ledger[ledger.time == steps[number + 1][-1]["MG1"]["time"]]
        costs = {
            name: lines[lines.payer == name].amount.sum() - lines[lines.payee == name].amount.sum()
            for name in rewards.index
        }
        assert sum(costs.values()) + shed[number] == pytest.approx(-rewards.sum(), abs=1e-9)


def test_load_that_is_not_served_costs_its_value():
    dark = {"microgrids.MG1.connection.import_limit_kw": 2.0}
    env = MultiMicrogridEnv("duo", coordination="isolated", overrides=dark)
    steps = steps_of(env, still)
    values = [infos["MG1"]["shed_value"] for *_, infos in steps[1:]]
    totals = env.model.recorder.totals
    assert totals.shed_kwh > 1.0
    assert sum(values) > totals.shed_kwh  # a kWh shed is worth more than one
    expected = -totals.cost_by_microgrid["MG1"]
    assert rewards_of(steps)["MG1"].sum() == pytest.approx(expected, abs=1e-9)


def test_storage_that_stands_still_earns_what_a_run_of_such_a_strategy_costs(tmp_path):
    env = MultiMicrogridEnv("duo", coordination="isolated")
    rewards = rewards_of(steps_of(env, still))
    run = mmgsim.run(
        "duo", coordination="isolated", strategy=IDLE, out=tmp_path / "run", report=False
    )
    assert env.possible_agents == ["MG1"]  # the other has no battery
    assert rewards["MG1"].sum() == pytest.approx(-run.summary["cost_by_microgrid"]["MG1"], abs=1e-9)
    assert env.model.recorder.totals.members_cost == pytest.approx(
        run.summary["members_cost"], abs=1e-9
    )


def test_whoever_repeats_what_a_strategy_did_earns_what_it_cost(tmp_path):
    run = mmgsim.run("duo", coordination="isolated", out=tmp_path / "run", report=False)
    done = run.dispatch[run.dispatch.microgrid == "MG1"]
    net_kw = iter((done.discharge_kw - done.charge_kw).tolist())
    env = MultiMicrogridEnv("duo", coordination="isolated")
    (field,) = env.action_fields("MG1")
    steps = steps_of(env, lambda env: {"MG1": [next(net_kw) / field.scale]})
    # A solver keeps to 1e-7 kW a row; the dearest kWh costs less than one, 24 steps.
    cost = run.summary["cost_by_microgrid"]["MG1"]
    assert rewards_of(steps)["MG1"].sum() == pytest.approx(-cost, abs=24 * 1e-6)


# ------------------------------------------------------------------------------ observations
def test_observations_stay_in_their_spaces_and_are_numbers(played):
    env, steps = played
    for observations, *_ in steps:
        for name, observation in observations.items():
            assert env.observation_space(name).contains(observation)
            assert np.isfinite(observation).all()
            assert observation.shape == (len(env.observation_fields(name)),)


def test_observations_are_forecasts_prices_and_own_state():
    env = MultiMicrogridEnv("duo", coordination="isolated")
    steps, model = steps_of(env, still), env.model
    inputs, dispatch = model.inputs, model.table("dispatch")
    own = dispatch[dispatch.microgrid == "MG1"].reset_index()
    for step, (observations, *_) in enumerate(steps[:-1]):
        seen = quantities(env, observations, "MG1")
        ahead = inputs.lead_steps + step + np.arange(6)
        for name, expected in {
            "load_kw": inputs.device_kw["MG1", "homes"],
            "available_kw": inputs.device_kw["MG1", "roof"],
            "import_per_kwh": inputs.import_per_kwh,
            "network_charge_per_kwh": inputs.network_charge_per_kwh,
        }.items():
            shown = [seen[f"{name}[{k}]"] for k in range(6)]
            assert shown == pytest.approx(expected[ahead], rel=1e-6, abs=1e-6)
        angle = np.arctan2(seen["hour_sin"], seen["hour_cos"]) % (2 * np.pi)
        assert angle * 24 / (2 * np.pi) == pytest.approx(step, abs=1e-5)
        if step:
            assert seen["last_exchange_kw"] == pytest.approx(own.exchange_kw[step - 1], abs=1e-4)
            assert seen["bess.energy_kwh"] == pytest.approx(own.soc_kwh[step - 1], abs=1e-5)


def test_the_last_observation_is_of_the_step_after_the_end(played):
    env, steps = played
    last = quantities(env, steps[-1][0], "MG1")
    assert (last["hour_sin"], last["hour_cos"]) == pytest.approx((0.0, 1.0))  # midnight
    soc_kwh = env.model.table("dispatch").query("microgrid == 'MG1'").soc_kwh.iloc[-1]
    assert last["bess.energy_kwh"] == pytest.approx(soc_kwh, abs=1e-5)


def test_prices_of_the_market_are_seen_once_it_has_cleared(played):
    env, steps = played
    told = [infos["MG1"]["local_price_per_kwh"] for *_, infos in steps[1:]]
    assert any(price is not None for price in told)
    for price, (observations, *_) in zip(told, steps[1:], strict=True):
        seen = quantities(env, observations, "MG1")
        assert seen["has_local_price"] == (price is not None)
        assert seen["last_local_price_per_kwh"] == pytest.approx(price or 0.0, abs=1e-6)


def test_nobody_sees_anything_of_the_others():
    observed = [
        MultiMicrogridEnv("duo", overrides=other).reset()[0]["MG1"]
        for other in ({}, {"microgrids.MG2.devices.shop.profile": 3.0})
    ]
    np.testing.assert_array_equal(*observed)


def test_the_state_is_what_all_observe(played):
    env, steps = played
    assert env.state().tolist() == np.concatenate(list(steps[-1][0].values())).tolist()
    assert env.state_space.contains(env.state())


# --------------------------------------------------------------------------------- the model
def test_whatever_is_wanted_balances_keep_closed_and_nobody_fails(played):
    env, steps = played
    rows = env.model.table("dispatch")
    into = rows.pv_kw + rows.wind_kw + rows.diesel_kw + rows.discharge_kw + rows.import_kw
    out = rows.load_kw - rows.shed_kw + rows.charge_kw + rows.export_kw
    np.testing.assert_allclose(into + rows.bought_kw, out + rows.sold_kw, atol=1e-6)
    flags = {flag for *_, infos in steps[1:] for info in infos.values() for flag in info["flags"]}
    assert not flags & {"fault", "stand_in", "missed", "level_missed", "outside_envelope"}
    assert rows.shed_kw.max() <= 1e-6


def test_what_is_wanted_is_done_where_it_can_be_done():
    env = MultiMicrogridEnv("duo", coordination="isolated")
    env.reset()
    *_, infos = env.step({"MG1": [-0.25]})
    assert infos["MG1"]["wanted_kw"] == {"bess": -5.0}
    assert infos["MG1"]["net_kw"]["bess"] == pytest.approx(-5.0, abs=1e-6)


def test_a_markup_moves_what_is_traded():
    traded = []
    for markup in (0.0, 1.0):
        env = MultiMicrogridEnv("duo")

        def act(env, markup=markup):
            return {
                name: [0.0] * (len(env.action_fields(name)) - 1) + [markup] for name in env.agents
            }

        steps_of(env, act)
        traded.append(env.model.recorder.totals.traded_kwh)
    assert traded[0] > 1.0
    assert traded[1] < traded[0]


def test_those_who_are_not_driven_keep_their_strategies():
    env = MultiMicrogridEnv("duo", agents=["MG2"])
    assert env.possible_agents == ["MG2"]
    kinds = {one.name: one.strategy.kind for one in env.model.scenario.microgrids}
    assert kinds == {"MG1": "cost-minimiser", "MG2": "driven"}


def test_every_step_is_a_gate_of_a_feeder_with_its_power_flow():
    env = MultiMicrogridEnv("wa9", coordination="isolated", days=1)
    env.reset()
    for _ in range(2):
        *_, infos = env.step(sampled(env))
    assert len(env.model.table("gates")) == 2
    assert (env.model.table("steps").loss_kw > 0.0).all()
    assert {info["status"] for info in infos.values()} <= {"ok", "violations"}


@pytest.mark.parametrize("kind", ["isolated", "auction", "peer-to-peer", "hierarchical"])
def test_coordinations_that_leave_something_to_drive_take_actions(kind):
    env = MultiMicrogridEnv("duo", coordination=kind)
    env.reset()
    observations, *_ = env.step(sampled(env))
    assert list(observations) == env.possible_agents


# ---------------------------------------------------------------------------------- episodes
def test_an_episode_is_truncated_at_the_end_of_its_days_and_never_terminates(played):
    env, steps = played
    assert len(steps) == 1 + 24
    for *_, terminations, truncations, _ in steps[1:]:
        assert not any(terminations.values())
        assert set(truncations.values()) == {truncations is steps[-1][3]}
    assert env.agents == []
    with pytest.raises(GymError, match="call reset first"):
        env.step({})


def assert_same_episodes(first, second):
    for one, other in zip(first, second, strict=True):
        for name in one[0]:
            np.testing.assert_array_equal(one[0][name], other[0][name])
        assert one[1:] == other[1:]


def test_the_same_seed_gives_the_same_day_whatever_was_before(played):
    _, steps = played
    env = MultiMicrogridEnv("duo", overrides=NOISE)
    env.reset(seed=3)
    env.step(sampled(env))
    assert_same_episodes(steps, steps_of(env, seed=7))


def test_without_a_seed_every_episode_has_the_next_one():
    env = MultiMicrogridEnv("duo", overrides={**NOISE, "seed": 5})
    seeds, seen = [], []
    for seed in (None, None, 2, None, 6):
        observations, _ = env.reset(seed=seed)
        seeds.append(env.episode_seed)
        seen.append(observations["MG1"].tolist())
    assert seeds == [5, 6, 2, 3, 6]
    assert seen[4] == seen[1] != seen[0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_begins_with_the_first_episode(copied):
    env = MultiMicrogridEnv("duo", overrides={**NOISE, "seed": 5}, agents=["MG1"])
    first, _ = env.reset()
    env.step(sampled(env))
    other = copied(env)
    assert other.possible_agents == ["MG1"]
    assert other.agents == []
    again, _ = other.reset()
    assert again["MG1"].tolist() == first["MG1"].tolist()


def test_an_episode_may_be_another_day():
    env = MultiMicrogridEnv("wa9", coordination="isolated", days=1)
    first, _ = env.reset(seed=1)
    other, _ = env.reset(seed=1, options={"overrides": {"start": "2021-01-13"}})
    assert str(env.model.scenario.start) == "2021-01-13"
    assert first["MG2"].tolist() != other["MG2"].tolist()
    assert env.observation_space("MG2").contains(other["MG2"])


# ------------------------------------------------------------------------------------ faults
def test_all_faults_of_actions_are_named_at_once_and_nothing_is_simulated():
    env = MultiMicrogridEnv("duo")
    env.reset()
    with pytest.raises(ValueError, match="actions: 4 faults") as raised:
        env.step({"MG1": [np.nan, 2.0], "MG3": [0.0]})
    for part in ("did you mean 'MG2'", "bess.net_kw: is nan", "clip it", "MG2: has no action"):
        assert part in str(raised.value)
    with pytest.raises(ValueError, match=r"has shape \(1,\), not \(2,\)"):
        env.step({"MG1": [0.0], "MG2": [0.0]})
    with pytest.raises(ValueError, match="no array of numbers"):
        env.step({"MG1": "charge", "MG2": [0.0]})
    assert env.model.recorder.totals.steps == 0
    env.step(still(env))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"agents": ["MG1", "MG5"]}, "'MG5' is no microgrid; did you mean"),
        ({"agents": []}, "is empty"),
        ({"agents": ["MG2"], "coordination": "isolated"}, "'MG2' has no battery"),
        ({"coordination": "prices"}, "use isolated, auction"),
        ({"coordination": None}, "'central' asks for Disclose"),
        ({"ahead": 24}, "between 1 and 23"),
        ({"overrides": {"gate.every": "1d"}}, "leave it out"),
        ({"overrides": SHORT}, "give two steps"),
    ],
)
def test_what_cannot_be_driven_is_refused_with_the_cure(options, what):
    with pytest.raises(GymError, match=re.escape(what)):
        MultiMicrogridEnv("duo", **options)


def test_an_episode_does_not_change_who_acts_or_what_it_means():
    env = MultiMicrogridEnv("duo")
    overrides = {"seed": 3, "microgrids.MG1.devices.bess.power_kw": 5.0}
    with pytest.raises(GymError, match="2 faults"):
        env.reset(options={"overrides": overrides})


def test_a_space_of_nobody_is_refused_by_name():
    with pytest.raises(GymError, match="did you mean 'MG1'"):
        MultiMicrogridEnv("duo").action_space("MG11")


def test_no_action_breaks_the_contract_of_who_asks_and_bids_at_once():
    """What runs as a whole, like diesel, has both sides in one hour; here nearly for nothing."""
    env = MultiMicrogridEnv("ieee33mmg")
    draws = np.random.default_rng(0)
    env.reset(seed=1)
    while env.agents:
        actions = {name: draws.uniform(-1.0, 1.0, size=2) for name in env.agents}
        for action in actions.values():
            action[1] = -(abs(action[1]) ** 0.1)
        env.step(actions)
    assert env.model.table("faults").empty


# ------------------------------------------------------------------------------------ README
def test_the_example_of_the_readme_runs():
    text = (ROOT / "README.md").read_text("utf-8").split("## A gym for", maxsplit=1)[1]
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    known = {}
    exec(code, known)  # it is our own
    assert known["env"].agents == []
    assert known["earned"] == pytest.approx(-known["env"].model.recorder.totals.members_cost)
