"""The controller of an SDRAM: a part has nothing to complain of, whatever the user does; no word is lost or changed."""

from __future__ import annotations

from dataclasses import replace

from amaranth import Value

from backspike.hdl.memory import sdram
from backspike.sim.sdram import SimulatedSdram

from .contracts import claim_held
from .proof import Bench, Proof, mutant

# So small, and so soon ready and refreshed, that it all happens in few cycles; no time follows from others.
CHIP = sdram.Sdram(bank_bits=1, row_bits=1, column_bits=1)
CYCLES = replace(
    CHIP.cycles(60),
    t_rp=2, t_rcd=3, t_ras=4, t_rc=7, t_rfc=3, t_wr=3, t_mrd=2, t_refi=20, power_up=10, refreshes=1,
)  # fmt: skip


def controller(module) -> sdram.SdramController:
    made = module.SdramController(CHIP, 60)
    made.cycles = CYCLES
    return made


def satisfied(bench: Bench) -> None:
    """Whatever bursts come, whatever words are given and taken, and whenever."""
    bench.assume(bench.unit.memory.burst.p.count != 0)
    bench.claim(bench.inner("model.violations") == 0)


def kept(bench: Bench) -> None:
    """Words that are promised are on their way or wait; so there is room for each when it comes."""
    unit = bench.unit
    promised, in_flight, level = (bench.inner(name) for name in ("promised", "in_flight", "words.level"))
    produce, consume = bench.inner("words.produce"), bench.inner("words.consume")
    bench.claim(promised == level + sum(Value.cast(in_flight)[place] for place in range(len(in_flight))))
    bench.claim(promised <= sdram.READ_WORDS)
    bench.claim((produce - consume)[: len(produce)] == level[: len(produce)])
    bench.claim(~in_flight[-1] | (level != sdram.READ_WORDS))
    claim_held(bench, unit.memory.read)


PROOFS = [
    Proof(
        "sdram_satisfied",
        "SdramController, a part of 8 words",
        "each time of the part is kept, each refresh comes in time, only one side drives the data",
        lambda: SimulatedSdram(controller(sdram)),
        satisfied,
        depth=64,
        unbounded=False,
        twin=lambda: SimulatedSdram(controller(mutant(sdram, "wait(cycles.t_rp)", "wait(cycles.t_rp - 1)"))),
        twin_depth=64,
    ),
    Proof(
        "sdram_kept",
        "SdramController: memory.read",
        "what is offered stays, unchanged, until it is taken; a word that comes always has a place",
        lambda: controller(sdram),
        kept,
        depth=3,
        twin=lambda: controller(mutant(sdram, "(promised != READ_WORDS)", "1", READ_WORDS=4)),
        twin_depth=50,
    ),
]
