"""The sample memory: what is offered stays, and what is damaged is not shown."""

from __future__ import annotations

from amaranth import Cat, Mux, Signal
from amaranth.lib.crc import catalog

from backspike.config import NetworkConfig
from backspike.hdl.memory import arbiter, block_ram, decoder, fetcher, player, results
from backspike.model.records import longest_record

from .contracts import assume_held, claim_held
from .proof import Bench, Proof, mutant
from .streams import proof, stays

RATE = NetworkConfig(name="rate", layers=(3, 2), ticks=3, weight_bits=4, weight_frac=2, lfsr_bits=24)
RECORDED = NetworkConfig(layers=(9, 2), ticks=2, input="spikes", weight_bits=4, weight_frac=2, lfsr_bits=24)
BITS = 4


def in_block_ram(bench: Bench) -> None:
    claim_held(bench, bench.unit.memory.read)


def arbitrated(bench: Bench) -> None:
    claim_held(bench, bench.unit.memory.burst)
    claim_held(bench, bench.unit.memory.written)


def decoded(bench: Bench) -> None:
    """Of a record that stays, in a memory that gives the word of the last clock's address."""
    unit = bench.unit
    waits = unit.samples.valid & ~unit.samples.ready
    stays(bench, waits, unit.label, unit.learn, unit.words)
    same = bench.past(unit.address) == bench.past(unit.address, 2)
    bench.assume(~same | (unit.data == bench.past(unit.data)))
    claim_held(bench, unit.samples)


def kept(bench: Bench) -> None:
    """Of samples that are expected until they are counted; no run begins before."""
    unit = bench.unit
    assume_held(bench, unit.expected)
    bench.assume(~unit.begin | ~(unit.store.valid | unit.counted.valid))
    bench.claim((bench.inner("fsm_state") == 0) | unit.expected.valid)
    claim_held(bench, unit.store)
    claim_held(bench, unit.counted)


def fetched(bench: Bench) -> None:
    """What is offered stays; and it is damaged, or its words have the sum, over its address too, that stands there.

    What is summed up here is what comes from the memory, two words of an entry and then those of a record, each when
    the next one comes: so the last is not.
    """
    m, unit = bench.m, bench.unit
    claim_held(bench, unit.fetch)
    claim_held(bench, unit.records)
    m.submodules.naive = naive = catalog.CRC16_IBM_3740(data_width=16).create()
    count = Signal(range(4))
    low, last, summed = Signal(16), Signal(16), Signal(16)
    word = unit.words.payload
    taken = unit.words.valid & unit.words.ready
    address = bench.past(bench.named(taken & (count == 1)))
    m.d.comb += [
        naive.data.eq(Cat(summed[8:], summed[:8])),
        naive.start.eq(address),
        naive.valid.eq(address | bench.past(address) | (taken & (count == 3))),
        summed.eq(Mux(address, low, last)),
    ]
    with m.If(taken):
        m.d.sync += [count.eq(Mux(count == 3, 3, count + 1)), last.eq(word)]
        with m.If(count == 0):
            m.d.sync += low.eq(word)
        with m.If(count == 1):
            m.d.sync += last.eq(word & 0xFF)
    with m.If(unit.entries.valid & unit.entries.ready):
        m.d.sync += count.eq(0)
    filling, held = bench.inner("filling"), bench.inner("held")
    offered = bench.past(bench.named(bench.running)) & (filling != bench.past(filling))
    layout = fetcher.record_layout(RATE)
    places = [layout(held[start : start + layout.size]) for start in (0, layout.size)]
    damaged = Mux(bench.past(filling), places[1].damaged, places[0].damaged)
    bench.claim(~offered | damaged | (naive.crc == last))


def played(bench: Bench) -> None:
    """While a record is played nothing else comes to its place: what is not idle fills one that is free."""
    unit = bench.unit
    idle = bench.inner("fetcher.fsm_state") == 0
    full, filling = bench.inner("fetcher.full"), bench.inner("fetcher.filling")
    shown, playing = bench.inner("fetcher.shown"), bench.inner("playing")
    bench.claim(idle | ~full.bit_select(filling, 1))
    bench.claim(~playing | full.bit_select(shown, 1))
    bench.claim((bench.inner("decoder.fsm_state") == 0) | playing)
    # The flags of a run are loaded before it begins; a run ends when nothing is played.
    stays(bench, playing, bench.inner("flags"))
    claim_held(bench, unit.samples)
    claim_held(bench, unit.requests)


HASTY = mutant(block_ram, "(~memory.read.valid | memory.read.ready)", "1")
UNASKED = mutant(arbiter, "with m.If(memory.burst.ready):", "with m.If(1):")
RUNNING_ON = mutant(decoder, "with m.If(take | fill):", "with m.If(1):")
UNSTORED = mutant(results, "with m.If(self.store.ready):", "with m.If(1):")
CREDULOUS = mutant(fetcher, "offer(record_crc.crc != word)", "offer(0)")
# With numbers of a byte, so that it comes to a register soon.
UNHEARD = mutant(player, "with m.If(self.requests.ready):", "with m.If(1):", _NUMBER_BYTES=1)

PROOFS = [
    proof(
        "block_ram",
        "BlockRam: read",
        lambda: block_ram.BlockRam(2),
        in_block_ram,
        lambda: HASTY.BlockRam(2),
        quick=True,
    ),
    proof(
        "arbiter",
        "MemoryArbiter: burst, written",
        lambda: arbiter.MemoryArbiter(BITS),
        arbitrated,
        lambda: UNASKED.MemoryArbiter(BITS),
    ),
    proof(
        "decoder",
        "RecordDecoder, rate-coded: samples",
        lambda: decoder.RecordDecoder(RATE),
        decoded,
        lambda: RUNNING_ON.RecordDecoder(RATE),
        twin_depth=14,
        held=("RecordDecoder.samples",),
    ),
    proof(
        "decoder_spikes",
        "RecordDecoder, recorded spikes: samples",
        lambda: decoder.RecordDecoder(RECORDED),
        decoded,
        lambda: RUNNING_ON.RecordDecoder(RECORDED),
        twin_depth=14,
    ),
    proof(
        "results",
        "ResultKeeper: store, counted",
        lambda: results.ResultKeeper(RATE, BITS),
        kept,
        lambda: UNSTORED.ResultKeeper(RATE, BITS),
        twin_depth=12,
        held=("ResultKeeper.store", "ResultKeeper.counted"),
    ),
    proof(
        "player",
        "SamplePlayer: samples, requests",
        lambda: player.SamplePlayer(RATE, BITS),
        played,
        lambda: UNHEARD.SamplePlayer(RATE, BITS),
        twin_depth=32,
        held=("SamplePlayer.samples", "SamplePlayer.requests"),
    ),
    Proof(
        "fetcher",
        f"RecordFetcher, records of up to {longest_record(RATE)} words",
        "a record that is offered is damaged, or has a right CRC",
        lambda: fetcher.RecordFetcher(RATE, BITS),
        fetched,
        depth=18,
        unbounded=False,
        twin=lambda: CREDULOUS.RecordFetcher(RATE, BITS),
        held=("RecordFetcher.fetch", "RecordFetcher.records"),
    ),
]
