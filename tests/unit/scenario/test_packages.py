"""Names that installed packages register, by packages that consist of what importlib looks at."""

import sys

import pytest

from mmgsim.errors import PackageError, UnknownNameError
from mmgsim.scenario import Kind, create, find_class, known_names, load_scenario, plug_ins

CODE = """\
from mmgsim_agents.strategies import SelfConsumer

class Own(SelfConsumer):
    pass
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package with entry points on the search path; give the name of its module."""

    def add(package, group, name, code=CODE, attribute="Own"):
        folder = tmp_path / package
        metadata = folder / f"{package}-1.2.dist-info"
        metadata.mkdir(parents=True)
        metadata.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n"
        )
        entry = f"[{group}]\n{name} = {package}_module:{attribute}\n"
        metadata.joinpath("entry_points.txt").write_text(entry)
        folder.joinpath(f"{package}_module.py").write_text(code)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, f"{package}_module", raising=False)
        return f"{package}_module"

    return add


def test_a_registered_name_is_found_and_made_and_can_be_run(install, scenarios):
    module = install("shavers", "mmgsim.strategies", "shaver")
    assert find_class(Kind.STRATEGY, "shaver").__module__ == module
    assert create(Kind.STRATEGY, "shaver", {}).answers
    load_scenario(scenarios.write(("self-consumer", "shaver")))


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        (Kind.STRATEGY, "mmgsim.strategies"),
        (Kind.OPERATOR, "mmgsim.operators"),
        (Kind.MARKET, "mmgsim.markets"),
        (Kind.MECHANISM, "mmgsim.mechanisms"),
    ],
)
def test_every_kind_has_a_group_of_its_own(kind, group, install):
    install("many", group, "mine")
    for other in Kind:
        assert ("mine" in known_names(other)) == (other is kind)
    assert find_class(kind, "mine").__name__ == "Own"


def test_nothing_is_imported_before_it_is_used(install):
    module = install("lazy", "mmgsim.strategies", "lazybones")
    assert "lazybones" in known_names(Kind.STRATEGY)
    assert module not in sys.modules
    find_class(Kind.STRATEGY, "cost-minimiser")
    assert module not in sys.modules
    find_class(Kind.STRATEGY, "lazybones")
    assert module in sys.modules


def test_registered_names_are_among_the_near_misses(install, scenarios):
    install("shavers", "mmgsim.strategies", "peak-shaver")
    with pytest.raises(UnknownNameError, match="did you mean 'peak-shaver'"):
        find_class(Kind.STRATEGY, "peak-shavr")
    assert "peak-shaver" in scenarios.fault(("self-consumer", "peak-shavr")).cure


def test_a_package_cannot_take_a_name_of_mmgsim_and_is_told(install):
    module = install("thief", "mmgsim.strategies", "self-consumer")
    assert find_class(Kind.STRATEGY, "self-consumer").__module__.startswith("mmgsim_agents.")
    assert module not in sys.modules
    (note,) = [one.note for one in plug_ins() if one.package == "thief 1.2"]
    assert note == "never used: mmgsim has this name itself"


def test_a_name_of_two_packages_is_refused_with_both(install, scenarios):
    install("first", "mmgsim.strategies", "shaver")
    install("second", "mmgsim.strategies", "shaver")
    with pytest.raises(PackageError) as caught:
        find_class(Kind.STRATEGY, "shaver")
    assert "registered by first 1.2 (first_module:Own) and second 1.2" in str(caught.value)
    fault = scenarios.fault(("self-consumer", "shaver"))
    assert fault.where == "microgrids.MG1.strategy"
    assert fault.cure.endswith("'first_module:Own' or 'second_module:Own'")
    assert find_class(Kind.STRATEGY, "second_module:Own").__module__ == "second_module"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import torch_of_nobody\n", "ModuleNotFoundError: No module named 'torch_of_nobody'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(4)\n", "SystemExit: 4"),
        ("", "AttributeError: module 'broken_module' has no attribute 'Own'"),
    ],
)
def test_a_broken_package_is_told_in_one_message_where_it_is_used(code, why, install, scenarios):
    install("broken", "mmgsim.strategies", "shaver", code)
    load_scenario(scenarios.write())
    fault = scenarios.fault(("self-consumer", "shaver"))
    assert fault.what == f"strategy 'shaver' of broken 1.2 cannot be loaded: {why}"
    assert fault.cure == "mend or reinstall the package; it registers 'broken_module:Own'"
    (note,) = [one.note for one in plug_ins() if one.package == "broken 1.2"]
    assert why in note
