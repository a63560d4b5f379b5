from mmgsim.report.comparison_figures import run_colours
from mmgsim.scenario.registry import BUILT_IN, Kind


def test_every_coordination_that_comes_with_it_has_a_colour_of_its_own():
    kinds = {name: name for name in BUILT_IN[Kind.MECHANISM]}
    assert len(kinds) > 8
    assert len(set(run_colours(kinds).values())) == len(kinds)
