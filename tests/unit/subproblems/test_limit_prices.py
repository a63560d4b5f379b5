"""Prices of limits: which elements they are about."""

from datetime import UTC, datetime

import pandapower.networks as nets
import pytest
from pandapower import toolbox

from mmgsim.contracts import LimitKind, ShadowPrices, Window, frozen
from mmgsim.network import Feeder, FeederLimits
from mmgsim.subproblems import LimitPrice, limit_prices

CURRENT, HIGH = LimitKind.CURRENT, LimitKind.VOLTAGE_MAX


@pytest.fixture(scope="module")
def feeder():
    """Labels of lines that are no positions: the first line is gone."""
    net = nets.create_cigre_network_mv()
    line = net.line.index[0]
    toolbox.drop_lines(net, [line])
    return Feeder(net, members=(), limits=FeederLimits())


def shadow(*rows):
    offset, kind, element, worth = zip(*rows, strict=True)
    return ShadowPrices(
        window=Window(5, 2, 1.0, datetime(2021, 1, 11, tzinfo=UTC)),
        energy_per_kwh=frozen([0.1, 0.1]),
        loss_per_kwh=frozen([0.0, 0.0]),
        prices_per_kwh={},
        offset=offset,
        limit_kind=kind,
        element=element,
        worth_per_h=frozen(worth),
    )


def test_rows_about_one_limit_are_added_up_and_the_dearest_stands_first(feeder):
    told = shadow((0, HIGH, 3, 1.0), (0, CURRENT, 2, 2.0), (0, CURRENT, 2, 0.5), (1, HIGH, 3, 9.0))
    line, bus = feeder.lines[2], feeder.buses[3]
    assert limit_prices(feeder, told, 0) == (
        LimitPrice(CURRENT, "line", line, 2.5),
        LimitPrice(HIGH, "bus", bus, 1.0),
    )
    assert line == 3  # the label, not the position
    assert limit_prices(feeder, told, 1) == (LimitPrice(HIGH, "bus", bus, 9.0),)


def test_transformers_come_after_the_lines(feeder):
    (found,) = limit_prices(feeder, shadow((0, CURRENT, len(feeder.lines) + 1, 1.0)), 0)
    assert (found.element, found.index) == ("trafo", feeder.trafos[1])


def test_a_limit_without_a_price_is_left_out(feeder):
    assert limit_prices(feeder, shadow((0, CURRENT, 0, 0.0)), 0) == ()
