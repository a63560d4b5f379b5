"""The sweep over a year of hours against pandapower, which takes a sample of the same points."""

import numpy as np
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.network import Feeder, FeederLimits, PandapowerFlow, SweepFlow

HOURS = 8760
BUSES = (5, 12, 9, 17, 21, 24, 28, 31, 14)


def test_sweep_of_a_year(race):
    members = tuple(Member(f"M{bus}", 1e4, 1e4, 0.95, bus) for bus in BUSES)
    feeder = Feeder(nw.case33bw(), members=members, limits=FeederLimits(0.9, 1.1))
    rng = np.random.default_rng(0)
    share = rng.uniform(0.1, 0.6, HOURS)
    p_kw = rng.uniform(-150.0, 150.0, (HOURS, len(BUSES)))
    q_kvar = 0.3 * p_kw
    sweep, reference = SweepFlow(feeder), PandapowerFlow(feeder)
    sample_size = 40 if race.is_measured else 10
    apart = []

    def turn(times, k):
        sample = np.random.default_rng(k).choice(HOURS, sample_size, replace=False)
        swept = times.timed("sweep of 8760 hours", lambda: sweep.solve(share, p_kw, q_kvar))
        solved = times.timed(
            f"runpp of {sample_size} of them",
            lambda: reference.solve(share[sample], p_kw[sample], q_kvar[sample]),
        )
        apart.append(np.abs(swept.vm_pu[sample] - solved.vm_pu).max())
        assert swept.vm_pu[sample] == pytest.approx(solved.vm_pu, abs=1e-8)

    times = race.run("Power flow of case33bw, 9 microgrids", turn, rounds=7)
    if race.is_measured:
        runpp = times.median(f"runpp of {sample_size} of them")
        swept = times.median("sweep of 8760 hours")
        wall, cpu = runpp * HOURS / sample_size / swept
        race.note("runpp, scaled to 8760 / sweep", f"{wall:.0f} wall, {cpu:.0f} CPU", "goal >= 800")
        race.note("largest difference of voltages", f"{max(apart):.1e} pu", "goal <= 1e-8")
