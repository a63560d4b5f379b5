"""Somebody else's Pyomo model, which knows the hour of the day and tells nobody."""

import pytest

import mmgsim
from mmgsim.testing import check_strategy

EVENING = '''
import pyomo.environ as pyo
from mmgsim.contracts import Battery
from mmgsim.subproblems import PrivateModel, declare_microgrid, update_microgrid
from mmgsim_agents.strategies import OptimisingStrategy


class Evening(OptimisingStrategy):
    """Discharges from 17:00 to 22:00 on the local clock and at no other time."""

    def __init__(self):
        super().__init__(PrivateModel(declare=self.declare, update=self.update))

    def declare(self, block, devices, horizon):
        declare_microgrid(block, devices, horizon)
        batteries = [device.name for device in devices if isinstance(device, Battery)]
        block.most_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
        block.evening = pyo.Constraint(
            batteries, block.time, rule=lambda b, n, t: b.device[n].out_kw[t] <= b.most_kw[t]
        )

    def update(self, solver, block, declared):
        update_microgrid(solver, block, declared)
        hours = declared.window.local_hours()
        solver.set(block.most_kw, 1e3 * ((hours >= 17) & (hours < 22)))
'''


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    file = tmp_path_factory.mktemp("evening") / "evening.py"
    file.write_text(EVENING)
    return f"{file}:Evening"


def test_it_keeps_its_contract(evening):
    check_strategy(mmgsim.scenario.find_class(mmgsim.scenario.Kind.STRATEGY, evening), seeds=3)


@pytest.mark.parametrize("kind", ["isolated", "prices", "central"])
def test_it_discharges_in_the_evening_alone_and_serves_its_load(evening, kind):
    model = mmgsim.build(
        "duo",
        coordination=kind,
        overrides={"microgrids.MG1.strategy": evening, "faults.on_fault": "stop"},
    )
    for _ in range(24):
        model.step()
    own = model.table("dispatch").query("microgrid == 'MG1'")
    hour = own.time.dt.tz_convert("Australia/Perth").dt.hour
    out_kwh = own.discharge_kw.groupby(hour).sum()
    assert out_kwh[17:21].sum() > 1.0
    assert out_kwh.drop(range(17, 22)).max() == pytest.approx(0.0, abs=1e-6)
    # `central` is told devices only: what it awards is left where that would cost demand.
    assert own.shed_kw.sum() == pytest.approx(0.0, abs=1e-6)
