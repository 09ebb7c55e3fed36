"""The sample memory: what is offered stays, and what is damaged is not shown."""

from __future__ import annotations

from amaranth import Array, Cat, Const, Mux, Signal, Value

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
    claim_held(bench, unit.store)
    claim_held(bench, unit.counted)


def sum_of(bench: Bench, word: Value, state: Value) -> Value:
    """CRC-16/IBM-3740, bit by bit: the low byte's bits first, from the highest down."""
    for bit in (*range(7, -1, -1), *range(15, 7, -1)):
        shifted = Cat(Const(0, 1), state[:15])
        state = bench.named(Mux(state[15] ^ word[bit], shifted ^ 0x1021, shifted))
    return state


def fetched(bench: Bench) -> None:
    """What is offered stays; and it is damaged, or its words have the sum, over its address too, that stands there."""
    m, unit = bench.m, bench.unit
    claim_held(bench, unit.fetch)
    claim_held(bench, unit.records)
    count = Signal(range(3))
    before, after, last = Signal(16), Signal(16), Signal(16)
    word = bench.named(unit.words.payload)
    # An entry's two words are the record's address, but for a byte.
    address = sum_of(bench, bench.named(word & 0xFF), sum_of(bench, last, Const(0xFFFF, 16)))
    with m.If(unit.words.valid & unit.words.ready):
        m.d.sync += [last.eq(word), before.eq(after), count.eq(Mux(count == 2, 2, count + 1))]
        m.d.sync += after.eq(Mux(count == 1, address, sum_of(bench, word, after)))
    with m.If(unit.entries.valid & unit.entries.ready):
        m.d.sync += count.eq(0)
    filling, held = bench.inner("filling"), bench.inner("held")
    offered = bench.past(bench.named(bench.running)) & (filling != bench.past(filling))
    damaged = Array(Value.cast(held[number].damaged) for number in range(2))[bench.past(filling)]
    bench.claim(~offered | damaged | (before == last))


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
RUNNING_ON = mutant(decoder, "place + (take & there)", "place + there")
UNSTORED = mutant(results, "with m.If(self.store.ready):", "with m.If(1):")
CREDULOUS = mutant(fetcher, "offer(record_crc.crc != word)", "offer(0)")
HURRIED = mutant(player, "class SamplePlayer", "class SamplePlayer", RecordDecoder=RUNNING_ON.RecordDecoder)

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
        held=("RecordDecoder.samples",),
    ),
    proof(
        "decoder_spikes",
        "RecordDecoder, recorded spikes: samples",
        lambda: decoder.RecordDecoder(RECORDED),
        decoded,
        lambda: RUNNING_ON.RecordDecoder(RECORDED),
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
        lambda: HURRIED.SamplePlayer(RATE, BITS),
        twin_depth=100,
        held=("SamplePlayer.samples", "SamplePlayer.requests"),
    ),
    Proof(
        "fetcher",
        f"RecordFetcher, records of up to {longest_record(RATE)} words",
        "a record that is offered is damaged, or has a right CRC",
        lambda: fetcher.RecordFetcher(RATE, BITS),
        fetched,
        depth=20,
        unbounded=False,
        twin=lambda: CREDULOUS.RecordFetcher(RATE, BITS),
        held=("RecordFetcher.fetch", "RecordFetcher.records"),
    ),
]
