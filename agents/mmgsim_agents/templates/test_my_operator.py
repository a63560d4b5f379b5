"""MyOperator keeps its contract, and does what it is for."""

from __future__ import annotations

from pathlib import Path

from mmgsim.scenario import Kind, find_class
from mmgsim.testing import check_operator, sample_operator_view

# Found as a scenario finds it, from whatever folder the tests are started.
MyOperator = find_class(Kind.OPERATOR, f"{Path(__file__).parent / 'my_operator.py'}:MyOperator")


def test_it_keeps_its_contract() -> None:
    check_operator(MyOperator)


# Change this one with the operator: say what it is for, and what must hold then.
def test_it_publishes_less_room_for_exports_at_noon_only() -> None:
    view = sample_operator_view()
    hours = view.window.local_hours()
    (_, whole), (_, less) = (MyOperator(share).publish(view) for share in (1.0, 0.5))
    for name, envelope in less.items():
        share = envelope.export_limit_kw / whole[name].export_limit_kw
        assert list(share) == [0.5 if 11 <= hour < 15 else 1.0 for hour in hours]
