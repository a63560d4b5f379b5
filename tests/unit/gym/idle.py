"""A strategy that lets its storage stand still, written without any instruction."""

import numpy as np

from mmgsim.contracts import Battery
from mmgsim.subproblems import MicrogridInputs, disclosure_of
from mmgsim_agents.strategies import OptimisingStrategy


class Idle(OptimisingStrategy):
    def plan(self, view, terms):
        still_kw = np.full(view.window.steps, np.nan)
        still_kw[0] = 0.0
        wanted_kw = {d.name: still_kw for d in view.devices if isinstance(d, Battery)}
        if not wanted_kw:
            return super().plan(view, terms)
        inputs = MicrogridInputs(disclosure_of(view), terms)
        return self.projection(view).project(inputs, view.window.first_step, wanted_kw)
