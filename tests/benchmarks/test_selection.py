"""Property 4 of paper 001: 2000 scenarios of a day become 20 (goal: 5 s)."""

import numpy as np

from mmgsim.uncertainty import alike, backward_reduction, forward_selection, gaussian_copula

ROUNDS = 3
SCENARIOS, SMALL, STEPS, KEPT = 2000, 200, 24, 20
GOAL = "goal <= 5 s"


def test_scenarios_of_a_day_become_few(race):
    count = SCENARIOS if race.is_measured else SMALL
    rng = np.random.default_rng(4)
    points = gaussian_copula(rng, (count, STEPS), between=alike(2, 0.9), lag1=0.9)
    points = points.reshape(count, -1) / points.std()

    def turn(times, _):
        times.timed("forward selection", lambda: forward_selection(points, KEPT))
        times.timed("backward reduction", lambda: backward_reduction(points, KEPT))

    times = race.run(f"{count} scenarios of {2 * STEPS} numbers to {KEPT}", turn, rounds=ROUNDS)
    drawn = np.random.default_rng(5).choice(count, KEPT, replace=False)
    apart = np.linalg.norm(points[:, None, :] - points[None, drawn], axis=-1)
    for found in times.last.values():
        assert abs(found.probability.sum() - 1.0) < 1e-12
        assert found.distance < apart.min(axis=1).mean()  # of so many drawn blindly
    if race.is_measured:
        race.note("forward selection", f"{times.median('forward selection')[1]:.2f} s CPU", GOAL)
