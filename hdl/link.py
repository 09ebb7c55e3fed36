"""The host link: frames on a serial line, and what they make the network do (docs/host_link.md)."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import NetworkConfig
from backspike.link import (
    ANSWER,
    FRAME_BYTES,
    OVERHEAD,
    PARTS,
    PROTOCOL_VERSION,
    WORDS,
    LinkEvent,
    Request,
    Status,
)
from backspike.registers import RegisterMap

from .cobs import CobsDecoder, CobsEncoder
from .eventcounters import EventCounters
from .lists import ListReader, label_layout
from .ram import ram
from .registers import request_layout
from .samples import sample_layout
from .uart import UartReceiver, UartTransmitter
from .wins import result_layout

__all__ = ["HostLink"]

ANSWER_BYTES = 512
"""Bytes that an answer's memory has: as many as a block RAM of the smallest devices."""

HEADER_BYTES = 2
HELLO_BYTES = 2
CRC_BYTES = 4


class HostLink(wiring.Component):
    """A network's host on a serial line.

    One memory holds a request, another the last answer. A request is executed when all of it has come in and its CRC is
    right; what comes meanwhile is refused. So the link never does two things at a time.

    Latency: a request is executed within ten clocks of its last byte, one of samples eight clocks more for each list
    and two for each entry, as long as the network takes them; it is answered, once the network is done, after two
    clocks for each byte of the answer.

    Parameters
    ----------
    config : NetworkConfig
    divisor : int
        Clocks a bit of the line, 4 to 65,535.

    Members
    -------
    rx, tx : ``In(1)``, ``Out(1)``
        The line.
    busy : ``Out(1)``
        A request is being executed or answered.
    reset : ``Out(1)``
        Reset the network.
    samples, results, requests, responses
        Those of a `NetworkTop`.
    """

    def __init__(self, config: NetworkConfig, divisor: int) -> None:
        self._config, self._divisor = config, divisor
        results = result_layout(config)
        self._result_bits = results["winner"].width + config.ticks.bit_length()
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "busy": Out(1),
                "reset": Out(1),
                "samples": Out(stream.Signature(sample_layout(config))),
                "results": In(stream.Signature(results)),
                "requests": Out(stream.Signature(request_layout(config))),
                "responses": In(stream.Signature(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.receiver = receiver = UartReceiver(self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self._divisor)
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.encoder = encoder = CobsEncoder(ANSWER_BYTES)
        m.submodules.crc = crc = catalog.CRC32_ISO_HDLC(data_width=8).create()
        m.submodules.events = events = EventCounters(len(LinkEvent))
        m.submodules.frame = frame = ram(8, FRAME_BYTES)
        m.submodules.answer = answer = ram(8, ANSWER_BYTES)
        # What the reset of the network resets too.
        lists, waiting = ListReader(config), SyncFIFO(width=self._result_bits, depth=2)
        m.submodules.lists = ResetInserter(self.reset)(lists)
        m.submodules.waiting = ResetInserter(self.reset)(waiting)
        connect(m, receiver.o, decoder.i)
        connect(m, encoder.o, transmitter.i)
        connect(m, lists.samples, flipped(self.samples))
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]

        def happens(event: LinkEvent) -> Value:
            strobe: Value = events.events[event]
            return strobe

        # Reception: of a frame as long as nothing else is done.
        listening = Signal()
        listen = Signal()
        overrun = Signal()
        length = Signal(range(FRAME_BYTES + 1))
        too_long = Signal()
        broken = Signal()
        sequence = Signal(8)
        kind = Signal(8)
        stored = frame.write_port()
        comes = decoder.o.valid & listening & ~overrun
        m.d.comb += [
            stored.addr.eq(length),
            stored.data.eq(decoder.o.payload),
            stored.en.eq(comes),
            self.busy.eq(~listening),
        ]
        with m.If(listen):
            m.d.comb += crc.start.eq(1)
            m.d.sync += [length.eq(0), too_long.eq(0)]
        with m.Elif(comes):
            m.d.comb += crc.valid.eq(1)
            with m.If(length == FRAME_BYTES):
                m.d.sync += too_long.eq(1)
            with m.Else():
                m.d.sync += length.eq(length + 1)
            with m.If(length == 0):
                m.d.sync += sequence.eq(decoder.o.payload)
            with m.If(length == 1):
                m.d.sync += kind.eq(decoder.o.payload)
        with m.If(decoder.end):
            m.d.sync += [overrun.eq(0), broken.eq(decoder.broken)]
            m.d.comb += happens(LinkEvent.BUSY).eq(overrun)
        with m.Elif(decoder.began & ~listening):
            m.d.sync += overrun.eq(1)

        # The request, read byte by byte: `byte` is the one at `cursor`.
        request = frame.read_port()
        cursor = Signal.like(length)
        following = Signal.like(length)
        byte = request.data
        m.d.comb += [following.eq(cursor), request.addr.eq(following)]
        m.d.sync += cursor.eq(following)
        # Looked at not before a clock behind the frame's last byte.
        ending = Signal.like(length)
        body = Signal.like(length)
        m.d.sync += [ending.eq(length - CRC_BYTES), body.eq(length - OVERHEAD)]

        # The answer, written byte by byte.
        kept = answer.read_port()
        written = answer.write_port()
        filled = Signal(range(ANSWER_BYTES))
        summed = Signal(range(ANSWER_BYTES))
        push = Signal()
        pushed = Signal(8)
        m.d.comb += [
            written.addr.eq(filled),
            written.en.eq(push),
            written.data.eq(pushed),
            kept.addr.eq(encoder.address),
            encoder.data.eq(kept.data),
            encoder.length.eq(filled),
            crc.data.eq(decoder.o.payload),
        ]
        with m.If(push):
            m.d.sync += filled.eq(filled + 1)

        # Results wait here while registers are accessed: a network whose result nobody takes would make them wait.
        result = Signal(32)
        winner, wins = self.results.p.winner, self.results.p.wins
        m.d.comb += [
            waiting.w_data.eq(Cat(winner, wins[winner])),
            waiting.w_en.eq(self.results.valid),
            self.results.ready.eq(waiting.w_rdy),
            result[:16].eq(waiting.r_data[: len(winner)]),
            result[16:].eq(waiting.r_data[len(winner) :]),
        ]

        last_sequence = Signal(8)
        known = Signal()
        status = Signal(Status)
        count = Signal(range(WORDS + 1))
        address = Signal.like(self.requests.p.address)
        parts = Signal(range(PARTS + 1))
        low = Signal(8)
        outside = Signal()
        event_byte = Signal.like(events.address)
        # 4 bytes on their way into an answer or out of a request, and what comes behind them.
        word = Signal(32)
        bytes_left = Signal(2)
        resume = Signal(2)
        resumed = ("Seal", "Access", "Feed", "Send")
        m.d.comb += [
            self.requests.p.address.eq(address),
            self.requests.p.write.eq(kind != Request.READ),
            self.requests.p.data.eq(word),
            pushed.eq(word[:8]),
        ]

        def push_word(value: Value | Const, size: int, behind: str) -> list[object]:
            return [word.eq(value), bytes_left.eq(size - 1), resume.eq(resumed.index(behind))]

        with m.FSM():
            with m.State("Listen"):
                m.d.comb += [listening.eq(1), following.eq(HEADER_BYTES)]
                with m.If(decoder.end & ~overrun):
                    m.next = "Judge"
            with m.State("Judge"):
                execute = Signal()
                with m.If(too_long):
                    m.d.comb += happens(LinkEvent.LONG).eq(1)
                with m.Elif(length < OVERHEAD):
                    m.d.comb += happens(LinkEvent.SHORT).eq(1)
                with m.Elif(broken | ~crc.match_detected):
                    m.d.comb += happens(LinkEvent.DAMAGED).eq(1)
                with m.Elif((kind == Request.HELLO) | (known & (sequence == (last_sequence + 1)[:8]))):
                    m.d.comb += [happens(LinkEvent.TAKEN).eq(1), execute.eq(1)]
                with m.Elif(known & (sequence == last_sequence)):
                    m.d.comb += happens(LinkEvent.REPEATED).eq(1)
                with m.Else():
                    m.d.comb += happens(LinkEvent.ORDER).eq(1)
                with m.If(execute):
                    m.d.sync += [last_sequence.eq(sequence), known.eq(1), filled.eq(0), parts.eq(0)]
                    m.next = "Check"
                with m.Elif(happens(LinkEvent.REPEATED)):
                    m.next = "Send"
                with m.Else():
                    m.d.comb += listen.eq(1)
                    m.next = "Listen"

            # Is this a request? Nothing is done before all of it has been looked at.
            with m.State("Check"):
                m.next = "Header"
                m.d.sync += [address.eq(byte), count.eq(body >> 2), outside.eq(0)]
                registers = len(RegisterMap(config).registers)
                with m.Switch(kind):
                    with m.Case(Request.HELLO, Request.RESULTS, Request.LINK):
                        m.d.sync += [status.eq(Mux(body == 0, Status.DONE, Status.WRONG_BODY)), address.eq(0)]
                    with m.Case(Request.READ):
                        m.d.sync += status.eq(Mux((body == 2) & (byte < registers), Status.DONE, Status.WRONG_BODY))
                        m.d.comb += following.eq(cursor + 1)
                        m.next = "Check count"
                    with m.Case(Request.WRITE):
                        # An address, and 1 to 64 words.
                        fits = (body[:2] == 1) & (body > 4) & (body <= 1 + 4 * WORDS) & (byte < registers)
                        m.d.sync += status.eq(
                            Mux(fits, Mux(lists.begun, Status.MID_SAMPLE, Status.DONE), Status.WRONG_BODY)
                        )
                    with m.Case(Request.SAMPLES):
                        m.d.sync += status.eq(Status.DONE)
                        m.next = "Check part"
                    with m.Default():
                        m.d.sync += status.eq(Status.UNKNOWN_KIND)
            with m.State("Check count"):
                m.d.sync += count.eq(byte)
                with m.If((byte == 0) | (byte > WORDS)):
                    m.d.sync += status.eq(Status.WRONG_BODY)
                with m.Elif((status == Status.DONE) & lists.begun):
                    m.d.sync += status.eq(Status.MID_SAMPLE)
                m.next = "Header"
            with m.State("Check part"):
                m.d.comb += following.eq(cursor + 1)
                m.d.sync += low.eq(byte)
                m.next = "Check part's label"
                with m.If((cursor == ending) & ~outside):
                    m.next = "Header"
                with m.Elif(outside | (parts == PARTS) | (cursor + 4 > ending)):
                    m.d.sync += status.eq(Status.WRONG_BODY)
                    m.next = "Header"
            with m.State("Check part's label"):
                flags = label_layout()(Cat(low, byte))
                m.d.comb += following.eq(cursor + 1)
                # Told of a body that is whole: what is found wrong behind it goes before.
                with m.If(flags.label >= config.layers[-1]):
                    m.d.sync += status.eq(Status.WRONG_LABEL)
                m.next = "Check part's length"
            with m.State("Check part's length"):
                m.d.comb += following.eq(cursor + 1)
                m.d.sync += low.eq(byte)
                m.next = "Check part's end"
            with m.State("Check part's end"):
                behind = Signal(18)
                m.d.comb += [behind.eq(cursor + 1 + (Cat(low, byte) << 1)), following.eq(behind)]
                m.d.sync += [parts.eq(parts + 1), outside.eq(behind > ending)]
                m.next = "Check part"

            with m.State("Header"):
                m.d.comb += [push.eq(1), following.eq(HEADER_BYTES + (kind == Request.WRITE))]
                m.d.sync += bytes_left.eq(3)
                with m.Switch(filled):
                    with m.Case(0):
                        m.d.comb += pushed.eq(sequence)
                    with m.Case(1):
                        m.d.comb += pushed.eq(kind | ANSWER)
                    with m.Default():
                        m.d.comb += pushed.eq(status)
                        m.next = "Seal"
                        with m.If(status == Status.DONE), m.Switch(kind):
                            with m.Case(Request.HELLO):
                                m.next = "Reset"
                            with m.Case(Request.READ):
                                m.next = "Access"
                            with m.Case(Request.WRITE):
                                m.next = "Gather"
                            with m.Case(Request.SAMPLES, Request.RESULTS):
                                m.next = "Feed"
                            with m.Case(Request.LINK):
                                m.next = "Counters"

            with m.State("Gather"):
                m.d.comb += following.eq(cursor + 1)
                m.d.sync += [word.eq(Cat(word[8:], byte)), bytes_left.eq(bytes_left - 1)]
                with m.If(bytes_left == 0):
                    m.next = "Access"
            with m.State("Push"):
                m.d.comb += push.eq(1)
                m.d.sync += [word.eq(word >> 8), bytes_left.eq(bytes_left - 1)]
                with m.If(bytes_left == 0), m.Switch(resume):
                    for number, state in enumerate(resumed):
                        with m.Case(number):
                            m.next = state

            # Registers.
            with m.State("Reset"):
                m.d.sync += [self.reset.eq(1), count.eq(1)]
                m.next = "Resetting"
            with m.State("Resetting"):
                m.d.sync += self.reset.eq(0)
                m.next = "Access"
            with m.State("Access"):
                # After a reset: IDENTITY is written, which does nothing but wait until the streams are seeded.
                with m.If(count == 0):
                    m.next = "Seal"
                with m.Else():
                    m.d.comb += self.requests.valid.eq(1)
                    with m.If(self.requests.ready):
                        m.d.sync += count.eq(count - 1)
                        m.next = "Response"
            with m.State("Response"):
                m.d.comb += self.responses.ready.eq(1)
                with m.If(self.responses.valid), m.Switch(kind):
                    with m.Case(Request.READ):
                        m.d.sync += push_word(self.responses.payload, 4, "Access")
                        m.next = "Push"
                    with m.Case(Request.WRITE):
                        m.d.sync += bytes_left.eq(3)
                        m.next = "Gather"
                        with m.If(count == 0):
                            m.next = "Seal"
                    with m.Default():
                        m.d.sync += push_word(Const(PROTOCOL_VERSION | PARTS << 8, 32), HELLO_BYTES, "Seal")
                        m.next = "Push"

            # Samples and results.
            with m.State("Feed"):
                m.d.comb += [lists.byte.eq(byte), lists.take.eq(lists.ready & (cursor != ending))]
                with m.If(lists.take):
                    m.d.comb += following.eq(cursor + 1)
                with m.If(waiting.r_rdy):
                    m.d.comb += waiting.r_en.eq(1)
                    m.d.sync += push_word(result, 4, "Feed")
                    m.next = "Push"
                with m.Elif((cursor == ending) & lists.idle):
                    m.next = "Seal"

            with m.State("Counters"):
                m.d.comb += events.reading.eq(events.idle)
                m.d.sync += event_byte.eq(0)
                with m.If(events.idle):
                    m.next = "Counter"
            with m.State("Counter"):
                m.d.comb += [
                    events.reading.eq(1),
                    events.address.eq(event_byte + 1),
                    push.eq(1),
                    pushed.eq(events.data),
                ]
                m.d.sync += event_byte.eq(event_byte + 1)
                with m.If(event_byte == 2 * len(LinkEvent) - 1):
                    m.next = "Seal"

            # The answer's CRC, and its way out; it is kept for a host that did not hear it.
            with m.State("Seal"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += summed.eq(0)
                m.next = "Sum"
            with m.State("Sum"):
                m.d.comb += [kept.addr.eq(summed + 1), crc.data.eq(kept.data), crc.valid.eq(1)]
                m.d.sync += summed.eq(summed + 1)
                with m.If(summed + 1 == filled):
                    m.next = "Summed"
            with m.State("Summed"):
                m.d.sync += push_word(crc.crc, CRC_BYTES, "Send")
                m.next = "Push"
            with m.State("Send"):
                m.d.comb += encoder.start.eq(1)
                m.next = "Sending"
            with m.State("Sending"), m.If(encoder.done):
                m.d.comb += listen.eq(1)
                m.next = "Listen"
        return m
