import pytest
from pydantic import TypeAdapter, ValidationError

from mmgsim.profiles import ConstantSource, ProfileSource, PvlibSource, read_sites

SOURCE = TypeAdapter(ProfileSource)


@pytest.mark.parametrize("number", [3, 0.05, -1])
def test_bare_number_is_a_constant(number):
    source = SOURCE.validate_python(number)
    assert isinstance(source, ConstantSource)
    assert source.value == number


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), True, "5", None, []])
def test_what_is_no_finite_number_is_refused(bad):
    with pytest.raises(ValidationError):
        SOURCE.validate_python(bad)


def test_constant_that_is_not_finite_is_refused():
    with pytest.raises(ValidationError, match="finite"):
        SOURCE.validate_python({"source": "constant", "value": float("nan")})


def test_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs"):
        SOURCE.validate_python({"source": "wind", "mean_speed_m_s": 6, "cut_in": 3})


def test_unknown_site_names_the_nearest():
    with pytest.raises(ValidationError, match="did you mean 'perth'"):
        SOURCE.validate_python({"source": "pvlib", "site": "pert"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "pvlib"}, "give a site"),
        ({"source": "pvlib", "latitude": 3.0}, "give a site"),
        ({"source": "pvlib", "site": "perth", "latitude": 3.0}, "either"),
        ({"source": "wind", "mean_speed_m_s": 6, "cut_in_m_s": 13}, "cut_in_m_s <"),
        ({"source": "price", "floor_per_kwh": 1.0}, "below mean_per_kwh"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        SOURCE.validate_python(given)


def test_every_field_is_described_and_schema_allows_a_number():
    schema = SOURCE.json_schema()
    for model in schema["$defs"].values():
        for name, field in model.get("properties", {}).items():
            assert "description" in field or "$ref" in field, name
    assert {"type": "number"} in schema["anyOf"]


def test_own_clear_sky_means_replace_those_of_the_site():
    source = PvlibSource(source="pvlib", site="perth", clear_sky_winter=0.5)
    place = source.place()
    assert place.clear_sky_winter == 0.5
    assert place.clear_sky_summer == read_sites()["perth"].clear_sky_summer
