"""Games of sizes: who decides with whom, what it costs all, and how what is saved is divided."""

from mmgsim.sizing.games.descent import Minimiser, descend
from mmgsim.sizing.games.payoffs import BlockProblem, Game, Share, yearly_bills
from mmgsim.sizing.games.players import (
    MOST_PLAYERS,
    Players,
    Structure,
    everybody,
    singletons,
    structures,
)
from mmgsim.sizing.games.playing import EPSILON, Equilibrium, Played, equilibrium, play
from mmgsim.sizing.games.responses import (
    MOST_ROUNDS,
    TOLERANCE,
    Deviation,
    Rest,
    best_deviation,
    settle,
)
from mmgsim.sizing.games.values import (
    SPLITS,
    SizingGroups,
    groups_of_microgrids,
    groups_of_technologies,
)

__all__ = [
    "EPSILON",
    "MOST_PLAYERS",
    "MOST_ROUNDS",
    "SPLITS",
    "TOLERANCE",
    "BlockProblem",
    "Deviation",
    "Equilibrium",
    "Game",
    "Minimiser",
    "Played",
    "Players",
    "Rest",
    "Share",
    "SizingGroups",
    "Structure",
    "best_deviation",
    "descend",
    "equilibrium",
    "everybody",
    "groups_of_microgrids",
    "groups_of_technologies",
    "play",
    "settle",
    "singletons",
    "structures",
    "yearly_bills",
]
