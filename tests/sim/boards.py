"""The board that tests share: one build serves them all."""

from __future__ import annotations

from backspike import PRESETS

CONFIG = PRESETS["digits"].replace(name="host_test", layers=(64, 12, 10), lanes=(4, 5))
"""Digits on few lanes; small, for the simulation's sake."""
