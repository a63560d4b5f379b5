"""All pictures of a run by name."""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property

import plotly.graph_objects as go

from mmgsim.plots.day import choice_figure, day_figure
from mmgsim.plots.dlmp import dlmp_figure
from mmgsim.plots.energy import energy_figure, exchange_figure, flows_figure, trades_figure
from mmgsim.plots.feeder import feeder_figure
from mmgsim.plots.feeder_view import FeederView
from mmgsim.plots.flags import flags_figure
from mmgsim.plots.gates import bounds_choice_figure, bounds_figure, convergence_figure
from mmgsim.plots.granted import granted_figure
from mmgsim.plots.limit_prices import limit_prices_figure
from mmgsim.plots.limits import limits_figure, tightest_figure
from mmgsim.plots.money import bills_figure, gains_figure, money_figure, prices_figure
from mmgsim.plots.outlook import outlook_choice_figure, outlook_figure
from mmgsim.plots.repair import repair_figure
from mmgsim.plots.ties import ties_figure
from mmgsim.plots.view import RunTables, RunView

__all__ = ["Plots"]


class Plots:
    """The pictures of a run: every method gives a plotly Figure.

    Parameters
    ----------
    run : RunTables
        A result folder that was read.

    Raises
    ------
    NothingToDrawError
        By every method, if the run does not have what it draws, such as a network.
    ResultsError
        By every method, if the folder lacks a table or a file, or holds a damaged one.

    Examples
    --------
    >>> results = mmgsim.Results("runs/wa9")  # doctest: +SKIP
    >>> results.plot.day("MG2", "2021-01-12").show()  # doctest: +SKIP
    """

    def __init__(self, run: RunTables) -> None:
        self.view = RunView(run)

    @cached_property
    def network(self) -> FeederView:
        """The feeder: layout, voltages and loadings by step."""
        return FeederView(self.view)

    # ------------------------------------------------------------------------------------ money
    def bills(self) -> go.Figure:
        """Draw the bill of every microgrid, item by item. [currency]"""
        return bills_figure(self.view)

    def gains(self) -> go.Figure:
        """Draw what every microgrid gained, against the tariff. [currency]

        Above the bill beside all demand bought at the tariff; below what the same exchanges would
        have cost more with the grid alone. What devices would have done without trade is not in it:
        compare with a run under `isolated` for that.
        """
        return gains_figure(self.view)

    def money(self) -> go.Figure:
        """Draw who paid whom for what, as flows. [currency]"""
        return money_figure(self.view)

    def prices(self) -> go.Figure:
        """Draw prices of the grid and of local trade with charges, and what was traded.

        Prices in currency/kWh, as means of all microgrids; trade in kW.
        """
        return prices_figure(self.view)

    # ----------------------------------------------------------------------------------- energy
    def flows(self) -> go.Figure:
        """Draw the energy balance of every microgrid, as flows. [kWh]"""
        return flows_figure(self.view)

    def trades(self) -> go.Figure:
        """Draw who sold to whom, as flows. [kWh]"""
        return trades_figure(self.view)

    def energy(self) -> go.Figure:
        """Draw the power of all microgrids together over time. [kW]"""
        return energy_figure(self.view)

    def exchange(self) -> go.Figure:
        """Draw who sold and who bought at every time, as a map of colours. [kW]"""
        return exchange_figure(self.view)

    def ties(self) -> go.Figure:
        """Draw what passed every tie line over time. [kW]"""
        return ties_figure(self.view)

    def day(self, microgrid: str | None = None, day: str | date | None = None) -> go.Figure:
        """Draw a day of a microgrid: balance, devices, exchange and state of charge.

        Parameters
        ----------
        microgrid : str or None
            Its name; the first one by default.
        day : str, date or None
            Local day, such as ``"2021-01-12"``; the first one by default.

        Raises
        ------
        ResultsError
            If there is no such microgrid or day; says which there are.
        """
        return day_figure(self.view, microgrid, day)

    def days(self) -> go.Figure:
        """Draw the same with a choice of microgrid and day; of long runs the first days."""
        return choice_figure(self.view)

    def outlook(
        self,
        microgrid: str | None = None,
        device: str | None = None,
        day: str | date | None = None,
    ) -> go.Figure:
        """Draw what was expected of an uncertain device, how surely, and what came true. [kW]

        A panel for each gate of the day that the table `outlooks` holds.

        Parameters
        ----------
        microgrid, device : str or None
            Names; the first ones by default.
        day : str, date or None
            Local day, such as ``"2021-01-12"``; the first one by default.

        Raises
        ------
        ResultsError
            If there is no such day, microgrid, or uncertain device in it.
        """
        return outlook_figure(self.view, microgrid, device, day)

    def outlooks(self) -> go.Figure:
        """Draw the same of the first day, with a choice of device."""
        return outlook_choice_figure(self.view)

    # ----------------------------------------------------------------------------------- feeder
    def feeder(self) -> go.Figure:
        """Draw the map of the feeder with a slider of time: voltages [pu], loading [%], kW."""
        return feeder_figure(self.network)

    def tightest(self) -> go.Figure:
        """Draw the buses nearest to a limit of the voltage [pu] and the lines most loaded [%]."""
        return tightest_figure(self.network)

    def limits(self) -> go.Figure:
        """Draw voltages [pu], loading [%] and power [kW] of the feeder over time."""
        return limits_figure(self.network)

    def repair(self) -> go.Figure:
        """Draw loading [%] and voltages [pu] by first plans that broke a limit, and as executed.

        Steps whose plan was reviewed (`repair.rounds`), and broke a limit; limits are drawn.
        Transformers are not among the loadings.
        """
        return repair_figure(self.network)

    def dlmp(self) -> go.Figure:
        """Draw what a kWh was worth at every bus, with its parts. [currency/kWh]"""
        return dlmp_figure(self.view)

    def limit_prices(self) -> go.Figure:
        """Draw which limits of the network had a price, and when. [currency/h]"""
        return limit_prices_figure(self.network)

    # ----------------------------------------------------------------------------- coordination
    def granted(self) -> go.Figure:
        """Draw what microgrids asked of the DNO, what it granted, and what it refused. [kW]"""
        return granted_figure(self.view)

    def convergence(self) -> go.Figure:
        """Draw certified gap [%], rounds, messages and bytes [kB] of every gate."""
        return convergence_figure(self.view)

    def bounds(self, gate: str | datetime | None = None) -> go.Figure:
        """Draw both bounds of a gate round by round. [currency]

        Parameters
        ----------
        gate : str, datetime or None
            On the scenario's clock, such as ``"2021-01-12 08:00"``, with an offset from UTC where
            it shows that twice; one of the gates of most rounds by default.

        Raises
        ------
        ResultsError
            If there is no such gate.
        """
        return bounds_figure(self.view, gate)

    def bounds_of_chosen_gates(self) -> go.Figure:
        """Draw the same with a choice among the first, the longest and the least exact gates."""
        return bounds_choice_figure(self.view)

    def flags(self) -> go.Figure:
        """Draw when something was out of the ordinary, and for whom."""
        return flags_figure(self.view)
