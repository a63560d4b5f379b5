"""What emerges from a run, in the numbers that markets and communities are described by."""

from mmgsim.metrics.disclosure import DISCLOSES, disclosed_words
from mmgsim.metrics.fairness import gini, jain
from mmgsim.metrics.market import METRICS, Metric, metrics_of
from mmgsim.metrics.trade_network import centrality, pair_trades, traded_kwh

__all__ = [
    "DISCLOSES",
    "METRICS",
    "Metric",
    "centrality",
    "disclosed_words",
    "gini",
    "jain",
    "metrics_of",
    "pair_trades",
    "traded_kwh",
]
