"""Agent-based co-simulation of multi-microgrid energy trading."""
