"""The register file: every access is answered, whatever it is for."""

from __future__ import annotations

from amaranth import Mux, Signal

from backspike.config import NetworkConfig
from backspike.hdl import registers
from backspike.registers import RegisterMap

from .contracts import assume_held, claim_held
from .proof import Bench, Proof, mutant

CONFIG = NetworkConfig(layers=(3, 2, 2), weight_bits=4, weight_frac=2, ticks=4, lfsr_bits=24)
WINDOW_CLOCKS = 4


def environment(bench: Bench) -> None:
    """The network's part: it becomes quiet, shows each counter in its turn, and layers 1 to L give their weights."""
    m, unit = bench.m, bench.unit
    kinds = len(RegisterMap(CONFIG).counters)
    assume_held(bench, unit.requests)
    # Held, no sample begins, and the one that is shown ends: within three clocks here.
    held = Signal(range(4))
    m.d.sync += held.eq(Mux(unit.hold, Mux(held == 3, 3, held + 1), 0))
    bench.assume((held != 3) | unit.quiet)
    bench.assume(~(bench.past(bench.named(unit.hold & unit.quiet)) & unit.hold) | unit.quiet)
    # A counter every second clock.
    beat = Signal(range(2 * kinds))
    m.d.sync += beat.eq(Mux(beat == 2 * kinds - 1, 0, beat + 1))
    bench.assume((unit.count.valid == beat[0]) & (unit.count.kind == beat >> 1))
    bench.claim(beat < 2 * kinds)
    # A layer answers in the clock in which the request has been there for four; what is no layer never does.
    known = bench.named((unit.weight_layer >= 1) & (unit.weight_layer <= CONFIG.depth))
    asked = Signal(range(WINDOW_CLOCKS + 1))
    m.d.sync += asked.eq(Mux(unit.weight.valid & ~unit.weight.done, asked + 1, 0))
    bench.assume(unit.weight.done == ((asked == WINDOW_CLOCKS) & known))
    bench.claim(asked <= WINDOW_CLOCKS)


def answered(bench: Bench) -> None:
    """Within a bound a request is answered, once."""
    environment(bench)
    m, unit = bench.m, bench.unit
    kinds = len(RegisterMap(CONFIG).counters)
    accepted = unit.requests.valid & unit.requests.ready
    given = unit.responses.valid & unit.responses.ready
    owed = Signal()
    with m.If(accepted):
        m.d.sync += owed.eq(1)
    with m.Elif(given):
        m.d.sync += owed.eq(0)
    bench.claim(~unit.responses.valid | owed)
    bench.claim(~(accepted & owed))
    bench.claim(owed | unit.requests.ready)
    counters = [RegisterMap(CONFIG)[name].address for name in RegisterMap(CONFIG).counters]
    counted = Signal()
    with m.If(accepted):
        m.d.sync += counted.eq(unit.requests.p.address.matches(*counters))
    most = Mux(counted, 2 * kinds + 4, 3 + WINDOW_CLOCKS + 4)
    waited = Signal(range(2 * kinds + 5))
    m.d.sync += waited.eq(Mux(owed & ~unit.responses.valid, waited + 1, 0))
    bench.claim(waited < most)


def held(bench: Bench) -> None:
    claim_held(bench, bench.unit.responses)


def unit(module):
    return lambda: module.RegisterFile(CONFIG)


NO_LIMIT = mutant(registers, "known & (row <= rows[index])", "(row <= rows[index])")

UNHEARD = mutant(registers, "with m.If(self.responses.ready):", "with m.If(1):")

PROOFS = [
    Proof(
        "registers_held",
        "RegisterFile: responses",
        "what is offered stays, unchanged, until it is taken",
        unit(registers),
        held,
        depth=3,
        held=("RegisterFile.responses",),
        twin=unit(UNHEARD),
    ),
    Proof(
        "registers_answer",
        "RegisterFile of three layers",
        "every access is answered once, within a bound: any address; any layer, row, word and lane in the window",
        unit(registers),
        answered,
        depth=2 * len(RegisterMap(CONFIG).counters) + 14,
        unbounded=False,
        twin=unit(NO_LIMIT),
        twin_depth=24,
        quick=True,
    ),
]
