"""How a market decides, one way per file."""
