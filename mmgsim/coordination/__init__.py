"""Coordinations as pure ask/tell algorithms: one module each, no bus, no agents, no files."""

from mmgsim.coordination.adaptive_robust import AdaptiveRobust
from mmgsim.coordination.admm import Admm
from mmgsim.coordination.auction import Auction
from mmgsim.coordination.bilateral import Bilateral
from mmgsim.coordination.bilevel import Bilevel
from mmgsim.coordination.bound import least_public_cost
from mmgsim.coordination.central import Central
from mmgsim.coordination.coalitions import Coalitions
from mmgsim.coordination.double_auction import (
    STANDARD_BOOK,
    Efficiency,
    InducedBook,
    zero_intelligence_study,
)
from mmgsim.coordination.energy_pool import Pool
from mmgsim.coordination.hierarchical import Hierarchical
from mmgsim.coordination.isolated import Isolated
from mmgsim.coordination.learning import LearningStudy, RepeatedDay, learning_study, repeated_day
from mmgsim.coordination.nearest import matched_by_distance
from mmgsim.coordination.order_book import BookResult, Fill, clear_book
from mmgsim.coordination.pair_charges import pair_charges_per_kwh
from mmgsim.coordination.pairing import Pairs, match_pairs
from mmgsim.coordination.peer_to_peer import PeerToPeer
from mmgsim.coordination.prices import Prices
from mmgsim.coordination.roth_erev import Experience, RothErev
from mmgsim.coordination.sharing import (
    Split,
    divide,
    equal_shares,
    nucleolus,
    proportional_shares,
    savings,
    shapley_value,
)
from mmgsim.coordination.two_stage import TwoStage

__all__ = [
    "STANDARD_BOOK",
    "AdaptiveRobust",
    "Admm",
    "Auction",
    "Bilateral",
    "Bilevel",
    "BookResult",
    "Central",
    "Coalitions",
    "Efficiency",
    "Experience",
    "Fill",
    "Hierarchical",
    "InducedBook",
    "Isolated",
    "LearningStudy",
    "Pairs",
    "PeerToPeer",
    "Pool",
    "Prices",
    "RepeatedDay",
    "RothErev",
    "Split",
    "TwoStage",
    "clear_book",
    "divide",
    "equal_shares",
    "learning_study",
    "least_public_cost",
    "match_pairs",
    "matched_by_distance",
    "nucleolus",
    "pair_charges_per_kwh",
    "proportional_shares",
    "repeated_day",
    "savings",
    "shapley_value",
    "zero_intelligence_study",
]
