"""A year from a few days that stand for all: running, weighing, choosing them."""
