"""The feeder as a pandapower net, its ratings, AC power flow and sensitivities."""

from mmgsim.network.acpoint import AcSolver
from mmgsim.network.changes import FeederChange, FeederState, FeederStates, find_line
from mmgsim.network.feeder import (
    UNRATED_KA,
    Background,
    Feeder,
    FeederLimits,
    feeder_faults,
    read_net,
)
from mmgsim.network.grid import RadialPoints
from mmgsim.network.layout import Edge, FeederLayout, read_layout, tree_places
from mmgsim.network.lengths import distances_km
from mmgsim.network.linear_flow import (
    BusPower,
    FlowError,
    LinearFlow,
    LinearFlowKind,
    Polygon,
    PolygonKind,
    flow_errors,
    polygon,
    solve_fpi,
    solve_linear,
)
from mmgsim.network.many import linearise_many, losses_along_ray
from mmgsim.network.planned import JoinedPoints, PlannedFlow, PlannedPoints
from mmgsim.network.powerflow import (
    Flow,
    FlowStatus,
    PandapowerFlow,
    PowerFlow,
    SweepFlow,
    is_sweepable,
    join_flows,
)
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
    "BusPower",
    "BusSlopes",
    "Edge",
    "Feeder",
    "FeederChange",
    "FeederLayout",
    "FeederLimits",
    "FeederState",
    "FeederStates",
    "FeederTree",
    "Flow",
    "FlowError",
    "FlowStatus",
    "JoinedPoints",
    "LinearFlow",
    "LinearFlowKind",
    "Linearisation",
    "PandapowerFlow",
    "PlannedFlow",
    "PlannedPoints",
    "Polygon",
    "PolygonKind",
    "PowerFlow",
    "RadialPoints",
    "SweepFlow",
    "apply_ratings",
    "distances_km",
    "feeder_faults",
    "find_line",
    "flow_errors",
    "is_sweepable",
    "join_flows",
    "linearise",
    "linearise_at",
    "linearise_many",
    "losses_along_ray",
    "polygon",
    "rating_profiles",
    "read_layout",
    "read_net",
    "read_tree",
    "solve_fpi",
    "solve_linear",
    "tree_places",
]
