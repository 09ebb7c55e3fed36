"""The weight layers of a configuration, one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import NetworkConfig

__all__ = ["WeightLayer"]


@dataclass(frozen=True)
class WeightLayer:
    """One of the weight layers of a network: its synapses, and the units that they lead to.

    It holds no values of its own, but looks them up in the configuration: `NetworkConfig.weight_layers` makes it.

    Parameters
    ----------
    config : NetworkConfig
        The network that it is part of.
    number : int
        1, the layer that the input's spikes come to, to L, the one that leads to the classes.

    Raises
    ------
    ValueError
        The network has no layer of this number.
    """

    config: NetworkConfig = field(repr=False)
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.config.depth:
            raise ValueError(f"weight layers are numbered from 1 to {self.config.depth}: there is no {self.number}")

    # -- its place --------------------------------------------------------------------------------------------

    @property
    def first(self) -> bool:
        """Whether its inputs are the network's, and no layer is below."""
        return self.number == 1

    @property
    def hidden(self) -> bool:
        """Whether its units are inputs of a layer above; those of layer L are the classes."""
        return self.number < self.config.depth

    @property
    def below(self) -> WeightLayer:
        """The layer whose units are its inputs; ValueError in the first one."""
        return WeightLayer(self.config, self.number - 1)

    @property
    def above(self) -> WeightLayer:
        """The layer whose inputs are its units; ValueError in the last one."""
        return WeightLayer(self.config, self.number + 1)

    # -- its synapses -----------------------------------------------------------------------------------------

    @property
    def inputs(self) -> int:
        """Input units, without the bias."""
        return self.config.layers[self.number - 1]

    @property
    def rows(self) -> int:
        """Rows of the weights: one of each input, and that of the bias, which is the last."""
        return self.inputs + 1

    @property
    def units(self) -> int:
        """Units that the synapses lead to: columns of the weights."""
        return self.config.layers[self.number]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the weights: rows, units."""
        return self.rows, self.units

    @property
    def crossbar(self) -> bool:
        """Whether the synapses are a crossbar: all rows, each in a bank of its own, are visited at once."""
        return self.config.synapses == "crossbar"

    @property
    def lanes(self) -> int:
        """Synapses of a row that are worked on in a clock cycle: weights of a memory word."""
        return self.config.lanes[self.number - 1]

    @property
    def fold(self) -> int:
        """Memory words, and so clock cycles, that a row takes."""
        return -(-self.units // self.lanes)

    @property
    def row_lanes(self) -> int:
        """Lanes of all words of a row: the units, and in the last word perhaps some that no unit uses."""
        return self.fold * self.lanes

    @property
    def banks(self) -> int:
        """Rows that are visited at a time, one of each bank: row j lies in bank j modulo this; all, of a crossbar."""
        return self.rows if self.crossbar else self.config.banks[self.number - 1]

    @property
    def ports(self) -> int:
        """Ports of each of these memories: 2, one to read and one to write, or 1 for both in turn."""
        return self.config.ports[self.number - 1]

    @property
    def rate(self) -> int:
        """Initial learning rate in 1/256, 0 to 256."""
        return self.config.rates[self.number - 1]

    # -- its units --------------------------------------------------------------------------------------------

    @property
    def unit_width(self) -> int:
        """Units that move in a clock cycle: units of a word of their states.

        In the output layer it is one, as one table of noise serves all; above a crossbar, each unit has a table.
        """
        if not self.hidden:
            return self.units if self.crossbar else 1
        return self.config.unit_lanes[self.number - 1] or self.lanes

    @property
    def unit_fold(self) -> int:
        """Words, and so clock cycles, in which the units move."""
        return -(-self.units // self.unit_width)

    @property
    def dropout(self) -> int:
        """Probability in 1/256, 0 to 255, that a unit is silent; 0 in the output layer, which never drops any."""
        return self.config.dropout[self.number - 1] if self.hidden else 0
