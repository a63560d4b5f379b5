"""Agent-based co-simulation of multi-microgrid energy trading.

>>> import mmgsim
>>> model = mmgsim.build("duo")
>>> model.step()
>>> model.microgrids["MG1"].plan.exchange_kw.shape
(24,)
"""

# Before all else: when Mesa is imported it looks through the whole call stack, which is short here.
import mesa  # noqa: F401

from mmgsim.compare import Comparison, compare, compare_runs
from mmgsim.division import Division, divide
from mmgsim.engine import MessageBus, MultiMicrogridModel, build
from mmgsim.errors import MmgsimError, ScenarioError
from mmgsim.judge import Judgement, judge
from mmgsim.reproduce import Reproduction, reproduce
from mmgsim.run import run
from mmgsim.scenario import bundled_scenarios, load_scenario
from mmgsim.sizing import SizeStudy, size
from mmgsim.sweep import Sweep, sweep
from mmgsim.tables import Results
from mmgsim.year import YearStudy, year

__all__ = [
    "Comparison",
    "Division",
    "Judgement",
    "MessageBus",
    "MmgsimError",
    "MultiMicrogridModel",
    "Reproduction",
    "Results",
    "ScenarioError",
    "SizeStudy",
    "Sweep",
    "YearStudy",
    "build",
    "bundled_scenarios",
    "compare",
    "compare_runs",
    "divide",
    "judge",
    "load_scenario",
    "reproduce",
    "run",
    "size",
    "sweep",
    "year",
]
