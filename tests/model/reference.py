"""A second implementation of the whole tick, written from the documentation to be obviously right, not fast.

Plain Python: integers in lists, LFSRs as lists of single bits, one unit after the other, no arrays and
nothing from `backspike.model`. The polynomials are in the form in which tables of shift registers print them,
as delays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from backspike.config import NetworkConfig

__all__ = ["Lfsr", "ReferenceNetwork", "seeds"]

DELAYS: dict[int, tuple[int, ...]] = {
    16: (16, 14, 13, 11),
    24: (24, 23, 21, 20),
    32: (32, 30, 26, 25),
    40: (40, 37, 36, 35),
    48: (48, 44, 41, 39),
    64: (64, 63, 61, 60),
}
"""A new bit of an LFSR is the parity of the bits that came so many places before it."""

SEEDING_DELAYS: dict[int, tuple[int, ...]] = {
    16: (16, 13, 12, 11),
    24: (24, 23, 22, 17),
    32: (32, 30, 27, 24),
    40: (40, 35, 33, 32),
    48: (48, 42, 40, 39),
    64: (64, 62, 61, 60),
}


class Lfsr:
    """An LFSR: a window of `width` bits on an endless sequence, oldest bit first."""

    def __init__(self, width: int, state: int, delays: dict[int, tuple[int, ...]] = DELAYS) -> None:
        self.bits = [(state >> place) & 1 for place in range(width)]
        self._delays = delays[width]

    @property
    def state(self) -> int:
        """The window as a number, oldest bit lowest."""
        return sum(bit << place for place, bit in enumerate(self.bits))

    def take(self, *counts: int) -> list[int]:
        """Take numbers of the given widths from the oldest bits on, and move the window past them."""
        numbers, place = [], 0
        for count in counts:
            numbers.append(sum(self.bits[place + n] << n for n in range(count)))
            place += count
        if not any(self.bits):
            self.bits[0] = 1
        for _ in range(place):
            self.bits.append(sum(self.bits[-delay] for delay in self._delays) % 2)
            del self.bits[0]
        return numbers


def seeds(seed: int, count: int, width: int) -> list[int]:
    """Return the first states of LFSRs 0 .. count-1."""
    golden = int((math.isqrt(5 << 128) - (1 << 64)) >> 1)  # 2**64 / golden ratio
    register = Lfsr(width, (seed * golden) % 2**64 // 2 ** (64 - width) or 1, SEEDING_DELAYS)
    states = []
    for _ in range(count):
        register.take(width)
        states.append(register.state)
    return states


def reversed_byte(number: int) -> int:
    """Return the lowest 8 bits, in reverse order."""
    return int(f"{number % 256:08b}"[::-1], 2)


def pascal(number: int) -> int:
    """Return the number of 8 bits whose bit k is the parity of C(i, k) over the bits i that are set in `number`."""
    bits = [i for i in range(8) if number >> i & 1]
    return sum(sum(math.comb(i, k) for i in bits) % 2 << k for k in range(8))


class Layer:
    """What one weight layer and its units hold: all of it plain numbers and lists."""

    def __init__(self, weights: Any, lfsrs: list[Lfsr], bias_lfsr: Lfsr) -> None:
        self.weights = [[int(weight) for weight in row] for row in weights]
        self.lfsrs = lfsrs
        self.bias_lfsr = bias_lfsr
        self.membrane = [0] * len(lfsrs)
        self.clear()

    def clear(self) -> None:
        """Forget everything that is registered between ticks."""
        units = len(self.lfsrs)
        self.spike, self.gate, self.permit = [False] * units, [False] * units, [False] * units
        self.dropped = [False] * units
        self.error_pos, self.error_neg = [False] * units, [False] * units
        self.winner = 0


class ReferenceNetwork:
    """The network: `layers[l - 1]` is weight layer l."""

    def __init__(self, config: NetworkConfig, weights: Sequence[Any]) -> None:
        self.config = config
        self.rates = list(config.rates)
        width = config.lfsr_bits
        count = config.input_lfsrs + sum(units + 1 for units in config.layers[1:])
        lfsrs = [Lfsr(width, state) for state in seeds(config.seed, count, width)]
        self.input_lfsrs = [lfsrs.pop(0) for _ in range(config.input_lfsrs)]
        self.phases: dict[int, int] = {}
        self.layers = []
        for units, matrix in zip(config.layers[1:], weights, strict=True):
            own = [lfsrs.pop(0) for _ in range(units)]
            self.layers.append(Layer(matrix, own, lfsrs.pop(0)))
        scale = 2**config.weight_frac * config.temperature
        self.gumbel = [round(scale * -math.log(-math.log((n + 0.5) / 1024))) for n in range(1024)]
        self.samples = self.ticks = self.error_ticks = 0
        self.rows = [0] * config.depth
        self.writes = [0] * config.depth

    def run(
        self, values: Any, label: int, learn: bool, observe: Callable[[int], None] = lambda tick: None
    ) -> list[int]:
        """Show a sample and return the wins of each class; `values` as in `Sample`, indexable."""
        for layer in self.layers:
            layer.clear()
        wins = [0] * self.config.layers[-1]
        winners: list[int] = []
        last_tick = self.config.ticks - 1
        patience = self.config.patience
        if not learn and self.config.inference_patience is not None:
            patience = self.config.inference_patience
        for tick in range(self.config.ticks):
            self.tick(tick, values if self.config.input == "rate" else values[tick], label, learn)
            if tick >= self.config.depth - 1:
                winners.append(self.layers[-1].winner)
                wins[winners[-1]] += 1
            observe(tick)
            if tick == last_tick:
                break
            latest = winners[-patience:] if patience else []
            awaited = label if learn else winners[-1] if winners else None
            if len(latest) == patience > 0 and set(latest) == {awaited}:
                last_tick = min(last_tick, tick + 1)
        self.samples += 1
        return wins

    def tick(self, tick: int, values: Any, label: int, learn: bool) -> None:
        """Do one tick: first every layer reads what is registered, then every register moves."""
        depth = self.config.depth
        working = [number for number in range(depth) if tick >= number]
        drives: dict[int, list[int]] = {}
        errors: dict[int, list[int]] = {}

        erring = False
        for number in working:
            layer = self.layers[number]
            spiking, learning = self.input_rows(number, tick, values)
            units = range(len(layer.lfsrs))
            drives[number] = [sum(layer.weights[row][unit] for row in spiking) for unit in units]
            visited = len(spiking)
            if any(layer.error_pos) or any(layer.error_neg):
                erring = True
                if number > 0:
                    before = self.layers[number - 1]
                    errors[number - 1] = [
                        sum(layer.weights[row][unit] for unit in units if layer.error_pos[unit])
                        - sum(layer.weights[row][unit] for unit in units if layer.error_neg[unit])
                        for row in range(len(before.lfsrs))
                    ]
                    open_rows = [row for row in range(len(before.lfsrs)) if before.spike[row] or before.gate[row]]
                    visited = len(open_rows) + 1
                self.writes[number] += len(learning)
                for row in learning:
                    for unit in units:
                        self.learn(layer, row, unit)
            self.rows[number] += visited

        for number in working:
            layer = self.layers[number]
            for unit, drive in enumerate(drives[number]):
                if tick == number:
                    layer.membrane[unit] = drive * 2**self.config.leak
                else:
                    # Floor division is the arithmetic shift.
                    layer.membrane[unit] += (drive * 2**self.config.leak - layer.membrane[unit]) // 2**self.config.leak
            if number == depth - 1:
                self.race(layer, label, learn)
            else:
                for unit in range(len(layer.lfsrs)):
                    error = errors[number][unit] if number in errors else 0
                    drop = self.config.dropout[number] if tick == number or not learn else None
                    self.fire(layer, unit, error, self.rates[number + 1], drop)
        self.ticks += 1
        self.error_ticks += erring

    def input_rows(self, number: int, tick: int, values: Any) -> tuple[list[int], list[int]]:
        """Return the rows of a layer that spike, and those of them that may learn; the bias row comes last."""
        spiking, learning = [], []
        if number == 0:
            listed = [row for row in range(self.config.layers[0]) if values[row] != 0]
            for place, row in enumerate(listed):
                turn, lfsr = divmod(place, self.config.input_lfsrs)
                draw, permission = self.input_lfsrs[lfsr].take(8, 8)
                if self.config.input_draws == "stratified":
                    if tick == 0 and turn == 0:
                        self.phases[lfsr] = draw
                    draw = self.phases[lfsr] ^ reversed_byte(tick) ^ reversed_byte(pascal(turn))
                if self.config.input == "spikes" or draw < values[row]:
                    spiking.append(row)
                    if permission < self.rates[0]:
                        learning.append(row)
        else:
            before = self.layers[number - 1]
            for row in range(len(before.lfsrs)):
                if before.spike[row]:
                    spiking.append(row)
                    if before.permit[row]:
                        learning.append(row)
        bias = self.config.layers[number]
        spiking.append(bias)
        (permission,) = self.layers[number].bias_lfsr.take(8)
        if permission < self.rates[number]:
            learning.append(bias)
        return spiking, learning

    def learn(self, layer: Layer, row: int, unit: int) -> None:
        """Let a synapse of a row that spikes and may learn meet its unit's error spikes."""
        most = 2 ** (self.config.weight_bits - 1) - 1
        if layer.error_pos[unit] and layer.weights[row][unit] < most:
            layer.weights[row][unit] += 1
        if layer.error_neg[unit] and layer.weights[row][unit] > -most - 1:
            layer.weights[row][unit] -= 1

    def fire(self, layer: Layer, unit: int, error: int, next_rate: int, drop: int | None) -> None:
        """Move the registers of one hidden unit; with `drop` draw anew whether it is dropped."""
        config = self.config
        full = 2**config.activation_bits
        forward, backward, permission = layer.lfsrs[unit].take(config.activation_bits, config.error_bits, 8)
        layer.error_pos[unit] = layer.gate[unit] and error > backward
        layer.error_neg[unit] = layer.gate[unit] and -error > backward
        potential = layer.membrane[unit] // 2**self.config.leak
        if drop is not None:
            layer.dropped[unit] = permission < drop
        layer.spike[unit] = potential > forward and not layer.dropped[unit]
        layer.gate[unit] = 0 < potential < full and not layer.dropped[unit]
        layer.permit[unit] = permission < next_rate

    def race(self, layer: Layer, label: int, learn: bool) -> None:
        """Move the registers of the output layer."""
        units = range(len(layer.lfsrs))
        scores = [
            layer.membrane[unit] // 2**self.config.leak + self.gumbel[layer.lfsrs[unit].take(10)[0]] for unit in units
        ]
        layer.winner = scores.index(max(scores))
        wrong = learn and layer.winner != label
        layer.error_pos = [wrong and unit == label for unit in units]
        layer.error_neg = [wrong and unit == layer.winner for unit in units]
