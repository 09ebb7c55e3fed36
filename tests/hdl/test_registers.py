"""The register interface in hardware: every address, what waits and what does not, and the weight window."""

from __future__ import annotations

import random

from backspike.hdl.registers import RegisterFile
from backspike.sim.exercise import random_config

from .benches.registers import RegisterFileBench
from .benches.simulation import simulate
from .netlist import check_netlist
from .variants import FEW_AND_REST, choose

SEED = 20239


# Of no stalls and of stalls.
FEW = ["file_1_free", "file_2_stalled"]


def variants():
    generator = random.Random(SEED)
    # What a network is made of, and with which stalls: neither has much to do with the other.
    fixed = [
        ({"layers": (1, 2), "lanes": (1,)}, (0.4,)),
        ({"layers": (5, 3), "lanes": (3,), "lfsr_bits": 64}, (0,)),
        ({"layers": (7, 4, 3), "lanes": (4, 3), "banks": (4, 2)}, (0, 0.4)),
        ({"layers": (4, 7, 3), "lanes": (3, 2), "lfsr_bits": 32, "weight_bits": 16}, (0.4,)),
        ({}, (0,)),
    ]
    variants = {}
    for number, (values, stalled) in enumerate(fixed):
        config = random_config(generator.getrandbits(32), **values)
        for stalls in stalled:
            # Where four events come in a clock, it takes fewest of them.
            job = {"config": config.to_dict(), "stalls": stalls, "carries": max(config.banks) == 4 and not stalls}
            variants[f"file_{number}_{'stalled' if stalls else 'free'}"] = (RegisterFile(config), job)
    return variants


@FEW_AND_REST
def test_answers_every_access(few: bool) -> None:
    simulate(RegisterFileBench, choose(variants(), FEW, few), SEED)


def test_where_the_window_is_decides_nothing_at_once() -> None:
    """Layers of hundreds of lanes compare it too, all over a device: a path from there to the link is the longest."""
    config = random_config(SEED, layers=(7, 4, 3), lanes=(4, 3))
    cone = "%ci*:-$dff,$memrd_v2"
    checks = [f"select -assert-none o:requests__ready {cone} o:weight__{part} %i" for part in ("row", "word", "lane")]
    # What is chosen is not nothing.
    check_netlist(RegisterFile(config), [f"select -assert-any o:requests__ready {cone} i:quiet %i", *checks])
