"""Every output stream: what is offered stays, unchanged, until it is taken. Those of other files here are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth import Cat, Mux, Signal, Value
from amaranth.lib import wiring

from backspike.config import NetworkConfig
from backspike.hdl import entries, input, lines, network, pixel_lists, recorded_spikes, serialiser, wins
from backspike.hdl.link import body, executor, lists

from . import registers
from .contracts import assume_held, claim_held
from .proof import Bench, Proof, mutant

TINY = NetworkConfig(name="tiny", layers=(8, 4, 3), ticks=8, weight_bits=6, weight_frac=4, input_lfsrs=2)
BANKS = NetworkConfig(layers=(6, 3), ticks=4, banks=(2,), input_lfsrs=4)
CROSSBAR = TINY.replace(synapses="crossbar")
RECORDED = NetworkConfig(layers=(6, 3), ticks=4, input="spikes", input_lfsrs=2, patience=2)


def stays(bench: Bench, condition: Any, *values: Any) -> None:
    """Assume that values stay after a cycle in which the condition holds."""
    before = bench.past(bench.named(Value.cast(condition) & bench.running))
    for value in values:
        value = Value.cast(value)
        bench.assume(~before | (value == bench.past(bench.named(value))))


def joined(path: str, banks: int) -> Callable[[Bench], None]:
    """Claim of `visits` that it is held; `path` leads to the component that sorts them."""

    def claims(bench: Bench) -> None:
        unit = bench.unit
        stays(bench, unit.visits.valid & ~unit.visits.ready, unit.bias_permit)
        claim_held(bench, unit.visits)
        # Invariants: see `joiner.held`.
        held, kept = bench.inner(f"{path}joiner.held"), bench.inner(f"{path}joiner.kept")
        given = [(bench.inner(f"{path}serialiser_{bank}.o__valid"), bench.inner(f"{path}serialiser_{bank}.o__payload"))
                 for bank in range(banks)]  # fmt: skip
        there = Cat(valid & ~payload[-1] for valid, payload in given)
        bench.claim(~held | unit.visits.valid)
        bench.claim(~held | ((kept & ~there) == 0))

    return claims


def listed(bench: Bench) -> None:
    """Lists of entries, of a sample that is shown from its start to its end; draws stay until they are used."""
    m, unit = bench.m, bench.unit
    inputs = BANKS.layers[0]
    assume_held(bench, unit.samples)
    showing = Signal()
    m.d.sync += showing.eq(unit.start | (showing & ~unit.ended))
    bench.assume(unit.showing == showing)
    bench.assume(~unit.listing | showing)
    bench.assume(~unit.ended | showing)
    bench.assume(~unit.start | (unit.available & ~showing))
    # No more of a list's entries count than there are inputs.
    counted = Signal(range(inputs + 1))
    taken = unit.samples.valid & unit.samples.ready
    m.d.sync += counted.eq(Mux(taken & unit.samples.p.last, 0, counted + (taken & unit.counts)))
    bench.assume((counted < inputs) | ~unit.counts)
    draws, waits = unit.draws, unit.entries.valid & ~unit.entries.ready
    stays(bench, waits, unit.counts, draws.ready, draws.spikes, draws.permits, unit.listing)
    bench.assume(~waits | ~unit.ended)
    claim_held(bench, unit.entries)


def recorded(bench: Bench) -> None:
    """The same; an invariant: what is left of a sample is dropped after it, not while it is shown."""
    listed(bench)
    bench.claim(~(bench.inner("dropping") & bench.unit.showing))


def read_in(bench: Bench) -> None:
    """Of bytes that stay until they are taken."""
    assume_held(bench, bench.unit.i)
    claim_held(bench, bench.unit.samples)


def executed(bench: Bench) -> None:
    """Of a request that stays, whatever its body is."""
    unit = bench.unit
    stays(bench, unit.requests.valid & ~unit.requests.ready, unit.kind)
    claim_held(bench, unit.requests)
    # A reset of the network, in which it does not listen, empties what is on the way to it.
    before = bench.past(bench.named(unit.samples.valid & ~unit.samples.ready & ~unit.reset & bench.running))
    payload = Value.cast(unit.samples.payload)
    bench.claim(~before | (unit.samples.valid & (payload == bench.past(payload))))


def read(bench: Bench) -> None:
    """As long as nobody goes back to the first byte; the memory gives the byte of the last clock's address."""
    unit = bench.unit
    stays(bench, bench.running, unit.size)
    waits = bench.past(bench.named(unit.o.valid & ~unit.o.ready & ~unit.rewind & bench.running))
    same = bench.past(unit.address) == bench.past(unit.address, 2)
    bench.assume(~same | (unit.data == bench.past(unit.data)))
    bench.claim(~waits | (unit.o.valid & (unit.o.payload == bench.past(unit.o.payload))))


def of(name: str) -> Callable[[Bench], None]:
    return lambda bench: claim_held(bench, getattr(bench.unit, name))


def both(bench: Bench) -> None:
    claim_held(bench, bench.unit.results)
    claim_held(bench, bench.unit.responses)


def proof(
    name: str, component: str, unit: Callable[[], wiring.Component], claims, twin, depth: int = 3, **options
) -> Proof:
    claim = "what is offered stays, unchanged, until it is taken"
    return Proof(f"held_{name}", component, claim, unit, claims, depth=depth, twin=twin, **options)


def flagged(bench: Bench) -> None:
    """Of flags that stay while a list of them is offered."""
    unit = bench.unit
    waits = unit.visits.valid & ~unit.visits.ready
    stays(bench, waits, unit.spike, unit.gate, unit.permit, unit.gates, unit.bias_permit)
    claim_held(bench, unit.visits)


def gathered(bench: Bench) -> None:
    """Of words that may come at any time, and a bias row that may learn or not as long as the visit waits."""
    unit = bench.unit
    stays(bench, unit.visits.valid & ~unit.visits.ready, unit.bias_permit)
    claim_held(bench, unit.visits)


RESTLESS = mutant(serialiser, "moving = ~self.o.valid | self.o.ready", "moving = ~self.o.ready | self.o.valid")
HASTY_ENTRIES = mutant(entries, "class EntrySorter", "class EntrySorter", Serialiser=RESTLESS.Serialiser)
OVERWRITTEN = mutant(wins, "free.eq(~self.results.valid | self.results.ready)", "free.eq(1)")

HASTY_INPUT = mutant(input, "class InputLayer", "class InputLayer", EntrySorter=HASTY_ENTRIES.EntrySorter)
SPEAKING_OVER = mutant(network, "class NetworkTop", "class NetworkTop", RegisterFile=registers.UNHEARD.RegisterFile)
RUNNING_ON = mutant(pixel_lists, "position + accepted)", "position + entries.valid)")
UNTAKEN = mutant(recorded_spikes, "(entries.ready & self.listing & draws.ready)", "(self.listing & draws.ready)")
UNHEARD = mutant(executor, "with m.If(self.requests.ready):\n", "with m.If(1):\n")
RENEWED = mutant(lists, "free.eq(~self.samples.valid | self.samples.ready)", "free.eq(1)")
MINGLED = mutant(lines, "self.entries.ready.eq(~complete | self.visits.ready)", "self.entries.ready.eq(1)")
FALLING = mutant(lines, "m.If(self.start | self.visits.ready)", "m.If(1)")
HURRIED = mutant(body, "with m.Elif(self.o.valid & self.o.ready)", "with m.Elif(self.o.valid)")

PROOFS = [
    proof(
        "entries",
        "EntrySorter, 2 banks: visits",
        lambda: entries.EntrySorter(BANKS),
        joined("", 2),
        lambda: HASTY_ENTRIES.EntrySorter(BANKS),
        held=("EntrySorter.visits",),
    ),
    proof(
        "input",
        "InputLayer, 2 banks: visits",
        lambda: input.InputLayer(BANKS),
        joined("sorter.", 2),
        lambda: HASTY_INPUT.InputLayer(BANKS),
        twin_depth=14,
        held=("InputLayer.visits",),
    ),
    proof(
        "entry_lines",
        "EntryLines: visits",
        lambda: lines.EntryLines(CROSSBAR),
        gathered,
        lambda: MINGLED.EntryLines(CROSSBAR),
        held=("EntryLines.visits",),
    ),
    proof(
        "flag_lines",
        "FlagLines: visits",
        lambda: lines.FlagLines(CROSSBAR.weight_layer(2)),
        flagged,
        lambda: FALLING.FlagLines(CROSSBAR.weight_layer(2)),
        held=("FlagLines.visits",),
    ),
    proof(
        "pixels",
        "PixelLists: entries",
        lambda: pixel_lists.PixelLists(BANKS),
        listed,
        lambda: RUNNING_ON.PixelLists(BANKS),
        depth=14,
        unbounded=False,
        held=("PixelLists.entries",),
    ),
    proof(
        "spikes",
        "RecordedSpikes: entries",
        lambda: recorded_spikes.RecordedSpikes(RECORDED),
        recorded,
        lambda: UNTAKEN.RecordedSpikes(RECORDED),
        held=("RecordedSpikes.entries",),
    ),
    proof(
        "wins",
        "WinCounter: results",
        lambda: wins.WinCounter(TINY),
        of("results"),
        lambda: OVERWRITTEN.WinCounter(TINY),
        quick=True,
        held=("WinCounter.results",),
    ),
    proof(
        "lists",
        "ListReader: samples",
        lambda: lists.ListReader(TINY),
        read_in,
        lambda: RENEWED.ListReader(TINY),
        twin_depth=16,
        held=("ListReader.samples",),
    ),
    proof(
        "executor",
        "RequestExecutor: requests, samples",
        lambda: executor.RequestExecutor(TINY),
        executed,
        lambda: UNHEARD.RequestExecutor(TINY),
        twin_depth=12,
        # The link passes them on.
        held=("RequestExecutor.requests", "RequestExecutor.samples", "HostLink.requests", "HostLink.samples"),
    ),
    proof("body", "BodyReader: o", body.BodyReader, read, HURRIED.BodyReader, held=("BodyReader.o",)),
    proof(
        "network",
        "NetworkTop(tiny): results, responses",
        lambda: network.NetworkTop(TINY),
        both,
        lambda: SPEAKING_OVER.NetworkTop(TINY),
        # No response comes sooner after a reset.
        twin_depth=20,
        arrays=True,
        held=("NetworkTop.results", "NetworkTop.responses"),
    ),
]
