"""Whether a frame is a request, which is known before anything is done."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.comparison import is_below
from backspike.link import FRAME_BYTES, OVERHEAD, PARTS, WORDS, Request, Status
from backspike.registers import RegisterMap

from .lists import label_layout

__all__ = ["RequestChecker"]


class RequestChecker(wiring.Component):
    """Reads a request, and says which status its answer has to have: what is not done has no effect at all.

    Latency: two cycles at most, and of samples two, and four for each list.

    Parameters
    ----------
    config : NetworkConfig
    frame_bytes : int
        Most bytes of a frame.

    Members
    -------
    start : ``In(1)``
        Check the request whose body's first byte is on `body`; its kind and size stay until `done`.
    kind, size : ``In(8)``, ``In(range(frame_bytes - OVERHEAD + 1))``
    body : ``In(stream.Signature(8))``
    skip, beyond : ``Out(16)``, ``In(1)``
        Those of a `BodyReader`.
    mid_sample : ``In(1)``
        A sample has begun to come in, and is not whole.
    done : ``Out(1)``
        Strobe: `status` is known, and stays until the next `start`.
    status : ``Out(Status)``
    """

    def __init__(self, config: NetworkConfig, frame_bytes: int = FRAME_BYTES) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "kind": In(8),
                "size": In(range(frame_bytes - OVERHEAD + 1)),
                "body": In(stream.Signature(8)),
                "skip": Out(16),
                "beyond": In(1),
                "mid_sample": In(1),
                "done": Out(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        registers, classes = len(RegisterMap(self._config).registers), self._config.layers[-1]
        byte, size, status = self.body.payload, self.size, self.status
        parts = Signal(range(PARTS + 1), reset_less=True)
        low = Signal(8, reset_less=True)
        outside = Signal(reset_less=True)
        known_register = is_below(byte, registers)
        allowed = Mux(self.mid_sample, Status.MID_SAMPLE, Status.DONE)
        m.d.sync += low.eq(byte)

        def conclude(found: object) -> None:
            m.d.sync += status.eq(found)
            m.next = "Done"

        def take(following: str) -> None:
            """Take a byte that has to be there."""
            m.d.comb += self.body.ready.eq(1)
            m.next = following
            with m.If(~self.body.valid):
                conclude(Status.WRONG_BODY)

        with m.FSM():
            with m.State("Idle"), m.If(self.start):
                m.d.sync += [parts.eq(0), outside.eq(0)]
                with m.Switch(self.kind):
                    with m.Case(Request.HELLO, Request.RESULTS, Request.LINK):
                        conclude(Mux(size == 0, Status.DONE, Status.WRONG_BODY))
                    with m.Case(Request.READ):
                        # An address, and a count.
                        conclude(Mux((size == 2) & known_register, Status.DONE, Status.WRONG_BODY))
                        take("Count")
                    with m.Case(Request.CHECKSUM):
                        # An address, and a count of two bytes.
                        conclude(Mux((size == 3) & known_register, allowed, Status.WRONG_BODY))
                    with m.Case(Request.WRITE):
                        # An address, and 1 to `WORDS` words.
                        fits = (size[:2] == 1) & ~is_below(size, 5) & is_below(size, 2 + 4 * WORDS) & known_register
                        conclude(Mux(fits, allowed, Status.WRONG_BODY))
                    with m.Case(Request.SAMPLES):
                        m.d.sync += status.eq(Status.DONE)
                        m.next = "Part"
                    with m.Default():
                        conclude(Status.UNKNOWN_KIND)
            with m.State("Count"):
                m.next = "Done"
                with m.If((byte == 0) | ~is_below(byte, WORDS + 1)):
                    conclude(Status.WRONG_BODY)
                with m.Elif((status == Status.DONE) & self.mid_sample):
                    conclude(Status.MID_SAMPLE)

            with m.State("Part"):
                with m.If(outside):
                    conclude(Status.WRONG_BODY)
                with m.Elif(~self.body.valid):
                    m.next = "Done"
                with m.Elif(parts == PARTS):
                    conclude(Status.WRONG_BODY)
                with m.Else():
                    take("Label")
            with m.State("Label"):
                # Told of a body that is whole: what is found wrong after it goes before.
                with m.If(~is_below(label_layout()(Cat(low, byte)).label, classes)):
                    m.d.sync += status.eq(Status.WRONG_LABEL)
                take("Length")
            with m.State("Length"):
                take("Entries")
            with m.State("Entries"):
                m.d.comb += self.skip.eq(Cat(low, byte))
                m.d.sync += [parts.eq(parts + 1), outside.eq(self.beyond)]
                take("Part")

            with m.State("Done"):
                m.d.comb += self.done.eq(1)
                m.next = "Idle"
        return m
