"""Benches of `backspike.hdl.neuron` against `backspike.model.neuron`."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model.neuron import CompositeNeurons, Membrane

from .bench import Bench

CASES = 600


class CombinationalBench(Bench):
    """Cases are the units of one model layer, drawn and computed at once, and shown one per cycle."""

    def draw(self, bits: int, near: tuple[int, ...] = (0,)) -> NDArray[np.int64]:
        """Draw signed numbers of some bits: a third extremes, a third near some values, a third anywhere."""
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        close = [min(max(value + self.random.randint(-3, 3), low), high) for value in near for _ in range(3)]
        return np.array(
            [
                self.random.choice([low, high, *close, *[self.random.randint(low, high)] * len(close)])
                for _ in range(CASES)
            ]
        )

    def flags(self) -> NDArray[np.bool_]:
        """Draw a flag for each case."""
        return np.array([self.random.getrandbits(1) for _ in range(CASES)], dtype=np.bool_)


class MembraneBench(CombinationalBench):
    """The job has ``drive_bits`` and ``leak``."""

    async def run(self) -> None:
        """Compare state and potential, for a first tick and later ones."""
        bits, leak = self.job["drive_bits"], self.job["leak"]
        drive, state, first = self.draw(bits), self.draw(bits + leak), self.flags()
        results = {}
        for value in (False, True):
            model = Membrane(CASES, leak)
            model.state[:] = state
            potential = model.integrate(drive, value)
            results[value] = (model.state, potential)
        for case in range(CASES):
            inputs = {"drive": int(drive[case]), "first": int(first[case]), "state": int(state[case])}
            self.unit.put(**inputs)
            await self.unit.edge
            expected = tuple(int(part[case]) for part in results[bool(first[case])])
            got = (self.unit.get("following"), self.unit.get("potential"))
            assert got == expected, f"{inputs}: expected state and potential {expected}, got {got}"


class NeuronBench(CombinationalBench):
    """The job has ``config``, ``dropout``, ``drive_bits`` and ``error_bits``."""

    async def run(self) -> None:
        """Compare all outputs, for a first tick and later ones, learned or not, with several rates of the next one."""
        job, config = self.job, NetworkConfig.from_dict(self.job["config"])
        a, b = config.activation_bits, config.error_bits
        for next_rate in (0, 1, 100, 255, 256):
            for first, learn in itertools.product((False, True), repeat=2):
                draws = np.array([self._draw(config) for _ in range(CASES)], dtype=np.uint64)
                rho_back = (draws >> np.uint64(a)).astype(np.int64) & ((1 << b) - 1)
                drive = self.draw(job["drive_bits"], (0, 1 << a, self.random.getrandbits(a)))
                magnitude = np.minimum(self._magnitude(rho_back), (1 << job["error_bits"]) - 1)
                negative = self.flags()
                model = CompositeNeurons(config, draws, job["dropout"])
                # The gate is looked at where errors come from.
                model.gate, model.dropped = np.ones(CASES, dtype=np.bool_), (dropped := self.flags())
                model.membrane[:] = membrane = self.draw(job["drive_bits"] + config.leak, (0, 1 << (a + config.leak)))
                model.tick(drive, first, np.where(negative, -magnitude, magnitude), next_rate, learn)
                outputs = {
                    "spike": model.spike,
                    "gate": model.gate,
                    "permit": model.permit,
                    "dropped": model.dropped,
                    "error_pos": model.error_pos,
                    "error_neg": model.error_neg,
                    "membrane_following": model.membrane,
                }
                for case in range(CASES // 10):
                    inputs = {
                        "draw": int(draws[case]),
                        "drive": int(drive[case]),
                        "first": int(first),
                        "membrane": int(membrane[case]),
                        "next_rate": next_rate,
                        "learn": int(learn),
                        "dropped_before": int(dropped[case]),
                        "error_magnitude": int(magnitude[case]),
                        "error_negative": int(negative[case]),
                    }
                    self.unit.put(**inputs)
                    await self.unit.edge
                    for name, values in outputs.items():
                        got = self.unit.get(name)
                        assert got == values[case], f"{inputs}: expected {name} {int(values[case])}, got {got}"

    def _draw(self, config: NetworkConfig) -> int:
        bits = config.hidden_draw_bits
        return self.random.choice([0, (1 << bits) - 1, *[self.random.getrandbits(bits)] * 4])

    def _magnitude(self, rho_back: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw errors, most of them within one of what they are compared with."""
        near = np.array([self.random.choice([-1, 0, 1]) for _ in range(CASES)])
        anywhere = np.array([self.random.getrandbits(self.job["error_bits"]) for _ in range(CASES)])
        return np.where(self.flags(), np.maximum(rho_back + near, 0), anywhere)
