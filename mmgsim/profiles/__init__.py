"""Series in time: sun, wind, demand, prices, measured files; and forecasts of them."""

from mmgsim.profiles.bundled import bundled_path
from mmgsim.profiles.cache import use_cache_dir
from mmgsim.profiles.forecasts import (
    ExpectedForecast,
    ForecastConfig,
    ForecastKind,
    ForecastTarget,
    NoiseForecast,
    PerfectForecast,
    PersistenceForecast,
    forecast_kw,
)
from mmgsim.profiles.index import TimeIndex, zone_faults
from mmgsim.profiles.make import make_series
from mmgsim.profiles.measured import measured_faults
from mmgsim.profiles.residuals import LEAST_RESIDUALS, read_residuals
from mmgsim.profiles.series import LARGEST, Label, Series, SeriesError, Unit
from mmgsim.profiles.sessions import (
    VISIT_COLUMNS,
    SampledDay,
    Visit,
    daily_visit,
    instant,
    overlapping,
    read_visits,
    sample_visit,
    session_of,
)
from mmgsim.profiles.simbench import (
    SIMBENCH_INSTALL,
    has_simbench,
    simbench_background,
    simbench_code_faults,
    simbench_net,
    simbench_profiles,
)
from mmgsim.profiles.sites import Site, find_site, read_sites
from mmgsim.profiles.sources import (
    ConstantSource,
    CsvSource,
    DemandlibSource,
    PriceSource,
    ProfileSource,
    PvlibSource,
    SimbenchSource,
    Tmy3Source,
    WindSource,
)
from mmgsim.profiles.streams import normals_at, stream
from mmgsim.profiles.wind import make_wind_speed, wind_power_pu

__all__ = [
    "LARGEST",
    "LEAST_RESIDUALS",
    "SIMBENCH_INSTALL",
    "VISIT_COLUMNS",
    "ConstantSource",
    "CsvSource",
    "DemandlibSource",
    "ExpectedForecast",
    "ForecastConfig",
    "ForecastKind",
    "ForecastTarget",
    "Label",
    "NoiseForecast",
    "PerfectForecast",
    "PersistenceForecast",
    "PriceSource",
    "ProfileSource",
    "PvlibSource",
    "SampledDay",
    "Series",
    "SeriesError",
    "SimbenchSource",
    "Site",
    "TimeIndex",
    "Tmy3Source",
    "Unit",
    "Visit",
    "WindSource",
    "bundled_path",
    "daily_visit",
    "find_site",
    "forecast_kw",
    "has_simbench",
    "instant",
    "make_series",
    "make_wind_speed",
    "measured_faults",
    "normals_at",
    "overlapping",
    "read_residuals",
    "read_sites",
    "read_visits",
    "sample_visit",
    "session_of",
    "simbench_background",
    "simbench_code_faults",
    "simbench_net",
    "simbench_profiles",
    "stream",
    "use_cache_dir",
    "wind_power_pu",
    "zone_faults",
]
