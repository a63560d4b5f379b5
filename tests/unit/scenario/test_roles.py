import sys

import pytest

from mmgsim.errors import UnknownNameError
from mmgsim.scenario import Kind, find_class, load_scenario, read_inputs, role_doubts

OWN = """\
from mmgsim_agents.strategies import SelfConsumer

class Own(SelfConsumer):
    pass

class Picky(SelfConsumer):
    def __init__(self, share):
        super().__init__()
        if share > 1:
            raise ValueError("share is above 1")

class Needy(SelfConsumer):
    def __init__(self, share: float):
        super().__init__()

class NoStrategy:
    answers = frozenset()
"""


def with_own(scenarios, reference, text=OWN, options=None):
    (scenarios.folder / "own.py").write_text(text)
    return {"microgrids.MG1.strategy": {"kind": reference, "options": options or {}}}


def test_file_beside_the_scenario_is_found(scenarios):
    load_scenario(scenarios.write(), with_own(scenarios, "own.py:Own"))


def test_installed_module_is_found(scenarios):
    name = "mmgsim_agents.strategies.self_consumer:SelfConsumer"
    load_scenario(scenarios.write(), {"microgrids.MG1.strategy": name})


def test_unknown_strategy_names_near_miss_and_line(scenarios):
    fault = scenarios.fault(("self-consumer", "self-consumr"))
    assert (fault.where, fault.line) == ("microgrids.MG1.strategy", 13)
    assert "did you mean 'self-consumer'?" in fault.cure


@pytest.mark.parametrize("key", ["operator", "market", "coordination"])
def test_unknown_operator_market_and_coordination_are_named(key, scenarios):
    fault = scenarios.fault(overrides={f"{key}.kind": "nobody"})
    assert fault.where == key
    assert "'nobody'" in fault.what


@pytest.mark.parametrize(
    ("reference", "text", "what"),
    [
        ("other.py:Own", OWN, "there is no file other.py"),
        ("own.py:Owm", OWN, "own.py has no Owm; did you mean 'Own'? known: "),
        ("own.py:", OWN, "own.py has no "),
        ("own.py:NoStrategy", OWN, "is no strategy: it lacks answer, dispatch"),
        ("own.py:Own", "def f(:\n", "SyntaxError in line 1"),
        ("own.py:Own", "1 / 0\n", "ZeroDivisionError: division by zero"),
        ("own.py:Own", "import torch_of_nobody\n", "No module named 'torch_of_nobody'"),
        ("own.py:Own", "import sys\nsys.exit(4)\n", "cannot be imported: SystemExit: 4"),
        ("no_such_package.mod:Own", OWN, "No module named 'no_such_package'"),
        (":Own", OWN, "cannot be imported"),
    ],
)
def test_class_that_cannot_be_had_is_explained(reference, text, what, scenarios):
    assert what in scenarios.fault(overrides=with_own(scenarios, reference, text)).what


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "missing 1 required positional argument: 'share'"),
        ({"shar": 1}, "'own.py:Picky' has no option 'shar'"),
        ({"share": 2}, "share is above 1"),
    ],
)
def test_options_that_a_class_refuses_are_explained(options, what, scenarios):
    overrides = with_own(scenarios, "own.py:Picky", options=options)
    assert what in scenarios.fault(overrides=overrides).what


def test_an_option_that_is_needed_has_no_default(scenarios):
    fault = scenarios.fault(overrides=with_own(scenarios, "own.py:Needy", options={"share": []}))
    assert (fault.what, fault.cure) == ("must be a number, given []", "it has no default")


def test_the_coordination_is_no_option_of_the_market(scenarios):
    fault = scenarios.fault(overrides={"market.options": {"coordination": 3}})
    assert fault.where == "market.options.coordination"
    assert "scenario's own key `coordination`" in fault.cure


def test_options_of_a_mechanism_are_checked(scenarios):
    fault = scenarios.fault(("{kind: isolated}", "{kind: isolated, tolerance: 1}"))
    assert fault.where == "coordination.tolerance"
    assert fault.what == "'isolated' has no option 'tolerance'"
    assert (
        fault.cure == "known: kind; `adaptive-robust` and `admm` and `bilevel` and `prices` have it"
    )


def test_option_that_is_misspelt_has_a_near_miss(scenarios):
    fault = scenarios.fault(overrides=with_own(scenarios, "own.py:Picky", options={"shar": 1}))
    assert fault.where == "microgrids.MG1.strategy.options.shar"
    assert "did you mean 'share'?" in fault.cure


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("tolerance", "small", "must be a number"),
        ("tolerance", float("nan"), "share above 0 and at most 1"),
        ("max_rounds", 2.5, "must be a whole number"),
        ("max_rounds", True, "must be a whole number"),
        ("offers", "devices", "'devices' is unknown"),
    ],
)
def test_option_of_the_wrong_type_or_range_is_named(key, value, what, scenarios):
    overrides = {"coordination": {"kind": "prices", key: value}}
    fault = scenarios.fault(overrides=overrides)
    assert fault.where == f"coordination.{key}"
    assert what in fault.what
    assert fault.cure


@pytest.mark.parametrize(
    ("kind", "key", "value", "what", "cure"),
    [
        ("hierarchical", "rounds", 0, "rounds is at least 1, not 0", "its default is 1"),
        (
            "hierarchical",
            "security",
            "all",
            "security is one of none, limits, not 'all'",
            "its default is 'limits'",
        ),
        (
            "bilevel",
            "damping",
            2.0,
            "damping is a share between 0 and 1, not 2",
            "its default is 0.5",
        ),
    ],
)
def test_an_option_out_of_range_is_blamed_alone(kind, key, value, what, cure, scenarios):
    innocent = {"controller": "each"} if kind == "hierarchical" else {"max_rounds": 9}
    overrides = {"coordination": {"kind": kind, **innocent, key: value}}
    fault = scenarios.fault(overrides=overrides)
    assert (fault.where, fault.what, fault.cure) == (f"coordination.{key}", what, cure)


def test_a_misspelt_option_has_a_near_miss_and_says_where_it_comes_from(scenarios):
    fault = scenarios.fault(overrides={"coordination": {"kind": "central", "mip_gp": 1e-3}})
    assert str(fault) == (
        "coordination.mip_gp (from --coordination, --set or overrides): 'central' has no option "
        "'mip_gp'; did you mean 'mip_gap'? known: kind, mip_gap, network, time_limit_s"
    )


OPEN = """

class Open(SelfConsumer):
    def __init__(self, **options):
        super().__init__()
"""


def test_options_of_a_class_that_takes_any_are_its_own_business(scenarios):
    load_scenario(scenarios.write(), with_own(scenarios, "own.py:Open", OWN + OPEN, {"any": 1}))


def test_mechanism_that_asks_what_a_strategy_does_not_answer_is_refused(scenarios):
    text = OWN + "\nclass Silent(SelfConsumer):\n    answers = frozenset()\n"
    fault = scenarios.fault(overrides=with_own(scenarios, "own.py:Silent", text))
    assert "does not answer Award" in fault.what
    assert "'isolated'" in fault.cure


def test_mechanism_that_asks_what_the_operator_does_not_answer_is_refused(scenarios):
    text = """\
from mmgsim_agents.operators.standard import StandardOperator

class Silent(StandardOperator):
    answers = frozenset()
"""
    (scenarios.folder / "silent.py").write_text(text)
    fault = scenarios.fault(
        overrides={"operator": "silent.py:Silent", "coordination": "hierarchical"}
    )
    assert (fault.where, fault.what) == (
        "operator",
        "'silent.py:Silent' does not answer GrantQuery",
    )
    assert "coordination 'hierarchical' asks the DNO" in fault.cure


@pytest.mark.parametrize("answers", ["(Award,)", "None", "{'Award'}", "frozenset({'Award'})"])
def test_answers_that_are_no_set_of_messages_are_a_fault(answers, scenarios):
    own = (
        f"\nfrom mmgsim.contracts import Award\nclass Odd(SelfConsumer):\n    answers = {answers}\n"
    )
    fault = scenarios.fault(overrides=with_own(scenarios, "own.py:Odd", OWN + own))
    assert fault.what == "`answers` of 'own.py:Odd' is no set of classes of messages"


def test_asks_that_are_no_set_of_messages_are_a_fault(scenarios):
    own = "from mmgsim.coordination import Isolated\nclass Odd(Isolated):\n    asks = ['Award']\n"
    (scenarios.folder / "own.py").write_text(own)
    fault = scenarios.fault(overrides={"coordination": "own.py:Odd"})
    assert fault.what == "`asks` of 'own.py:Odd' is no set of classes of messages"


@pytest.mark.parametrize(
    ("given", "what"), [("1 / 0", "ZeroDivisionError"), ("3", "TypeError"), ("[7]", "TypeError")]
)
def test_an_operator_that_cannot_say_its_faults_is_one_itself(given, what, scenarios):
    own = (
        "from mmgsim_agents.operators.standard import StandardOperator\n"
        "class Own(StandardOperator):\n"
        f"    def scenario_faults(self, scenario):\n        return {given}\n"
    )
    (scenarios.folder / "own.py").write_text(own)
    fault = scenarios.fault(overrides={"operator": "own.py:Own"})
    assert fault.where == "operator"
    assert f"`scenario_faults` of 'own.py:Own' fails: {what}" in fault.what


@pytest.mark.parametrize(
    ("given", "where", "what"),
    [
        ("[('tone', 'is low', 'sing')]", "coordination.tone", "is low"),
        ("1 / 0", "coordination", "`scenario_doubts` of 'own.py:Own' fails: ZeroDivisionError"),
    ],
)
def test_what_a_coordination_doubts_is_a_warning(given, where, what, scenarios):
    own = (
        "from mmgsim.coordination import Isolated\nclass Own(Isolated):\n"
        "    def __init__(self, tone=1): pass\n"
        f"    def scenario_doubts(self, scenario, inputs):\n        return {given}\n"
    )
    (scenarios.folder / "own.py").write_text(own)
    loaded = load_scenario(scenarios.write(), {"coordination": "own.py:Own"})
    inputs = read_inputs(loaded.scenario, loaded.folder)
    (doubt,) = role_doubts(loaded.scenario, inputs, loaded.folder)
    assert doubt.where == where
    assert what in doubt.what


def test_faulty_file_is_explained_for_each_microgrid_and_again_after_mending(scenarios):
    overrides = with_own(scenarios, "own.py:Own", "1 / 0\n")
    overrides["microgrids.MG2.strategy"] = "own.py:Own"
    faults = scenarios.faults(overrides=overrides)
    assert ["ZeroDivisionError" in fault.what for fault in faults] == [True, True]
    load_scenario(scenarios.write(), with_own(scenarios, "own.py:Own"))


def test_file_is_imported_once_and_anew_when_it_changes(scenarios):
    with_own(scenarios, "own.py:Own")
    first = find_class(Kind.STRATEGY, "own.py:Own", scenarios.folder)
    assert find_class(Kind.STRATEGY, "own.py:Own", scenarios.folder) is first
    assert sys.modules[first.__module__].Own is first
    with_own(scenarios, "own.py:Own", OWN + "\n\nNEW = True\n")
    assert find_class(Kind.STRATEGY, "own.py:Own", scenarios.folder) is not first


WITH_SIBLING = """\
from demand_of_mine import WHO
from mmgsim_agents.strategies import SelfConsumer

class Own(SelfConsumer):
    who = WHO
"""


def own_beside(folder, who, name="own.py"):
    folder.mkdir(exist_ok=True)
    (folder / "demand_of_mine.py").write_text(f"WHO = {who!r}\n")
    (folder / name).write_text(WITH_SIBLING)
    return find_class(Kind.STRATEGY, f"{name}:Own", folder).who


def test_a_plugin_file_imports_what_lies_beside_it_and_leaves_the_path_alone(tmp_path):
    before = list(sys.path)
    assert own_beside(tmp_path, "first") == "first"
    assert sys.path == before


def test_files_of_one_name_beside_two_plugins_are_told_apart(tmp_path):
    assert own_beside(tmp_path / "a", "a's") == "a's"
    assert own_beside(tmp_path / "b", "b's") == "b's"
    assert find_class(Kind.STRATEGY, "own.py:Own", tmp_path / "a").who == "a's"
    assert own_beside(tmp_path / "a", "a's", name="other.py") == "a's"


def test_a_file_beside_plugins_is_read_anew_by_all_when_it_changes(tmp_path):
    own_beside(tmp_path, "first")
    own_beside(tmp_path, "first", name="other.py")
    assert own_beside(tmp_path, "second") == "second"
    assert find_class(Kind.STRATEGY, "other.py:Own", tmp_path).who == "second"


def test_missing_dependency_is_not_mistaken_for_an_unknown_name(tmp_path):
    (tmp_path / "own.py").write_text("import torch_of_nobody\n")
    with pytest.raises(ModuleNotFoundError):
        find_class(Kind.STRATEGY, "own.py:Own", tmp_path)
    with pytest.raises(UnknownNameError):
        find_class(Kind.STRATEGY, "torch_of_nobody:Own", tmp_path)
