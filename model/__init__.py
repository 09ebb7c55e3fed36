"""The golden model: the normative semantics in NumPy, one file a concept."""

from .network import Counters, Network, Result
from .spikes import Sample

__all__ = ["Counters", "Network", "Result", "Sample"]
