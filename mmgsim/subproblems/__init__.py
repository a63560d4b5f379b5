"""The Pyomo problems of the three agents."""

from mmgsim.subproblems.adversary import RecourseCost
from mmgsim.subproblems.block import declare_microgrid, update_microgrid
from mmgsim.subproblems.bus_prices import BusPrices, bus_prices
from mmgsim.subproblems.column_constraint import RobustOptimum
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import (
    PublicPrices,
    exchange_limits,
    public_cost,
    public_cost_terms,
    public_prices,
    split_exchange,
)
from mmgsim.subproblems.course_blocks import dearest_per_kwh
from mmgsim.subproblems.courses import UNCERTAIN, Courses, reduced_courses
from mmgsim.subproblems.distflow import (
    Injection,
    NetworkInputs,
    declare_inverter,
    declare_network,
    update_network,
)
from mmgsim.subproblems.dlmp import LocationalPrices, locational_prices
from mmgsim.subproblems.doors import Door, RobustRules, ServiceCharge, Topology
from mmgsim.subproblems.end_of_window import storage_rules
from mmgsim.subproblems.follower import Follower, FollowerProgram
from mmgsim.subproblems.granting import REFUSAL_PER_KWH, Granting
from mmgsim.subproblems.joint import JointOutcome, JointProblem
from mmgsim.subproblems.leader import LeaderOutcome, LeaderProblem, LeaderTerms
from mmgsim.subproblems.limit_prices import LimitPrice, limit_prices
from mmgsim.subproblems.linear_program import LinearProgram
from mmgsim.subproblems.master import Combination, Master, OfferStack, PriceBox
from mmgsim.subproblems.microgrid import MicrogridPlan, MicrogridProblem
from mmgsim.subproblems.network_limits import NetworkLimits, push_limits
from mmgsim.subproblems.network_offers import (
    BlockOffer,
    NetworkPlan,
    NetworkWindow,
    OfferPoint,
    OwnSite,
)
from mmgsim.subproblems.network_problem import NetworkProblem
from mmgsim.subproblems.network_rows import network_rows
from mmgsim.subproblems.offers import Answer, OfferProblem, as_offer
from mmgsim.subproblems.operator import LimitRows, least_cut, limit_rows
from mmgsim.subproblems.optimality import Conditions, declare_feasible, declare_optimal
from mmgsim.subproblems.parts import Parts, Splitting
from mmgsim.subproblems.planning_value import planning_value
from mmgsim.subproblems.pool_rows import PoolRules, PoolTerms
from mmgsim.subproblems.price_response import PricedExchange, ResponseStep, response_steps
from mmgsim.subproblems.price_risk import Ellipsoid, NormHighs
from mmgsim.subproblems.private import PrivateModel
from mmgsim.subproblems.promises import (
    dispatch_faults,
    offer_faults,
    orders_faults,
    outside_envelope_kw,
    plan_faults,
    reply_faults,
)
from mmgsim.subproblems.proximal import ProximalProblem
from mmgsim.subproblems.public_promises import (
    clearing_faults,
    envelope_faults,
    grant_faults,
    tariff_faults,
)
from mmgsim.subproblems.realise import hold_plan
from mmgsim.subproblems.repair import halfway_limits, loading_rows, repaired_limits
from mmgsim.subproblems.robust_microgrid import (
    PriceRisk,
    RobustMicrogridProblem,
    budgeted_courses,
)
from mmgsim.subproblems.robust_problem import RobustOperation, RobustProblem
from mmgsim.subproblems.session_rules import session_rules
from mmgsim.subproblems.solver import Outcome, PyomoHighs, Solver, solver_time
from mmgsim.subproblems.terms import MicrogridInputs, Terms, disclosure_of
from mmgsim.subproblems.to_ac import AcLoop, AcSchedule, AcTolerance, StepStatus
from mmgsim.subproblems.two_stage import (
    TwoStageInputs,
    TwoStagePlans,
    TwoStageProblem,
)

__all__ = [
    "REFUSAL_PER_KWH",
    "UNCERTAIN",
    "AcLoop",
    "AcSchedule",
    "AcTolerance",
    "Answer",
    "BlockOffer",
    "BusPrices",
    "Combination",
    "CompiledHighs",
    "Conditions",
    "Courses",
    "Door",
    "Ellipsoid",
    "Follower",
    "FollowerProgram",
    "Granting",
    "Injection",
    "JointOutcome",
    "JointProblem",
    "LeaderOutcome",
    "LeaderProblem",
    "LeaderTerms",
    "LimitPrice",
    "LimitRows",
    "LinearProgram",
    "LocationalPrices",
    "Master",
    "MicrogridInputs",
    "MicrogridPlan",
    "MicrogridProblem",
    "NetworkInputs",
    "NetworkLimits",
    "NetworkPlan",
    "NetworkProblem",
    "NetworkWindow",
    "NormHighs",
    "OfferPoint",
    "OfferProblem",
    "OfferStack",
    "Outcome",
    "OwnSite",
    "Parts",
    "PoolRules",
    "PoolTerms",
    "PriceBox",
    "PriceRisk",
    "PricedExchange",
    "PrivateModel",
    "ProximalProblem",
    "PublicPrices",
    "PyomoHighs",
    "RecourseCost",
    "ResponseStep",
    "RobustMicrogridProblem",
    "RobustOperation",
    "RobustOptimum",
    "RobustProblem",
    "RobustRules",
    "ServiceCharge",
    "Solver",
    "Splitting",
    "StepStatus",
    "Terms",
    "Topology",
    "TwoStageInputs",
    "TwoStagePlans",
    "TwoStageProblem",
    "as_offer",
    "budgeted_courses",
    "bus_prices",
    "clearing_faults",
    "dearest_per_kwh",
    "declare_feasible",
    "declare_inverter",
    "declare_microgrid",
    "declare_network",
    "declare_optimal",
    "disclosure_of",
    "dispatch_faults",
    "envelope_faults",
    "exchange_limits",
    "grant_faults",
    "halfway_limits",
    "hold_plan",
    "least_cut",
    "limit_prices",
    "limit_rows",
    "loading_rows",
    "locational_prices",
    "network_rows",
    "offer_faults",
    "orders_faults",
    "outside_envelope_kw",
    "plan_faults",
    "planning_value",
    "public_cost",
    "public_cost_terms",
    "public_prices",
    "push_limits",
    "reduced_courses",
    "repaired_limits",
    "reply_faults",
    "response_steps",
    "session_rules",
    "solver_time",
    "split_exchange",
    "storage_rules",
    "tariff_faults",
    "update_microgrid",
    "update_network",
]
