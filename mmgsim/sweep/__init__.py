"""One scenario over many values of its keys: read, run in processes, and put in one table."""

from mmgsim.sweep.described import sweep_page
from mmgsim.sweep.plan import PlannedRun, drawn, planned_runs
from mmgsim.sweep.reading import LoadedSweep, load_sweep
from mmgsim.sweep.running import SweepProgress, sweep
from mmgsim.sweep.schema import DrawConfig, SampleConfig, SweepConfig
from mmgsim.sweep.study import Sweep

__all__ = [
    "DrawConfig",
    "LoadedSweep",
    "PlannedRun",
    "SampleConfig",
    "Sweep",
    "SweepConfig",
    "SweepProgress",
    "drawn",
    "load_sweep",
    "planned_runs",
    "sweep",
    "sweep_page",
]
