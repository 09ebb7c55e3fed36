"""Families of devices: all that the build, the estimate and the simulation of netlists know of one, a file each."""

from backspike.errors import BackspikeError

from .ecp5 import ECP5
from .family import Area, Family
from .gowin import GOWIN
from .ice40 import ICE40

__all__ = ["ECP5", "FAMILIES", "GOWIN", "ICE40", "area_of"]

FAMILIES: dict[str, Family] = {family.name: family for family in (ICE40, ECP5, GOWIN)}
"""Families by name."""


def area_of(family: str) -> Area:
    """Return what the cells of a family are estimated with, by its name.

    Raises
    ------
    BackspikeError
        They are not estimated.
    """
    area = FAMILIES[family].area
    if area is None:
        known = ", ".join(sorted(other.name for other in FAMILIES.values() if other.area))
        raise BackspikeError(f"there is no estimate for devices of the family {family}, only for those of {known}")
    return area
