"""Paper 004 on substitute data: the year of towns3, and the best sizes for what the paper asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.profiles import stream
from mmgsim.reproduce.paper_004_text import SIZES, read_table
from mmgsim.scenario import load_scenario
from mmgsim.sizing import (
    Appraisal,
    Objective,
    Problem,
    Sharing,
    SizingCase,
    Terms,
    YearSimulator,
    appraise,
    has_numba,
    search_of,
    sizing_case,
)
from mmgsim.sizing.games import Game, Played, Players, Share, descend, play

__all__ = ["SEED", "Found", "Study"]

SEED = 1
_SCENARIO = "towns3"
_WEEK = 168
_YEAR, _PART = (0, 8760), (0, 8 * _WEEK)
_GAME, _PART_GAME = (0, 13 * _WEEK), (0, 2 * _WEEK)
"""Steps of the year that are gone through; the second is for trying, and where nothing compiles."""
_DRAWN = 200


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Sizes that a search has found.

    Parameters
    ----------
    sizes : (microgrids, 3) array
        [kW], [kW], [kWh]
    bests : (rounds,) array
        Best of every round of the swarm.
    by_swarm : float
        Where it ended; what is found may be better.
    cost : float
        What was made small.
    appraisal : Appraisal
        Of the sizes; one candidate.
    """

    sizes: FloatArray
    bests: FloatArray
    by_swarm: float
    cost: float
    appraisal: Appraisal

    @property
    def lcoe_per_kwh(self) -> float:
        """Levelised cost. [USD/kWh]"""
        return float(self.appraisal.lcoe_per_kwh[0])

    @property
    def reliability(self) -> float:
        """Reliability index. [USD/year]"""
        return float(self.appraisal.reliability[0])


class Study:
    """The year of `towns3`, or the first weeks of it.

    Parameters
    ----------
    is_quick : bool
        True for weeks, and a smaller swarm.
    """

    def __init__(self, *, is_quick: bool) -> None:
        loaded = load_scenario(_SCENARIO)
        sizing = loaded.scenario.sizing
        assert sizing is not None  # the bundled one has it
        whole = sizing_case(loaded)
        # Without a compiler a year of all searches takes hours.
        self.is_part = is_quick or not has_numba()
        self._game_case = whole.between(*(_PART_GAME if self.is_part else _GAME))
        self.case: SizingCase = whole.between(*(_PART if self.is_part else _YEAR))
        self.terms = Terms.of(self.case, sizing)
        self._swarm = {"population": 30, "rounds": 40} if self.is_part else {}
        self._found: dict[tuple[Objective, Sharing, Terms], Found] = {}

    # ---------------------------------------------------------------------------------- judging
    def simulator(self, sharing: Sharing, case: SizingCase | None = None) -> YearSimulator:
        """Give what runs the rule."""
        return YearSimulator(self.case if case is None else case, sharing)

    def appraised(
        self,
        sizes: FloatArray,
        sharing: Sharing,
        *,
        case: SizingCase | None = None,
        terms: Terms | None = None,
    ) -> Appraisal:
        """Judge sizes (candidates, microgrids, 3)."""
        return appraise(self.simulator(sharing, case), sizes, terms or self.terms)

    def printed(self, table: str) -> FloatArray:
        """Give the sizes of Table II, III or V: (microgrids, 3). [kW], [kW], [kWh]"""
        rows = read_table("sizes")
        own = rows[rows.table == table]
        # The names of the scenario have no spaces.
        order = [own.town.str.replace(" ", "").tolist().index(name) for name in self.case.names]
        sizes: FloatArray = own[list(SIZES)].to_numpy(dtype=np.float64)[order]
        return sizes

    @cached_property
    def drawn(self) -> FloatArray:
        """Sizes drawn between the limits: (candidates, microgrids, 3). [kW], [kW], [kWh]"""
        low, high = self.case.low, self.case.high
        return stream(SEED, "reproduce", "004").uniform(low, high, (_DRAWN, *low.shape))

    # --------------------------------------------------------------------------------- searching
    def problem(
        self, objective: Objective, sharing: Sharing, terms: Terms | None = None
    ) -> Problem:
        """Give what is searched for."""
        return Problem.of(self.simulator(sharing), terms or self.terms, objective)

    def optimum(self, objective: Objective, sharing: Sharing, terms: Terms | None = None) -> Found:
        """Give the best sizes: by the swarm of the paper, and from its end down along the axes."""
        key = objective, sharing, terms or self.terms
        if key not in self._found:
            problem = self.problem(*key)
            search, bests = search_of("swarm", problem, SEED, **self._swarm), []
            while not search.is_done:
                search.advance()
                bests.append(search.best.cost)
            start = problem.sizes(search.best.vector[None])[0]
            self._found[key] = replace(
                self.descended(problem, start), bests=np.array(bests), by_swarm=search.best.cost
            )
        return self._found[key]

    def descended(self, problem: Problem, start: FloatArray) -> Found:
        """Give the best sizes around a start."""
        best = descend(replace(problem, at=start), SEED)
        sizes = problem.sizes(best.vector[None])[0]
        judged = problem.appraised(best.vector[None])
        return Found(sizes, np.array([]), np.nan, best.cost, judged)

    @cached_property
    def weighted(self) -> Found:
        """The weighted optimum of towns that are alone with the grid."""
        return self.optimum(Objective.WEIGHTED, Sharing.GRID)

    # ------------------------------------------------------------------------------------- games
    def played(self, share: Share) -> Played:
        """Let all structures of wind, sun and batteries decide, over some weeks."""
        simulator = YearSimulator(self._game_case, Sharing.GRID)
        players = Players.technologies(self._game_case)
        return play(Game(simulator, self.terms, players, share), starts=1, seed=SEED)

    @property
    def game_steps(self) -> int:
        """Over how many steps games are played."""
        return self._game_case.steps
