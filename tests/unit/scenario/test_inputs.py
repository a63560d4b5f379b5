import numpy as np
import pytest

from mmgsim.errors import Fault, ScenarioError
from mmgsim.scenario import read_inputs


def write_csv(folder, values, column="kw", name="own.csv"):
    rows = [
        f"2021-01-{10 + k // 24:02d}T{k % 24:02d}:00Z,{value}" for k, value in enumerate(values)
    ]
    (folder / name).write_text("\n".join([f"time,{column}", *rows]) + "\n", encoding="utf-8")


CSV = "{source: csv, file: own.csv, column: kw}"


def faults_of(loaded, **options):
    with pytest.raises(ScenarioError) as caught:
        read_inputs(
            loaded.scenario, loaded.folder, source=loaded.source, lines=loaded.lines, **options
        )
    return caught.value.faults


def one_fault(loaded):
    faults = faults_of(loaded)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def test_arrays_cover_run_and_horizon_and_persistence_a_day_before(scenarios):
    inputs = read_inputs(*_parts(scenarios.load()))
    assert (inputs.lead_steps, inputs.run_steps, inputs.index.steps) == (0, 24, 48)
    inputs = read_inputs(*_parts(scenarios.load(("perfect", "persistence"))))
    assert (inputs.lead_steps, inputs.run_steps, inputs.index.steps) == (24, 24, 72)
    assert not inputs.import_per_kwh.flags.writeable


def _parts(loaded):
    return loaded.scenario, loaded.folder


def test_csv_power_is_taken_as_it_is(scenarios):
    write_csv(scenarios.folder, np.arange(96) / 100)
    inputs = read_inputs(*_parts(scenarios.load(("profile: 1.0", f"profile: {CSV}"))))
    assert inputs.device_kw["MG1", "roof"][:2].tolist() == [0.23, 0.24]


def test_missing_column_names_scenario_line_file_and_near_miss(scenarios):
    write_csv(scenarios.folder, np.ones(96), column="kwh")
    fault = one_fault(scenarios.load(("profile: 1.0", f"profile: {CSV}")))
    assert (fault.where, fault.line) == ("microgrids.MG1.devices.roof.profile", 16)
    assert fault.what == "own.csv: column 'kw' (line 1): is missing"
    assert fault.cure.startswith("did you mean 'kwh'?")


def test_pv_above_its_rating_is_refused(scenarios):
    fault = one_fault(scenarios.load(("profile: 1.0", "profile: 4.5")))
    assert fault.what == "reaches 4.5 kW, above rating_kw = 4"


@pytest.mark.parametrize("place", ["profile: 3.0", "profile: 1.0"])
def test_negative_power_is_refused_with_its_local_time(place, scenarios):
    values = np.ones(96)
    values[30] = -0.5
    write_csv(scenarios.folder, values)
    fault = one_fault(scenarios.load((place, f"profile: {CSV}")))
    assert fault.what == "is negative, -0.5 kW at 2021-01-11 07:00 local time"


@pytest.mark.parametrize(
    ("source", "what", "cure"),
    [
        ("{source: demandlib, type: h0}", "gives no power", "add annual_kwh"),
        ("{source: pvlib, site: perth}", "gives no power", "use demandlib or csv"),
        ("{source: price}", "gives a price", "use a series in kW"),
    ],
)
def test_load_needs_a_series_of_power(source, what, cure, scenarios):
    fault = one_fault(scenarios.load(("profile: 3.0", f"profile: {source}")))
    assert what in fault.what
    assert fault.cure == cure


def test_price_needs_a_series_of_prices(scenarios):
    fault = one_fault(scenarios.load(("0.30", "{source: pvlib, site: perth}")))
    assert fault.what == "'pvlib' gives no price"


def test_background_is_a_share_of_its_peak(scenarios):
    net = "seed: 3\nnetwork: {case: case33bw, background: {profile: 350}}"
    loaded = scenarios.load(
        ("seed: 3", net),
        ("name: MG1", "name: MG1\n    bus: 1"),
        ("name: MG2", "name: MG2\n    bus: 2"),
    )
    assert "reaches 350, above 1" in one_fault(loaded).what


def test_selling_above_buying_needs_limits(scenarios):
    fault = one_fault(scenarios.load(("0.05", "0.35")))
    assert fault.where == "tariff.export_per_kwh"
    assert "MG1, MG2" in fault.cure
    limits = "strategy: self-consumer\n    connection: {import_limit_kw: 9, export_limit_kw: 9}"
    change = ("self-consumer\n    devices", limits.removeprefix("strategy: ") + "\n    devices")
    read_inputs(*_parts(scenarios.load(("0.05", "0.35"), change, change)))


def test_load_far_beyond_its_connection_is_refused(scenarios):
    changes = (
        ("name: MG2", "name: MG2\n    connection: {import_limit_kw: 3}"),
        ("profile: 2.0", "profile: 2000.0"),
    )
    loaded = scenarios.load(*changes)
    with pytest.raises(ScenarioError) as caught:
        read_inputs(loaded.scenario, loaded.folder)
    (fault,) = caught.value.faults
    assert "2000 kW, 250 times what the connection and all devices could bring (8 kW)" in fault.what
    assert "not W" in fault.cure


def test_values_beyond_any_scenario_are_refused(scenarios):
    loaded = scenarios.load(("profile: 2.0", "profile: {source: csv, file: own.csv, column: kw}"))
    rows = [f"2021-01-{11 + at // 24}T{at % 24:02d}:00,1e12" for at in range(49)]
    (scenarios.folder / "own.csv").write_text("\n".join(["time,kw", *rows]))
    with pytest.raises(ScenarioError, match="beyond any scenario"):
        read_inputs(loaded.scenario, loaded.folder)


def test_price_that_cannot_be_read_raises_no_false_alarm(scenarios):
    loaded = scenarios.load(("0.30", "{source: csv, file: none.csv, column: a}"))
    assert one_fault(loaded).what.startswith("none.csv: the file does not exist")


def test_stamps_of_a_file_are_at_fault_once_and_its_columns_each(scenarios):
    rows = [f"2020-01-{11 + k // 24:02d}T{k % 24:02d}:00,1,2,x\n" for k in range(72)]
    (scenarios.folder / "own.csv").write_text("time,a,b,c\n" + "".join(rows[:71]))
    csv = "{source: csv, file: own.csv, column: %s}"
    three = [("0.30", csv % "a"), ("profile: 3.0", f"profile: {csv % 'b'}")]
    faults = faults_of(scenarios.load(*three, ("profile: 2.0", f"profile: {csv % 'c'}")))
    assert [fault.where for fault in faults if "covers" in fault.what] == ["tariff.import_per_kwh"]
    assert "or start on 2020-01-11" in faults[0].cure
    shop = [fault.what for fault in faults if fault.where.endswith("shop.profile")]
    assert len(shop) == len(faults) - 1 > 1
    assert all("column 'c'" in what for what in shop)


def test_faults_of_all_series_come_at_once_with_further_ones_in_file_order(scenarios):
    loaded = scenarios.load(
        ("0.30", "{source: csv, file: none.csv, column: a}"),
        ("profile: 1.0", "profile: 4.5"),
        ("profile: 2.0", "profile: -2.0"),
    )
    network = Fault("microgrids.MG1.bus", "the feeder has no bus 77")
    faults = faults_of(loaded, further=lambda scenario, folder: [network])
    assert [fault.where for fault in faults] == [
        "tariff.import_per_kwh",
        "microgrids.MG1.bus",
        "microgrids.MG1.devices.roof.profile",
        "microgrids.MG2.devices.shop.profile",
    ]


def test_labels_name_series_as_overrides_do(scenarios):
    inputs = read_inputs(*_parts(scenarios.load()))
    assert [label.where for label in inputs.labels][2] == "microgrids.MG1.devices.homes.profile"
