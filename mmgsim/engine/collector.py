"""What Mesa's DataCollector reports, so that `mesa.batch_run` gives frames worth looking at.

Row 0 is the state before the first step; row k the state after k steps.
"""

from __future__ import annotations

from typing import Any

from mesa import DataCollector

from mmgsim.settlement import account

__all__ = ["build_collector"]

NAN = float("nan")


def build_collector() -> DataCollector:
    """Give the collector of a model."""
    return DataCollector(
        model_reporters={
            "time": lambda model: model.clock.now if model.clock.step >= 0 else None,
            "members_cost": lambda model: model.recorder.totals.members_cost,
            "objective_cost": lambda model: model.recorder.totals.objective_cost,
            "traded_kwh": lambda model: model.recorder.totals.traded_kwh,
            "loss_kw": lambda model: model.loss_kw,
            "status": lambda model: model.recorder.status,
            "vm_min_pu": lambda model: model.recorder.vm_min_pu,
            "messages": lambda model: model.bus.traffic.messages,
        },
        agent_reporters={
            "name": "name",
            "role": "role",
            "exchange_kw": lambda agent: _money(agent, "exchange_kw"),
            "planned_exchange_kw": lambda agent: _money(agent, "planned_exchange_kw"),
            "stored_kwh": lambda agent: _stored(agent),
            "step_cost": lambda agent: _step_cost(agent),
        },
    )


def _money(agent: Any, quantity: str) -> float:
    if agent.role != "microgrid" or agent.last is None:
        return NAN
    return float(getattr(agent.last.money, quantity))


def _stored(agent: Any) -> float:
    return sum(agent.state.energy_kwh.values()) if agent.role == "microgrid" else NAN


def _step_cost(agent: Any) -> float:
    """Give the net payments of a microgrid in the last step, and the value of its shed load."""
    if agent.role != "microgrid" or agent.last is None:
        return NAN
    return account(agent.model.market.lines, agent.name) + float(agent.last.shed_value)
