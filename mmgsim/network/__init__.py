"""The feeder as a pandapower net, its ratings, AC power flow and sensitivities."""

from mmgsim.network.acpoint import AcSolver
from mmgsim.network.feeder import (
    UNRATED_KA,
    Background,
    Feeder,
    FeederLimits,
    feeder_faults,
    read_net,
)
from mmgsim.network.layout import Edge, FeederLayout, read_layout, tree_places
from mmgsim.network.many import linearise_many, losses_along_ray
from mmgsim.network.planned import PlannedPoints
from mmgsim.network.powerflow import (
    Flow,
    FlowStatus,
    PandapowerFlow,
    PowerFlow,
    SweepFlow,
    is_sweepable,
    join_flows,
)
from mmgsim.network.radial import RadialPoints, radial_obstacles
from mmgsim.network.ratings import apply_ratings, rating_profiles
from mmgsim.network.sensitivities import (
    Linearisation,
    linearise,
    linearise_at,
)
from mmgsim.network.tree import BusSlopes, FeederTree, read_tree

__all__ = [
    "UNRATED_KA",
    "AcSolver",
    "Background",
    "BusSlopes",
    "Edge",
    "Feeder",
    "FeederLayout",
    "FeederLimits",
    "FeederTree",
    "Flow",
    "FlowStatus",
    "Linearisation",
    "PandapowerFlow",
    "PlannedPoints",
    "PowerFlow",
    "RadialPoints",
    "SweepFlow",
    "apply_ratings",
    "feeder_faults",
    "is_sweepable",
    "join_flows",
    "linearise",
    "linearise_at",
    "linearise_many",
    "losses_along_ray",
    "radial_obstacles",
    "rating_profiles",
    "read_layout",
    "read_net",
    "read_tree",
    "tree_places",
]
