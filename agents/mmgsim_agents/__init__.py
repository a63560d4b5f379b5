"""The three Mesa agents and the strategies that come with mmgsim."""
