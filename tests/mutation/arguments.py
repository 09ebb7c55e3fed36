"""Mutants that do what the right source does, and why: where no tool shows it quickly."""

from __future__ import annotations

__all__ = ["ARGUMENTS"]

ARGUMENTS: dict[str, dict[str, str]] = {
    "counters.py": {
        "HALF = 16 -> HALF = 17": "counts get two bits more, which no register shows",
    },
}
"""For each file, from the change to the reason."""
