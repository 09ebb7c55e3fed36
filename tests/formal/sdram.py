"""The controller of an SDRAM: a part has nothing to complain of, whatever the user does; no word is lost or changed."""

from __future__ import annotations

from dataclasses import replace

from amaranth import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.hdl.memory import sdram
from backspike.hdl.memory.port import memory_port
from backspike.sim.sdram import SdramModel, Violation

from .contracts import claim_held
from .proof import Bench, Proof, mutant

# So small, and so soon ready and refreshed, that it all happens in few cycles; no time follows from others.
CHIP = sdram.Sdram(bank_bits=1, row_bits=1, column_bits=1)
CYCLES = replace(
    CHIP.cycles(60),
    t_rp=2, t_rcd=3, t_ras=4, t_rc=7, t_rfc=3, t_wr=3, t_mrd=2, t_refi=20, power_up=10, refreshes=1,
)  # fmt: skip


class System(wiring.Component):
    """A controller, the registers at its pads, and a part, in one clock."""

    def __init__(self, controller: sdram.SdramController) -> None:
        self.controller = controller
        super().__init__({"memory": In(memory_port(CHIP.address_bits)), "violations": Out(len(Violation))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.controller = controller = self.controller
        m.submodules.model = model = SdramModel(CHIP, CYCLES)
        connect(m, flipped(self.memory), controller.memory)
        # The part is a part of a cycle later than its pads: what it sends is read in the cycle after its own.
        for name in model.pins.signature.members:
            if name != "read":
                m.d.sync += getattr(model.pins, name).eq(getattr(controller.pins, name))
        m.d.comb += [controller.pins.read.eq(model.pins.read), self.violations.eq(model.violations)]
        return m


def controller(module) -> sdram.SdramController:
    made = module.SdramController(CHIP, 60)
    made.cycles = CYCLES
    return made


def satisfied(bench: Bench) -> None:
    """Whatever bursts come, whatever words are given and taken, and whenever."""
    bench.assume(bench.unit.memory.burst.p.count != 0)
    bench.claim(bench.unit.violations == 0)


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
        lambda: System(controller(sdram)),
        satisfied,
        depth=64,
        unbounded=False,
        twin=lambda: System(controller(mutant(sdram, "wait(cycles.t_rp)", "wait(cycles.t_rp - 1)"))),
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
        quick=True,
    ),
]
