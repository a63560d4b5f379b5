"""How a DNO decides, one way per file."""
