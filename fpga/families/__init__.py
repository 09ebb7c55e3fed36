"""Families of devices: all that the build, the estimate and the simulation of netlists know of one, a file each."""

from .ecp5 import ECP5
from .family import Family
from .gowin import GOWIN
from .ice40 import ICE40

__all__ = ["ECP5", "FAMILIES", "GOWIN", "ICE40"]

FAMILIES: dict[str, Family] = {family.name: family for family in (ICE40, ECP5, GOWIN)}
"""Families by name."""
