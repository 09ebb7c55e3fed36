"""The link's frame receiver: no frame is offered whose CRC is wrong, and none is offered changed.

The checksum is left out: whether the sum of some bytes is right can be anything, and it is claimed that the receiver
sums up the bytes of its frame, all of them and no others, and goes by what it is told then.
"""

from __future__ import annotations

from amaranth import Cat, Mux, Signal

from backspike.hdl.link import receiver
from backspike.hdl.link.transport import Token
from backspike.link import CRC_BYTES, HEADER_BYTES

from .contracts import claim_held
from .proof import Bench, Proof, mutant

MOST = 8
"""Bytes of a frame here, instead of 1,024: a power of two as well, since places wrap around the memory."""


def right(bench: Bench) -> None:
    """What is offered is the last frame that came while none was looked at, whole, of a right sum, and unchanged."""
    m, unit = bench.m, bench.unit
    token, valid = unit.i.payload, unit.i.valid
    bench.constant(bench.place)
    ends = (token.kind == Token.END) | (token.kind == Token.BROKEN)

    # The naive receiver: a frame's bytes one after the other.
    count = Signal(range(MOST + 2))
    header = Signal(8 * HEADER_BYTES)
    watched = Signal(8)
    dropped = Signal()
    whole = Signal()
    judged = Signal()
    size = Signal(range(MOST))
    listens = bench.named(~unit.busy)
    comes = bench.named(valid & listens & ~dropped & (token.kind == Token.BYTE))
    m.d.sync += judged.eq(valid & ends & listens & ~dropped)
    with m.If(valid & ends):
        m.d.sync += [count.eq(0), dropped.eq(0)]
        with m.If(listens & ~dropped):
            fits = (count >= HEADER_BYTES + CRC_BYTES) & (count <= MOST)
            m.d.sync += [whole.eq((token.kind == Token.END) & fits), size.eq(count - HEADER_BYTES - CRC_BYTES)]
    with m.Elif(valid & ~listens):
        m.d.sync += dropped.eq(1)
    with m.Elif(comes):
        m.d.sync += count.eq(Mux(count > MOST, count, count + 1))
        with m.If(count < HEADER_BYTES):
            m.d.sync += header.word_select(count[0], 8).eq(token.byte)
        with m.If(count == bench.place + HEADER_BYTES):
            m.d.sync += watched.eq(token.byte)

    # What is summed up: the bytes of the frame, and nothing between its first and the look at the sum.
    summed = Signal(range(MOST + 2))
    with m.If(unit.crc.start):
        m.d.sync += summed.eq(0)
    with m.Elif(unit.crc.valid):
        m.d.sync += summed.eq(Mux(summed > MOST, summed, summed + 1))
    bench.claim(unit.crc.valid == comes)
    bench.claim(~unit.crc.valid | (unit.crc.byte == token.byte))
    bench.claim(~(listens & ~dropped) | (summed == count))
    came = bench.past(count)
    bench.claim(~judged | (summed == came))

    offered = unit.frame.valid
    fit = Signal()
    with m.If(judged):
        m.d.sync += fit.eq(whole & unit.crc.match)
    bench.claim(~offered | fit)
    bench.claim(~offered | (Cat(unit.frame.p.sequence, unit.frame.p.kind) == header))
    bench.claim(~offered | (unit.frame.p.size == size))
    # And a right one is offered, in the next clock.
    bench.claim(~(bench.past(judged) & fit) | offered)
    looked = bench.past(bench.named(offered & (unit.address == bench.place))) & offered
    bench.claim(~(looked & (bench.place < size)) | (unit.data == watched))
    claim_held(bench, unit.frame)


def short(old: str = "class FrameReceiver", new: str = "class FrameReceiver"):
    """Return the receiver of short frames, or a mutant of it."""
    return lambda: mutant(receiver, old, new).FrameReceiver(MOST)


def proof(name: str, depth: int, twin) -> Proof:
    return Proof(
        name,
        f"FrameReceiver, frames of up to {MOST} bytes",
        "a frame is offered if, and only if, it is whole and the sum of its bytes is right; unchanged, and until taken",
        short(),
        right,
        depth=depth,
        unbounded=False,
        free={"place": range(MOST)},
        held=("FrameReceiver.frame",),
        twin=twin,
    )


PROOFS = [
    proof("receiver", 11, short("broken | ~self.crc.match", "broken")),
    proof("receiver_again", 13, short("with m.If(too_long):", "with m.If(0):")),
]
