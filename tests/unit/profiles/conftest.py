import pytest

from mmgsim.profiles import use_cache_dir


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("profiles-cache")


@pytest.fixture(autouse=True)
def own_cache(cache_dir):
    """Keep tests out of the user's cache, and let them share slow years."""
    use_cache_dir(cache_dir)
    yield
    use_cache_dir(cache_dir)
