"""The host's side of a network in a bench: the register interface, and samples as entries of their lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.layers import WeightLayer
from backspike.model import Sample
from backspike.registers import RegisterMap, window_weights, window_words

from .streams import StreamDriver, StreamMonitor

__all__ = ["RegisterHost", "sample_entries"]


def sample_entries(config: NetworkConfig, sample: Sample) -> Iterator[dict[str, int]]:
    """Give a sample's lists, entry by entry, as the network takes them; an empty list is an entry of value 0."""
    lists = 1 if config.input == "rate" else config.ticks
    for tick in range(lists):
        rows, values = sample.listing(tick)
        entries = list(zip(rows.tolist(), values.tolist(), strict=True)) or [(0, 0)]
        for position, (index, value) in enumerate(entries, start=1):
            yield {
                "index": index,
                "value": value,
                "label": sample.label,
                "learn": int(sample.learn),
                "last": int(position == len(entries)),
            }


class RegisterHost:
    """Reads and writes registers by name, one access after the other.

    Parameters
    ----------
    config : NetworkConfig
    requests : StreamDriver
        Driver of the network's stream ``requests``.
    responses : StreamMonitor
        Monitor of its stream ``responses``.
    """

    def __init__(self, config: NetworkConfig, requests: StreamDriver, responses: StreamMonitor) -> None:
        self._config = config
        self._registers = RegisterMap(config)
        self._requests, self._responses = requests, responses

    async def read(self, name: str) -> int:
        """Return a register's value, 0 to 2**32 - 1."""
        return await self._access(name, 0, 0)

    async def write(self, name: str, value: int) -> int:
        """Write a register, and wait until the write has taken effect; return its value before it."""
        return await self._access(name, 1, value)

    async def reseed(self, seed: int) -> None:
        """Seed all LFSRs anew; samples and writes that come next wait until it is done."""
        for name, value in self._registers.seeding(seed).items():
            await self.write(name, value)

    async def set_rates(self, rates: Sequence[int]) -> None:
        """Write the learning rate of each layer, in 1/256."""
        for name, value in self._registers.rates(rates).items():
            await self.write(name, value)

    async def write_weights(self, number: int, weights: NDArray[np.int64]) -> None:
        """Load the weights of a layer, shape (inputs + 1, units)."""
        layer = self._config.weight_layer(number)
        await self.write_words(layer, 0, window_words(layer, weights))

    async def read_weights(self, number: int) -> NDArray[np.int64]:
        """Read the weights of a layer, shape (inputs + 1, units)."""
        layer = self._config.weight_layer(number)
        return window_weights(layer, await self.read_words(layer, 0, layer.rows * layer.row_lanes))

    async def write_words(self, layer: WeightLayer, row: int, words: NDArray[np.int64]) -> None:
        """Write words to WEIGHT_DATA, as `window_words` gives them, from the first unit of a row on."""
        await self._open_window(layer, row)
        for word in words.tolist():
            await self.write("WEIGHT_DATA", word)

    async def read_words(self, layer: WeightLayer, row: int, count: int) -> NDArray[np.uint32]:
        """Read WEIGHT_DATA so often, from the first unit of a row on."""
        await self._open_window(layer, row)
        return np.array([await self.read("WEIGHT_DATA") for _ in range(count)], dtype=np.uint32)

    async def _open_window(self, layer: WeightLayer, row: int) -> None:
        for name, value in self._registers.window(layer, row).items():
            await self.write(name, value)

    async def _access(self, name: str, write: int, value: int) -> int:
        address = self._registers[name].address
        await self._requests.send({"address": address, "write": write, "data": value & 0xFFFF_FFFF})
        answer = await self._responses.receive()
        assert isinstance(answer, int)
        return answer
