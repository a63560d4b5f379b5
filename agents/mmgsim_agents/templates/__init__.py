"""What `mmgsim new` writes. Each file works as it stands, and is checked like the rest.

`mmgsim new strategy night_owl` copies `my_strategy.py` and `test_my_strategy.py` with `my_strategy`
replaced by `night_owl`, and `MyStrategy` by `NightOwl`.
"""
