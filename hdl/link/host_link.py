"""The host link: requests that a host sends, what they make the network do, and their answers (docs/host_link.md)."""

from __future__ import annotations

from typing import Any

from amaranth import Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import NetworkConfig
from backspike.hdl.memory.arbiter import MemoryUser
from backspike.hdl.memory.runs import RunPort
from backspike.hdl.registers import request_layout
from backspike.hdl.samples import sample_layout
from backspike.hdl.wins import result_layout
from backspike.link import ANSWER, FRAME_BYTES, RUNS, LinkEvent, MemoryRequest, Request, Status

from .body import BodyReader
from .checker import RequestChecker
from .checksum import Checksum
from .executor import RequestExecutor
from .memory_checker import MemoryChecker
from .memory_executor import MemoryExecutor
from .receiver import FrameReceiver
from .transport import AnswerPort, token_layout
from .writer import AnswerWriter

__all__ = ["HostLink"]


class HostLink(wiring.Component):
    """A network's host, at the end of any transport that carries frames of bytes.

    One memory holds a request, another the last answer. A request is executed when all of it has come in and its CRC is
    right; what comes meanwhile is refused. So the link never does two things at a time.

    Latency: a request begins to be executed within twelve cycles of its last token, one of samples within eight, and
    four for each list, one of the sample memory within those of a `MemoryChecker`; its execution takes those of a
    `RequestExecutor` or a `MemoryExecutor`. The answer is handed to the transport six cycles after that.

    Parameters
    ----------
    config : NetworkConfig
    address_bits : int, optional
        Of a sample memory; left out, there is none.
    frame_bytes : int
        Most bytes of a frame, a multiple of 1,024.

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
    memory, runs : ``Out(MemoryUser(address_bits))``, ``Out(RunPort())``
        With a sample memory alone, as the next three: words and runs.
    memory_ready : ``In(1)``
        The memory is ready.
    mid_sample : ``Out(1)``
        A sample has begun to come in, and is not whole.
    unfetched : ``Out(1)``
        There are results that have gone into no answer yet.
    """

    def __init__(self, config: NetworkConfig, address_bits: int | None = None, frame_bytes: int = FRAME_BYTES) -> None:
        self._config, self._address_bits, self._frame_bytes = config, address_bits, frame_bytes
        of_memory: dict[str, wiring.Member] = {}
        if address_bits is not None:
            of_memory = {
                "memory": Out(MemoryUser(address_bits)),
                "runs": Out(RunPort()),
                "memory_ready": In(1),
                "mid_sample": Out(1),
                "unfetched": Out(1),
            }
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
                **of_memory,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = FrameReceiver(self._frame_bytes)
        m.submodules.body = body = BodyReader(self._frame_bytes)
        m.submodules.checker = checker = RequestChecker(self._config, self._frame_bytes)
        m.submodules.executor = executor = RequestExecutor(self._config, self._frame_bytes)
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

        # One that checks, and one that executes; a sample memory has its own.
        parts: list[tuple[Any, Any]] = [(checker, executor)]
        of_memory: Value = Const(0)
        refused: Value = Const(0)
        if self._address_bits is not None:
            parts.append(self._memory_parts(m))
            of_memory = frame.kind.matches(*MemoryRequest)
            waits = frame.kind.matches(Request.READ, Request.WRITE, Request.SAMPLES, Request.CHECKSUM)
            refused = waits & (self.runs.unfinished != 0) & (checker.status == Status.DONE)
            m.d.comb += [self.mid_sample.eq(executor.mid_sample), self.unfetched.eq(executor.unfetched)]
        check = Signal()
        execute = Signal()
        checked = Signal()
        executed = Signal()
        status = Signal(Status)
        answer = Signal(8)
        answers = Signal()

        # The body is read first by the one, then by the other.
        m.d.comb += [
            receiver.address.eq(body.address),
            body.data.eq(receiver.data),
            body.size.eq(frame.size),
            body.rewind.eq(~receiver.frame.valid),
            body.skip.eq(checker.skip),
            checker.beyond.eq(body.beyond),
        ]
        for number, (one, other) in enumerate(parts):
            m.d.comb += [one.kind.eq(frame.kind), one.size.eq(frame.size), other.kind.eq(frame.kind)]
            m.d.comb += one.mid_sample.eq(executor.mid_sample)
            for reader in (one.body, other.body):
                m.d.comb += [reader.valid.eq(body.o.valid), reader.payload.eq(body.o.payload)]
            with m.If(of_memory == number):
                m.d.comb += [
                    one.start.eq(check),
                    other.start.eq(execute),
                    checked.eq(one.done),
                    executed.eq(other.done),
                    status.eq(one.status),
                    answer.eq(other.answer.payload),
                    answers.eq(other.answer.valid),
                    body.o.ready.eq(one.body.ready | other.body.ready),
                ]
        with m.If(refused):
            m.d.comb += status.eq(Status.RUNNING)

        events = Signal(len(LinkEvent))
        m.d.comb += executor.events.eq(receiver.events | events)
        m.d.comb += [
            writer.i.valid.eq(answers),
            writer.i.payload.eq(answer),
            writer.begin.eq(executor.begin),
            writer.look.eq(executor.summed),
            executor.sum.eq(writer.sum),
        ]

        def count(event: LinkEvent) -> None:
            m.d.comb += events[event].eq(1)

        def write(byte: object) -> None:
            m.d.comb += [writer.i.valid.eq(1), writer.i.payload.eq(byte)]

        def seal() -> None:
            m.d.comb += writer.seal.eq(1)
            m.next = "Answer"

        last = Signal(8, reset_less=True)
        known = Signal()
        ahead = Signal(8)
        m.d.comb += ahead.eq(frame.sequence - last)
        with m.FSM():
            with m.State("Listen"), m.If(receiver.frame.valid):
                with m.If((frame.kind == Request.HELLO) | (known & (ahead == 1))):
                    count(LinkEvent.TAKEN)
                    m.d.sync += [last.eq(frame.sequence), known.eq(1)]
                    m.d.comb += [writer.begin.eq(1), check.eq(1)]
                    m.next = "Check"
                with m.Elif(known & (ahead == 0)):
                    count(LinkEvent.REPEATED)
                    m.d.comb += writer.send.eq(1)
                    m.next = "Answer"
                with m.Else():
                    count(LinkEvent.ORDER)
                    m.d.comb += receiver.frame.ready.eq(1)
            with m.State("Check"), m.If(checked):
                m.next = "Sequence"
            with m.State("Sequence"):
                write(frame.sequence)
                m.next = "Kind"
            with m.State("Kind"):
                write(frame.kind | ANSWER)
                m.next = "Status"
            with m.State("Status"):
                write(status)
                m.d.comb += body.rewind.eq(1)
                with m.If(status == Status.DONE):
                    m.d.comb += execute.eq(1)
                    m.next = "Execute"
                with m.Else():
                    seal()
            with m.State("Execute"):
                with m.If(executed):
                    seal()
                with m.Elif(executor.summed & executor.begin):
                    m.next = "Sequence"
            with m.State("Answer"), m.If(writer.done):
                m.d.comb += receiver.frame.ready.eq(1)
                m.next = "Listen"
        return m

    def _memory_parts(self, m: Module) -> tuple[MemoryChecker, MemoryExecutor]:
        """Add what checks and executes requests of the sample memory."""
        assert self._address_bits is not None
        m.submodules.memory_checker = checker = MemoryChecker(self._config, self._address_bits, self._frame_bytes)
        m.submodules.memory_executor = executor = MemoryExecutor(self._config, self._address_bits)
        connect(m, executor.memory, flipped(self.memory))
        connect(m, executor.runs, flipped(self.runs))
        m.d.comb += [
            checker.ready.eq(self.memory_ready),
            checker.full.eq(self.runs.unfinished == RUNS),
            executor.ready.eq(self.memory_ready),
        ]
        return checker, executor
