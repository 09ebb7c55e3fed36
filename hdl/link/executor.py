"""What a request makes the network do, and the answer's bytes that this gives."""

from __future__ import annotations

from amaranth import Cat, Const, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import NetworkConfig
from backspike.hdl.registers import request_layout
from backspike.hdl.samples import sample_layout
from backspike.hdl.wins import result_layout
from backspike.link import CHECKSUM_WORDS, FRAME_BYTES, LinkEvent, Request, greeting

from .event_counters import EventCounters
from .lists import ListReader

__all__ = ["RequestExecutor"]

_WORD_BYTES = 4


class RequestExecutor(wiring.Component):
    """Executes requests that a `RequestChecker` has found to be right, one at a time.

    Latency: the first register is accessed four cycles after `start`, when it is summed up five, when it is written
    seven, and words follow each other by five cycles besides those of the access, or six when they are written; the
    first byte of samples is taken in the cycle after `start`, and one per cycle follows, as long as the network takes
    them.

    Parameters
    ----------
    config : NetworkConfig
    frame_bytes : int
        Most bytes of a frame.

    Members
    -------
    start : ``In(1)``
        Execute the request whose body's first byte is on `body` from the next cycle on.
    kind : ``In(8)``
        Of the request, a `Request`; stays until `done`.
    body : ``In(stream.Signature(8))``
    answer : ``Out(stream.Signature(8, always_ready=True))``
        What the answer has after the status.
    begin : ``Out(1)``
        Strobe: what the answer has so far was written only to be summed up from here on, or until here; forget it.
    summed : ``Out(1)``
        In four cycles, of which the last has `begin`, too: all values are summed up. What the answer has after the
        status follows the next `start`.
    sum : ``In(8)``
        In those cycles, the bytes of the CRC of what the answer has had since the `begin` before.
    done : ``Out(1)``
        Strobe: the request is executed, and the byte in this cycle is the answer's last.
    mid_sample : ``Out(1)``
        A sample has begun to come in, and is not whole.
    unfetched : ``Out(1)``
        There are results that have gone into no answer yet.
    events : ``In(len(LinkEvent))``
        Strobes, counted for LINK.
    reset : ``Out(1)``
        Reset the network.
    samples, results, requests, responses
        Those of a `NetworkTop`.
    """

    def __init__(self, config: NetworkConfig, frame_bytes: int = FRAME_BYTES) -> None:
        self._config, self._frame_bytes = config, frame_bytes
        super().__init__(
            {
                "start": In(1),
                "kind": In(8),
                "body": In(stream.Signature(8)),
                "answer": Out(stream.Signature(8, always_ready=True)),
                "begin": Out(1),
                "summed": Out(1),
                "sum": In(8),
                "done": Out(1),
                "mid_sample": Out(1),
                "unfetched": Out(1),
                "events": In(len(LinkEvent)),
                "reset": Out(1),
                "samples": Out(stream.Signature(sample_layout(config))),
                "results": In(stream.Signature(result_layout(config))),
                "requests": Out(stream.Signature(request_layout(config))),
                "responses": In(stream.Signature(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        body, kind = self.body, self.kind
        greeted = greeting(self._frame_bytes)
        hello = Const(int.from_bytes(greeted, "little"), 8 * _WORD_BYTES)
        # What is written to a register, or a sum, from the first byte that has come: the next comes in from above.
        word = Signal(32, reset_less=True)
        # Of the four bytes of a value, which is taken or given.
        place = Signal(range(_WORD_BYTES))
        whole = place == _WORD_BYTES - 1

        def give(byte: object) -> None:
            m.d.comb += [self.answer.valid.eq(1), self.answer.payload.eq(byte)]
            m.d.sync += place.eq(place + 1)

        taken = Signal(8)
        shift = Signal()
        with m.If(shift):
            m.d.sync += word.eq(Cat(word[8:], taken))

        def take(byte: object) -> None:
            m.d.comb += [taken.eq(byte), shift.eq(1)]
            m.d.sync += place.eq(place + 1)

        def finish() -> None:
            m.d.comb += self.done.eq(1)
            m.next = "Idle"

        # -- registers ---------------------------------------------------------------------------------------------

        address = Signal.like(self.requests.p.address, reset_less=True)
        count = Signal(range(CHECKSUM_WORDS), reset_less=True)
        m.d.comb += [
            self.requests.p.address.eq(address),
            self.requests.p.write.eq(~kind.matches(Request.READ, Request.CHECKSUM)),
            self.requests.p.data.eq(word),
        ]

        # -- samples and results -----------------------------------------------------------------------------------

        lists = ListReader(self._config, self._frame_bytes)
        m.submodules.lists = ResetInserter(self.reset)(lists)
        connect(m, lists.samples, flipped(self.samples))
        m.d.comb += [lists.i.payload.eq(body.payload), self.mid_sample.eq(lists.begun)]
        # Results wait here while registers are accessed: a network whose result nobody takes would make them wait.
        winner = self.results.p.winner
        # The one that came last moves up as soon as there is room.
        found = Cat(winner, self.results.p.most)
        came = Signal()
        waits = Signal()
        fetched = Signal()
        coming = Signal.like(found, reset_less=True)
        waiting = Signal.like(found, reset_less=True)
        result = Signal(32)
        m.d.comb += [
            self.results.ready.eq(~came),
            self.unfetched.eq(came | waits),
            result[:16].eq(waiting[: len(winner)]),
            result[16:].eq(waiting[len(winner) :]),
        ]
        with m.If(~came):
            m.d.sync += [came.eq(self.results.valid), coming.eq(found)]
        with m.Elif(~waits):
            m.d.sync += came.eq(0)
        with m.If(~waits):
            m.d.sync += [waits.eq(came), waiting.eq(coming)]
        with m.Elif(fetched):
            m.d.sync += waits.eq(0)
        with m.If(self.reset):
            m.d.sync += [came.eq(0), waits.eq(0)]

        # -- the link's counters -----------------------------------------------------------------------------------

        m.submodules.events = events = EventCounters(len(LinkEvent))
        event_byte = Signal.like(events.address)
        m.d.comb += [events.events.eq(self.events), events.address.eq(event_byte)]

        with m.FSM():
            with m.State("Idle"), m.If(self.start), m.Switch(kind):
                with m.Case(Request.HELLO):
                    m.next = "Reset"
                with m.Case(Request.READ, Request.WRITE, Request.CHECKSUM):
                    m.next = "Address"
                with m.Case(Request.SAMPLES, Request.RESULTS):
                    m.next = "Feed"
                with m.Case(Request.LINK):
                    m.next = "Settle"

            with m.State("Reset"):
                m.d.sync += [self.reset.eq(1), address.eq(0)]
                m.next = "Resetting"
            with m.State("Resetting"):
                m.d.sync += self.reset.eq(0)
                # IDENTITY is written, which does nothing but wait until the LFSRs are seeded.
                m.next = "Access"
            with m.State("Address"):
                m.d.comb += body.ready.eq(1)
                m.d.sync += address.eq(body.payload)
                m.next = "Count"
                with m.If(kind == Request.WRITE):
                    m.next = "Gather"
            with m.State("Count"):
                m.d.comb += body.ready.eq(1)
                m.d.sync += count.eq(body.payload)
                m.next = "Access"
                with m.If(kind == Request.CHECKSUM):
                    m.d.comb += self.begin.eq(1)
                    m.next = "High count"
            with m.State("High count"):
                m.d.comb += body.ready.eq(1)
                m.d.sync += count[8:].eq(body.payload)
                m.next = "Access"
            with m.State("Gather"):
                m.d.comb += body.ready.eq(1)
                take(body.payload)
                with m.If(whole):
                    m.next = "Access"
            with m.State("Access"):
                m.d.comb += self.requests.valid.eq(1)
                with m.If(self.requests.ready):
                    m.d.sync += count.eq(count - 1)
                    m.next = "Response"
            with m.State("Response"), m.If(self.responses.valid), m.Switch(kind):
                with m.Case(Request.READ, Request.CHECKSUM):
                    # Of a sum they are the answer's only for now: its memory may overflow, since it begins anew.
                    give(self.responses.payload.word_select(place, 8))
                    with m.If(whole):
                        m.d.comb += self.responses.ready.eq(1)
                        m.next = "Access"
                        with m.If(count == 0):
                            m.next = "Summed"
                            with m.If(kind == Request.READ):
                                finish()
                with m.Case(Request.WRITE):
                    m.d.comb += self.responses.ready.eq(1)
                    m.next = "Gather"
                    with m.If(~body.valid):
                        finish()
                with m.Default():
                    m.d.comb += self.responses.ready.eq(1)
                    m.next = "Send"

            with m.State("Feed"):
                m.d.comb += [lists.i.valid.eq(body.valid), body.ready.eq(lists.i.ready)]
                with m.If(waits):
                    m.next = "Send"
                with m.Elif(~body.valid & lists.idle & ~came):
                    finish()

            with m.State("Settle"):
                m.d.comb += events.reading.eq(events.idle)
                with m.If(events.idle):
                    m.d.sync += event_byte.eq(1)
                    m.next = "Counter"
            with m.State("Counter"):
                # A byte is there in the cycle after its address.
                m.d.comb += [events.reading.eq(1), self.answer.valid.eq(1), self.answer.payload.eq(events.data)]
                m.d.sync += event_byte.eq(event_byte + 1)
                with m.If(event_byte == 2 * len(LinkEvent)):
                    m.d.sync += event_byte.eq(0)
                    finish()

            with m.State("Summed"):
                m.d.comb += self.summed.eq(1)
                take(self.sum)
                with m.If(whole):
                    m.d.comb += self.begin.eq(1)
                    m.next = "Header"
            with m.State("Header"), m.If(self.start):
                m.next = "Send"

            with m.State("Send"), m.Switch(kind):
                with m.Case(Request.HELLO):
                    give(hello.word_select(place, 8))
                    with m.If(place == len(greeted) - 1):
                        m.d.sync += place.eq(0)
                        finish()
                with m.Case(Request.CHECKSUM):
                    give(word[:8])
                    m.d.comb += shift.eq(1)
                    with m.If(whole):
                        finish()
                with m.Default():
                    give(result.word_select(place, 8))
                    with m.If(whole):
                        m.d.comb += fetched.eq(1)
                        m.next = "Feed"
        return m
