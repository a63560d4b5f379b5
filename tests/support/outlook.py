"""Courses of random small worlds, and an outlook made of them."""

import numpy as np

from mmgsim.contracts import Renewable, frozen
from mmgsim.subproblems import MicrogridInputs, Terms, disclosure_of
from mmgsim.subproblems.courses import Courses
from mmgsim.subproblems.two_stage import TwoStageInputs, TwoStageProblem

PRICE_SPREAD = 0.2


class DrawnOutlook:
    """Samples around the forecast of a view: each device by a factor that moves with the hours.

    Parameters
    ----------
    view : View
        Of a microgrid.
    spread : float
        Standard deviation of the factors; 0 makes the forecast certain.
    """

    def __init__(self, view, spread=0.3, seed=0):
        self.view, self.spread, self.seed = view, spread, seed

    def _factors(self, count, number):
        rng = np.random.default_rng([self.seed, number])
        steps = self.view.window.steps
        walk = np.cumsum(rng.normal(size=(count, steps)), axis=1) / np.sqrt(np.arange(1, steps + 1))
        return np.clip(1.0 + self.spread * walk, 0.0, None)

    def samples_kw(self, count):
        devices = {device.name: device for device in self.view.devices}
        samples = {}
        for number, (name, kw) in enumerate(self.view.forecast_kw.items()):
            drawn = kw * self._factors(count, number)
            device = devices[name]
            most = device.rating_kw if isinstance(device, Renewable) else np.inf
            samples[name] = frozen(np.minimum(drawn, most))
        return samples

    def quantile_kw(self, share):
        if self.spread == 0.0:
            return dict(self.view.forecast_kw)
        drawn = self.samples_kw(400)
        return {name: frozen(np.quantile(kw, share, axis=0)) for name, kw in drawn.items()}

    def price_factors(self, count):
        if self.spread == 0.0:
            return np.ones((count, self.view.window.steps))
        return 1.0 + PRICE_SPREAD * (self._factors(count, 99) - 1.0) / self.spread


def drawn_stage(views, count, *, spread=0.3, seed=0):
    """Give a stage of some views with equally likely courses."""
    kw = {
        view.name: DrawnOutlook(view, spread, n + 7 * seed).samples_kw(count)
        for n, view in enumerate(views)
    }
    return TwoStageInputs(
        {view.name: MicrogridInputs(disclosure_of(view), Terms.of(view)) for view in views},
        {view.name: view.envelope for view in views},
        Courses(frozen(np.full(count, 1.0 / count)), kw),
    )


def problem_of(views, count, **options):
    """Give the two-stage problem of some views."""
    members = {view.name: view.devices for view in views}
    return TwoStageProblem(members, views[0].window, count, **options)
