"""Property 18: the paper's (15) to (18) as feedback of an AC power flow, `leem4` on 33 buses."""

import numpy as np
import pytest

import mmgsim
from mmgsim.network import read_net

BUSES = {"MG1": 17, "MG2": 21, "MG3": 24, "MG4": 32}
HUGE_KA, TINY_KA = 1000.0, 1e-4  # 1e-4 kA is 2.2 kVA


def day(folder, last_line_ka):
    """Run the day with lines as wide as one could wish, but for the one that ends at MG1."""
    line = read_net(case="case33bw", file=None).line[["from_bus", "to_bus"]]
    rating = np.where(line.to_bus == BUSES["MG1"], last_line_ka, HUGE_KA)
    line.assign(max_i_ka=rating).to_csv(folder / "ratings.csv", index=False)
    network = {
        "case": "case33bw",
        "background": {"scale": 0.0},
        "ratings": str(folder / "ratings.csv"),
        "v_min_pu": 0.5,
        "v_max_pu": 1.5,
    }
    buses = {f"microgrids.{name}.bus": bus for name, bus in BUSES.items()}
    overrides = {"network": network, "repair.rounds": 3, **buses}
    model = mmgsim.build("leem4", overrides=overrides)
    for _ in range(24):
        model.step()
    return model


@pytest.fixture(scope="module")
def tight(tmp_path_factory):
    return day(tmp_path_factory.mktemp("tight"), TINY_KA)


def test_huge_ratings_change_nothing(tmp_path):
    wide = day(tmp_path, HUGE_KA)
    free = mmgsim.build("leem4")
    for _ in range(24):
        free.step()
    assert (wide.table("gates").repair_rounds == 0).all()
    assert set(wide.table("steps").status) == {"ok"}
    for name in ("import_kw", "export_kw", "sold_kw", "soc_kwh"):
        np.testing.assert_allclose(
            wide.table("dispatch")[name], free.table("dispatch")[name], atol=1e-6
        )


def test_behind_a_line_of_next_to_nothing_the_envelope_is_cut(tight):
    limits = tight.table("prices").groupby("microgrid").import_limit_kw
    assert limits.min()["MG1"] < 3.0
    whole = [name for name in BUSES if name != "MG1"]
    assert (limits.min()[whole] == limits.max()[whole]).all()
    assert (tight.table("gates").repair_rounds > 0).any()


def test_within_the_cut_envelope_plans_are_made_again_and_hold(tight):
    rows = tight.table("dispatch").query("microgrid == 'MG1'")
    # 2.2 kVA and the little that the line itself takes.
    assert rows.exchange_kw.abs().max() < 3.0
    assert rows.shed_kw.sum() > 0.0
    assert set(tight.table("steps").status) == {"ok"}
