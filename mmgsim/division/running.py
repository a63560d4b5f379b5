"""Dividing a day of a scenario by several rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmgsim.division.day import day_fault, game_day
from mmgsim.division.division import Division
from mmgsim.division.game import DayGame, Progress
from mmgsim.division.rules import Rule, bills_by_rule, rule_faults, violations
from mmgsim.errors import Fault, ScenarioError
from mmgsim.folder import choose_folder
from mmgsim.scenario import LoadedScenario, load_scenario

__all__ = ["divide"]

# Of what all pay alone, in absolute terms: less is the rounding of solvers.
_ROUNDING = 1e-6


def divide(  # noqa: PLR0913  one parameter per choice of a division
    scenario: str | Path | LoadedScenario,
    rules: str | Iterable[str] | None = None,
    *,
    day: int = 1,
    overrides: Mapping[str, Any] | None = None,
    orders: int = 200,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Division:
    """Divide what the cheapest joint plan of a day costs, by several rules side by side.

    The game: what every group of microgrids would pay on its own, on one day, known beforehand,
    without a network, storage beginning as the scenario says a run begins. For each rule the worst
    violation of budget balance, individual rationality and core is found over all groups of up to
    12 members, beyond by sampling.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file.
    rules : str, iterable of str or None
        Of `mmgsim.division.Rule`, in a text separated by commas; all that are possible if left out.
    day : int
        Which day of the scenario, the first is 1.
    overrides : mapping
        Values by dotted path.
    orders : int
        How many orders Shapley values of more than 12 members are estimated from, at least 2.
    out : str, Path or None
        Folder, which must not exist or be empty: gets `bills.csv`, `violations.csv`,
        `divide.json` and `divide.html`; ``runs/<scenario>-divide-<time>`` by default.
    progress : callable or None
        Called with what is done and all there is to do.

    Raises
    ------
    ScenarioError
        Naming every fault, those of day, rules and orders included; nothing is written then.

    Examples
    --------
    >>> division = mmgsim.divide("wa9", "marginal,nash", day=2)  # doctest: +SKIP
    >>> division.violations.core  # doctest: +SKIP
    """
    loaded, chosen = _checked(scenario, rules, day=day, orders=orders, overrides=overrides or {})
    folder = choose_folder(out, loaded.scenario.name, "divide")
    game = DayGame(game_day(loaded, day, {}))
    bills = bills_by_rule(game, chosen, orders=orders, progress=progress)
    rounding = _ROUNDING * float(np.abs(game.alone).sum())
    found = {rule: violations(game, one.bills, rounding=rounding) for rule, one in bills.items()}
    division = Division(game, bills, found, rounding=rounding, orders=orders)
    division.write(folder)
    return division


def _checked(
    scenario: str | Path | LoadedScenario,
    rules: str | Iterable[str] | None,
    *,
    day: int,
    orders: int,
    overrides: Mapping[str, Any],
) -> tuple[LoadedScenario, tuple[Rule, ...]]:
    """Give the scenario and the rules.

    Raises
    ------
    ScenarioError
        Naming every fault of both.
    """
    texts = _texts(rules)
    few = Fault("orders", f"is {orders}", "take at least 2: one alone says nothing of its error")
    others = [few] if orders < 2 else []
    try:
        loaded = load_scenario(scenario, overrides)
    except ScenarioError as error:
        faults = [*error.faults, *([] if texts is None else rule_faults(texts, None)), *others]
        raise ScenarioError(error.source, faults) from error
    members = len(loaded.scenario.microgrids)
    if texts is None:
        texts = [str(rule) for rule in Rule if not rule_faults([rule], members)]
    missing = day_fault(loaded, day)
    faults = [*([missing] if missing else []), *rule_faults(texts, members), *others]
    if faults:
        raise loaded.refusal(faults)
    return loaded, tuple(Rule(text) for text in texts)


def _texts(rules: str | Iterable[str] | None) -> list[str] | None:
    if rules is None:
        return None
    parts = rules.split(",") if isinstance(rules, str) else [str(rule) for rule in rules]
    return [part.strip() for part in parts if part.strip()]
