"""What a part of a network stores: each part says it once, in its own file, and `state.py` gathers it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

__all__ = ["Axis", "StateField", "StateKind"]


class StateKind(Enum):
    """What a stored field is, and so how long it holds."""

    WEIGHT = "weights"
    """Until learning changes it."""

    RANDOM = "LFSR states"
    """States of LFSRs, which run on from sample to sample."""

    MEMBRANE = "membranes"
    """From tick to tick of a sample; set anew in a layer's first one. With no leak, that is in every one."""

    FLAG = "spikes, gates and errors"
    """From tick to tick of a sample; cleared at its start."""


class Axis(Enum):
    """What the positions along an axis of a stored array are."""

    ROW = "row"
    UNIT = "unit"
    LFSR = "LFSR"
    BIAS = "bias row"


@dataclass(frozen=True)
class StateField:
    """A field that a part of a network stores.

    Parameters
    ----------
    name : str
        The part's attribute that holds it, and the hardware's name for it.
    kind : StateKind
    dtype : NumPy scalar type
    axes : tuple of Axis
        Of the array; empty for a number by itself.
    """

    name: str
    kind: StateKind
    dtype: type[np.generic]
    axes: tuple[Axis, ...] = (Axis.UNIT,)
