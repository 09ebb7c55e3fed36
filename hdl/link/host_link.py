"""The host link: requests that a host sends, what they make the network do, and their answers (docs/host_link.md)."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import NetworkConfig
from backspike.hdl.registers import request_layout
from backspike.hdl.samples import sample_layout
from backspike.hdl.wins import result_layout
from backspike.link import ANSWER, LinkEvent, Request, Status

from .body import BodyReader
from .checker import RequestChecker
from .checksum import Checksum
from .executor import RequestExecutor
from .receiver import FrameReceiver
from .transport import AnswerPort, token_layout
from .writer import AnswerWriter

__all__ = ["HostLink"]


class HostLink(wiring.Component):
    """A network's host, at the end of any transport that carries frames of bytes.

    One memory holds a request, another the last answer. A request is executed when all of it has come in and its CRC is
    right; what comes meanwhile is refused. So the link never does two things at a time.

    Latency: a request begins to be executed within twelve cycles of its last token, one of samples within eight, and
    four for each list; its execution takes those of a `RequestExecutor`. The answer is handed to the transport six
    cycles after that.

    Members
    -------
    received : ``In(stream.Signature(token_layout(), always_ready=True))``
        What comes from the transport.
    answer : ``Out(AnswerPort())``
        What goes to it.
    busy : ``Out(1)``
        A request is being executed or answered: a transport that can wait keeps what comes until this is over.
    reset : ``Out(1)``
        Reset the network.
    samples, results, requests, responses
        Those of a `NetworkTop`.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                "received": In(stream.Signature(token_layout(), always_ready=True)),
                "answer": Out(AnswerPort()),
                "busy": Out(1),
                "reset": Out(1),
                "samples": Out(stream.Signature(sample_layout(config))),
                "results": In(stream.Signature(result_layout(config))),
                "requests": Out(stream.Signature(request_layout(config))),
                "responses": In(stream.Signature(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = FrameReceiver()
        m.submodules.body = body = BodyReader()
        m.submodules.checker = checker = RequestChecker(self._config)
        m.submodules.executor = executor = RequestExecutor(self._config)
        m.submodules.writer = writer = AnswerWriter()
        m.submodules.checksum = checksum = Checksum()
        connect(m, flipped(self.received), receiver.i)
        connect(m, receiver.crc, checksum.receiver)
        connect(m, writer.crc, checksum.writer)
        connect(m, writer.answer, flipped(self.answer))
        connect(m, executor.samples, flipped(self.samples))
        connect(m, flipped(self.results), executor.results)
        connect(m, executor.requests, flipped(self.requests))
        connect(m, flipped(self.responses), executor.responses)
        frame = receiver.frame.p
        m.d.comb += [self.busy.eq(receiver.busy), self.reset.eq(executor.reset)]

        # The checker reads the body first, the executor after it.
        m.d.comb += [
            receiver.address.eq(body.address),
            body.data.eq(receiver.data),
            body.size.eq(frame.size),
            body.rewind.eq(~receiver.frame.valid),
            body.skip.eq(checker.skip),
            checker.beyond.eq(body.beyond),
            checker.kind.eq(frame.kind),
            checker.size.eq(frame.size),
            checker.mid_sample.eq(executor.mid_sample),
            executor.kind.eq(frame.kind),
            body.o.ready.eq(checker.body.ready | executor.body.ready),
        ]
        for reader in (checker.body, executor.body):
            m.d.comb += [reader.valid.eq(body.o.valid), reader.payload.eq(body.o.payload)]

        events = Signal(len(LinkEvent))
        m.d.comb += executor.events.eq(receiver.events | events)
        m.d.comb += [writer.i.valid.eq(executor.answer.valid), writer.i.payload.eq(executor.answer.payload)]

        def count(event: LinkEvent) -> None:
            m.d.comb += events[event].eq(1)

        def write(byte: object) -> None:
            m.d.comb += [writer.i.valid.eq(1), writer.i.payload.eq(byte)]

        def seal() -> None:
            m.d.comb += writer.seal.eq(1)
            m.next = "Answer"

        last = Signal(8)
        known = Signal()
        with m.FSM():
            with m.State("Listen"), m.If(receiver.frame.valid):
                with m.If((frame.kind == Request.HELLO) | (known & (frame.sequence == (last + 1)[:8]))):
                    count(LinkEvent.TAKEN)
                    m.d.sync += [last.eq(frame.sequence), known.eq(1)]
                    m.d.comb += [writer.begin.eq(1), checker.start.eq(1)]
                    m.next = "Check"
                with m.Elif(known & (frame.sequence == last)):
                    count(LinkEvent.REPEATED)
                    m.d.comb += writer.send.eq(1)
                    m.next = "Answer"
                with m.Else():
                    count(LinkEvent.ORDER)
                    m.d.comb += receiver.frame.ready.eq(1)
            with m.State("Check"), m.If(checker.done):
                m.next = "Sequence"
            with m.State("Sequence"):
                write(frame.sequence)
                m.next = "Kind"
            with m.State("Kind"):
                write(frame.kind | ANSWER)
                m.next = "Status"
            with m.State("Status"):
                write(checker.status)
                m.d.comb += body.rewind.eq(1)
                with m.If(checker.status == Status.DONE):
                    m.d.comb += executor.start.eq(1)
                    m.next = "Execute"
                with m.Else():
                    seal()
            with m.State("Execute"), m.If(executor.done):
                seal()
            with m.State("Answer"), m.If(writer.done):
                m.d.comb += receiver.frame.ready.eq(1)
                m.next = "Listen"
        return m
