"""The numbering of random streams: which state belongs to what."""

from __future__ import annotations

from dataclasses import dataclass

from backspike.config import NetworkConfig

__all__ = ["StreamMap"]


@dataclass(frozen=True)
class StreamMap:
    """Numbers of the random streams of a network, in the order in which they are seeded.

    First the input streams, then for each weight layer the streams of its units and the one of its bias row.
    """

    config: NetworkConfig

    @property
    def inputs(self) -> range:
        """Streams shared by the input units."""
        return range(self.config.input_streams)

    def units(self, layer: int) -> range:
        """Streams of the units of weight layer `layer` (1 .. L)."""
        start = self.config.input_streams + sum(n + 1 for n in self.config.layers[1:layer])
        return range(start, start + self.config.layers[layer])

    def bias(self, layer: int) -> int:
        """Stream of the bias row of weight layer `layer` (1 .. L)."""
        return self.units(layer).stop

    @property
    def count(self) -> int:
        """Number of all streams."""
        return self.bias(self.config.depth) + 1
