"""The whole link behind its receiver: whatever right frame comes, it is answered, or passed over, within a bound."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import data

from backspike.config import NetworkConfig
from backspike.hdl.link import checker, executor, host_link, writer
from backspike.hdl.link.receiver import FrameReceiver
from backspike.hdl.ram import ram
from backspike.link import OVERHEAD

from .proof import Bench, Proof, mutant

CONFIG = NetworkConfig(layers=(3, 2), ticks=3, weight_bits=4, weight_frac=2, lfsr_bits=24)
BODY = 10
"""Most bytes of a body here, instead of 1,018 or 8,186."""
WORDS = PARTS = 2
"""Most words, and most lists, of a request here, instead of 64."""
FRAMES = 1
BOUND = 72


class AnyFrames(FrameReceiver):
    """In place of the receiver, with its ports: frames of any contents, one after the other."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # What a memory holds before it is written can be anything.
        header = data.StructLayout({"sequence": 8, "kind": 8, "size": range(BODY + 1)})
        m.submodules.headers = headers = ram(header, FRAMES)
        m.submodules.bodies = bodies = ram(8, FRAMES * 16)
        number = Signal(range(FRAMES + 1))
        between = Signal()
        shown = headers.read_port(domain="comb")
        byte = bodies.read_port()
        for memory in (headers, bodies):
            m.d.comb += memory.write_port().en.eq(0)
        m.d.comb += [
            shown.addr.eq(number),
            byte.addr.eq(self.address[:4]),
            self.data.eq(byte.data),
            self.frame.valid.eq((number < FRAMES) & ~between),
            self.frame.p.sequence.eq(shown.data.sequence),
            self.frame.p.kind.eq(shown.data.kind),
            self.frame.p.size.eq(Mux(shown.data.size > BODY, BODY, shown.data.size)),
            self.busy.eq(self.frame.valid),
        ]
        m.d.sync += between.eq(self.frame.valid & self.frame.ready)
        with m.If(self.frame.valid & self.frame.ready):
            m.d.sync += number.eq(number + 1)
        return m


def answered(bench: Bench) -> None:
    """The network takes what it is given and answers in the next clock; the transport sends an answer in three."""
    m, unit = bench.m, bench.unit
    asked = Signal()
    with m.If(unit.requests.valid):
        m.d.sync += asked.eq(1)
    with m.Elif(unit.responses.ready):
        m.d.sync += asked.eq(0)
    bench.assume(unit.samples.ready & unit.requests.ready & (unit.responses.valid == asked))
    bench.claim(~(asked & unit.requests.valid))
    results = Signal(2)
    with m.If(unit.results.valid & unit.results.ready):
        m.d.sync += results.eq(results + 1)
    bench.assume(~unit.results.valid | (results < 2))
    bench.assume(unit.answer.done == bench.past(unit.answer.start, 3))
    waited = Signal(range(BOUND + 1))
    taken = bench.inner("receiver.between")
    m.d.sync += waited.eq(Mux(unit.busy & ~taken, waited + 1, 0))
    bench.claim(waited < BOUND)


def short(*change: str):
    """Return the link of short requests, or with a change of its checker."""
    old, new = change or ("class RequestChecker", "class RequestChecker")
    checkers = mutant(checker, old, new, WORDS=WORDS, PARTS=PARTS)
    executors = mutant(executor, "class RequestExecutor", "class RequestExecutor", CHECKSUM_WORDS=WORDS)
    writers = mutant(writer, "class AnswerWriter", "class AnswerWriter", ANSWER_BYTES=32)
    parts = {
        "RequestChecker": checkers.RequestChecker,
        "RequestExecutor": executors.RequestExecutor,
        "AnswerWriter": writers.AnswerWriter,
        "FrameReceiver": AnyFrames,
    }
    # As if HELLO had come before: a request of any kind is taken at once.
    return lambda: mutant(host_link, "known = Signal()", "known = Signal(init=1)", **parts).HostLink(
        CONFIG, frame_bytes=BODY + OVERHEAD
    )


PROOFS = [
    Proof(
        "link_answers",
        f"HostLink behind its receiver, a request of up to {BODY} bytes",
        f"any right frame, whatever is in it, is done with within {BOUND} clocks: it is answered, or passed over",
        short(),
        answered,
        depth=BOUND + 3,
        unbounded=False,
        twin=short("conclude(Status.UNKNOWN_KIND)", "pass"),
    ),
]
