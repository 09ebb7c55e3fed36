"""The register file: every access is answered, whatever it is for."""

from __future__ import annotations

from typing import Any

from amaranth import Mux, Signal, Value

from backspike.config import NetworkConfig
from backspike.hdl import registers
from backspike.registers import Control, RegisterMap

from .contracts import assume_held, claim_held
from .proof import Bench, Proof, mutant

CONFIG = NetworkConfig(layers=(3, 2, 2), weight_bits=4, weight_frac=2, ticks=4, lfsr_bits=24)
WINDOW_CLOCKS = 4
ACCESS_CLOCKS = 40


def environment(bench: Bench) -> None:
    """The network's part: it becomes quiet, and layers 1 to L give their weights."""
    m, unit = bench.m, bench.unit
    assume_held(bench, unit.requests)
    # Held, no sample begins, and the one that is shown ends: within three clocks here.
    held = Signal(range(4))
    m.d.sync += held.eq(Mux(unit.hold, Mux(held == 3, 3, held + 1), 0))
    bench.assume((held != 3) | unit.quiet)
    bench.assume(~(bench.past(bench.named(unit.hold & unit.quiet)) & unit.hold) | unit.quiet)
    # A layer answers in the clock in which the request has been there for four; what is no layer never does.
    known = bench.named((unit.weight_layer >= 1) & (unit.weight_layer <= CONFIG.depth))
    asked = Signal(range(WINDOW_CLOCKS + 1))
    m.d.sync += asked.eq(Mux(unit.weight.valid & ~unit.weight.done, asked + 1, 0))
    bench.assume(unit.weight.done == ((asked == WINDOW_CLOCKS) & known))
    bench.claim(asked <= WINDOW_CLOCKS)


def slow(requests: Any, config: NetworkConfig) -> Value:
    """Whether a request takes long: a clear goes through the whole memory, and a counter is read in its turn.

    Both take as long as the bench of the unit waits for them, and no longer.
    """
    registers = RegisterMap(config)
    counters = [register.address for register in registers.counters.values()]
    address = requests.p.address
    clears = (address == registers["CONTROL"].address) & requests.p.data[Control.CLEAR_COUNTERS]
    return address.matches(*counters) | clears


def answered(bench: Bench) -> None:
    """Within a bound a request is taken, and then answered at once, and once."""
    environment(bench)
    m, unit = bench.m, bench.unit
    bench.assume(~unit.requests.valid | ~slow(unit.requests, CONFIG))
    accepted = bench.named(unit.requests.valid & unit.requests.ready)
    owed = Signal()
    with m.If(accepted):
        m.d.sync += owed.eq(1)
    with m.Elif(unit.responses.ready):
        m.d.sync += owed.eq(0)
    bench.claim(unit.responses.valid == owed)
    bench.claim(~(accepted & owed))
    waited = Signal(range(ACCESS_CLOCKS + 1))
    m.d.sync += waited.eq(Mux(unit.requests.valid & ~owed & ~accepted, waited + 1, 0))
    bench.claim(waited < ACCESS_CLOCKS)


def held(bench: Bench) -> None:
    claim_held(bench, bench.unit.responses)


READY = {
    'at = Signal(len(request.address) + 1, init=_half(registers["SEED_LOW"].address))': (
        'at = Signal(len(request.address) + 1, init=_half(registers["CONTROL"].address, 1))'
    )
}
"""As if all registers had been renewed, but for the last: the memory holds anything when a proof begins."""

ALL = mutant(registers, "class RegisterFile", "class RegisterFile", READY)

NO_LIMIT = mutant(registers, "(inside_before & (self.weight_layer != 0))", "inside_before", READY)

UNHEARD = mutant(registers, "with m.If(self.responses.ready):", "with m.If(1):", READY)


def unit(module):
    return lambda: module.RegisterFile(CONFIG)


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
        twin_depth=20,
    ),
    Proof(
        "registers_answer",
        "RegisterFile of three layers",
        "every access is answered once within a bound, but a clear and a counter's: any address, any place in a window",
        unit(ALL),
        answered,
        depth=ACCESS_CLOCKS + 4,
        unbounded=False,
        twin=unit(NO_LIMIT),
    ),
]
