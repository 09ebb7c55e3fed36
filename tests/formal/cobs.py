"""COBS: what is encoded is decoded, from the first frame after a reset on."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.hdl.link import cobs
from backspike.hdl.link.transport import Token, token_layout

from .contracts import claim_held
from .proof import Bench, Proof, mutant

BLOCK = 2
"""Most bytes after a code here, instead of 254: so that full blocks come up in short frames."""

MOST = 3


def short(*changes: tuple[str, str]):
    """Return both directions with short blocks."""
    old, new = changes[0] if changes else ("class CobsDecoder", "class CobsDecoder")
    return mutant(cobs, old, new, BLOCK=BLOCK)


class Coder(wiring.Component):
    """An encoder, the memory that it reads, and a decoder of what it gives."""

    def __init__(self, module) -> None:
        self._module = module
        super().__init__(
            {
                "start": In(1),
                "length": In(range(MOST + 1)),
                "frame": In(data.ArrayLayout(8, MOST)),
                "code": Out(stream.Signature(8)),
                "token": Out(stream.Signature(token_layout(), always_ready=True)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder = encoder = self._module.CobsEncoder(MOST)
        m.submodules.decoder = decoder = self._module.CobsDecoder()
        connect(m, decoder.o, flipped(self.token))
        answer = encoder.answer
        address = Signal.like(answer.address)
        m.d.sync += address.eq(answer.address)
        m.d.comb += [
            answer.start.eq(self.start),
            answer.length.eq(self.length),
            answer.data.eq(self.frame[address]),
            self.done.eq(answer.done),
            self.code.valid.eq(encoder.o.valid),
            self.code.payload.eq(encoder.o.payload),
            encoder.o.ready.eq(self.code.ready),
            decoder.i.valid.eq(encoder.o.valid & self.code.ready),
            decoder.i.payload.eq(encoder.o.payload),
        ]
        return m


def coded(bench: Bench) -> None:
    """A frame comes out as it went in, and ends where it ends."""
    m, unit = bench.m, bench.unit
    busy = Signal()
    with m.If(unit.start):
        m.d.sync += busy.eq(1)
    with m.Elif(unit.done):
        m.d.sync += busy.eq(0)
    bench.assume(~(unit.start & busy))
    bench.assume((unit.length >= 1) & (unit.length <= MOST))
    given = Value.cast(unit.frame), unit.length
    stays = bench.past(bench.named((busy | unit.start) & bench.running))
    for value in given:
        bench.assume(~stays | (value == bench.past(bench.named(value))))
    token = unit.token.payload
    comes = unit.token.valid & (token.kind == Token.BYTE)
    ends = unit.token.valid & (token.kind == Token.END)
    count = Signal(range(MOST + 2))
    with m.If(unit.start):
        m.d.sync += count.eq(0)
    with m.Elif(comes & (count <= MOST)):
        m.d.sync += count.eq(count + 1)
    bench.claim(~comes | (busy & (count < unit.length) & (token.byte == unit.frame[count])))
    bench.claim(ends == unit.done)
    bench.claim(~unit.done | (count == unit.length))
    bench.claim(~unit.token.valid | (token.kind != Token.BROKEN))
    # A 0 stands at the end, and nowhere else.
    bench.claim(~unit.code.valid | ((unit.code.payload == 0) == unit.done) | ~unit.code.ready)
    claim_held(bench, unit.code)
    idle = Signal(range(BLOCK + 6))
    m.d.sync += idle.eq(Mux(busy & ~unit.code.valid, idle + 1, 0))
    bench.claim(idle < BLOCK + 4)


PROOFS = [
    Proof(
        "cobs",
        f"CobsEncoder({MOST}) and CobsDecoder, blocks of {BLOCK}",
        "frames are decoded to what was encoded, from the first after a reset on; a 0 stands after each alone",
        lambda: Coder(short()),
        coded,
        depth=18,
        held=("CobsEncoder.o",),
        unbounded=False,
        twin=lambda: Coder(short(("zero.eq(self.i.payload != BLOCK + 1)", "zero.eq(1)"))),
    ),
]
