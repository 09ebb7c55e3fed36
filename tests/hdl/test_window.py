"""The weight window's way: an access reaches the layer that it is for, and nobody else's answer comes back."""

from __future__ import annotations

import random

import pytest
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.window import WeightWindow

SEED = 417
CONFIGS = {
    "one layer": NetworkConfig(layers=(5, 3)),
    "three layers": NetworkConfig(layers=(9, 6, 4, 3), lanes=(2, 4, 1), weight_bits=5, weight_frac=3),
}
SENT = ("valid", "write", "row", "word", "lane", "w_data")
ANSWERED = ("r_data", "done")


@pytest.mark.parametrize("name", CONFIGS)
def test_an_access_is_for_one_layer(name: str) -> None:
    config, generator = CONFIGS[name], random.Random(SEED)
    window = WeightWindow(config)
    numbers = range(1 << len(window.layer))

    def draw(port, names: tuple[str, ...]) -> dict[str, int]:
        drawn = {}
        for member in names:
            shape = getattr(port, member).shape()
            low = -(1 << shape.width - 1) if shape.signed else 0
            drawn[member] = generator.randrange(low, low + (1 << shape.width))
        return drawn

    async def bench(context) -> None:
        for number in [*numbers, *generator.choices(numbers, k=60)]:
            sent = draw(window.access, SENT)
            answers = [draw(port, ANSWERED) for port in window.layers]
            context.set(window.layer, number)
            for member, value in sent.items():
                context.set(getattr(window.access, member), value)
            for port, answer in zip(window.layers, answers, strict=True):
                for member, value in answer.items():
                    context.set(getattr(port, member), value)
            for layer, port in enumerate(window.layers, start=1):
                assert context.get(port.valid) == (sent["valid"] and layer == number), f"seed {SEED}, layer {number}"
                if layer == number:
                    assert {member: context.get(getattr(port, member)) for member in SENT} == sent
            got = {member: context.get(getattr(window.access, member)) for member in ANSWERED}
            nothing = dict.fromkeys(ANSWERED, 0)
            assert got == (answers[number - 1] if 1 <= number <= config.depth else nothing), f"seed {SEED}"

    simulator = Simulator(window)
    simulator.add_testbench(bench)
    simulator.run()
