"""A whole network, the least one: none stops, whatever samples and accesses come."""

from __future__ import annotations

from amaranth import Mux, Signal

from backspike.config import NetworkConfig
from backspike.hdl import layer, network

from .contracts import assume_held
from .proof import Bench, Proof, mutant
from .registers import ALL, NO_LIMIT, slow
from .wta import small

LEAST = NetworkConfig(
    layers=(1, 2), ticks=2, weight_bits=4, weight_frac=2, lfsr_bits=16, input_lfsrs=1, rates=(256,), lanes=(2,)
)
RESULT_CLOCKS = 48
ACCESS_CLOCKS = 64


def shown(bench: Bench) -> None:
    """Samples of a list of one entry, one after the other: each has its result within a bound."""
    m, unit = bench.m, bench.unit
    assume_held(bench, unit.samples)
    bench.assume(unit.samples.valid & unit.samples.p.last & unit.results.ready & ~unit.requests.valid)
    waited = Signal(range(RESULT_CLOCKS + 1))
    m.d.sync += waited.eq(Mux(unit.results.valid, 0, waited + 1))
    bench.claim(waited < RESULT_CLOCKS)


def accessed(bench: Bench) -> None:
    """Any accesses, and samples or none: each access has its response within a bound."""
    m, unit = bench.m, bench.unit
    assume_held(bench, unit.samples)
    assume_held(bench, unit.requests)
    bench.assume(unit.results.ready & unit.responses.ready)
    bench.assume(~unit.requests.valid | ~slow(unit.requests, LEAST))
    owed = Signal()
    waited = Signal(range(ACCESS_CLOCKS + 1))
    with m.If(unit.requests.valid & unit.requests.ready):
        m.d.sync += owed.eq(1)
    with m.Elif(unit.responses.valid):
        m.d.sync += owed.eq(0)
    m.d.sync += waited.eq(Mux((owed | unit.requests.valid) & ~unit.responses.valid, waited + 1, 0))
    bench.claim(waited < ACCESS_CLOCKS)
    bench.claim(~unit.responses.valid | owed)


def least(old: str = "class NetworkTop", new: str = "class NetworkTop", **names):
    """Return the network, with the small table of noise; or one with a change of its top, or of what it is made of."""
    outputs = mutant(layer, "class OutputLayer", "class OutputLayer", WinnerTakeAll=small().WinnerTakeAll)
    parts = {"OutputLayer": outputs.OutputLayer, "RegisterFile": ALL.RegisterFile, **names}
    return lambda: mutant(network, old, new, **parts).NetworkTop(LEAST)


PROOFS = [
    Proof(
        "network_results",
        "NetworkTop, 1 input, 2 classes, 2 ticks",
        f"samples that are offered have results within {RESULT_CLOCKS} clocks of the reset or the last one",
        least(),
        shown,
        depth=RESULT_CLOCKS + 32,
        unbounded=False,
        twin=least("source.start.eq(sequencer.begin)", "source.start.eq(0)"),
    ),
    Proof(
        "network_accesses",
        "NetworkTop, 1 input, 2 classes, 2 ticks",
        f"every access is answered within {ACCESS_CLOCKS} clocks, but a clear and a counter's; in any phase of samples",
        least(),
        accessed,
        depth=ACCESS_CLOCKS + 4,
        unbounded=False,
        # As if a layer that is none could be asked for a weight.
        twin=least(RegisterFile=NO_LIMIT.RegisterFile),
    ),
]
