"""Whether a request of the sample memory can be done, which is known before anything is."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.link import (
    FRAME_BYTES,
    MEMORY_READ_WORDS,
    OVERHEAD,
    RUN_WRITES,
    MemoryRequest,
    RunFlag,
    Status,
)
from backspike.registers import RegisterMap

__all__ = ["MemoryChecker"]

_NUMBER_BYTES = 4
_RUN_BYTES = 3 * _NUMBER_BYTES + 1
_WRITE_BYTES = 1 + _NUMBER_BYTES


class MemoryChecker(wiring.Component):
    """Reads a request of the sample memory, and says which status its answer has to have.

    Latency: two cycles, and one for each byte of the body but the words of ``MEMORY_WRITE``; two more for each address.

    Parameters
    ----------
    config : NetworkConfig
    address_bits : int
        Of the memory.
    frame_bytes : int
        Most bytes of a frame.

    Members
    -------
    start, kind, size, body, mid_sample, done, status
        As of a `RequestChecker`; the kind is a `MemoryRequest`.
    ready : ``In(1)``
        The memory is ready.
    full : ``In(1)``
        There is no place for a run.
    """

    def __init__(self, config: NetworkConfig, address_bits: int, frame_bytes: int = FRAME_BYTES) -> None:
        self._config, self._address_bits = config, address_bits
        super().__init__(
            {
                "start": In(1),
                "kind": In(8),
                "size": In(range(frame_bytes - OVERHEAD + 1)),
                "body": In(stream.Signature(8)),
                "mid_sample": In(1),
                "ready": In(1),
                "full": In(1),
                "done": Out(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, registers = self._address_bits, len(RegisterMap(self._config).registers)
        byte, size, status = self.body.payload, self.size, self.status
        # The last bytes; words from an address on.
        number = Signal(8 * _NUMBER_BYTES)
        bytes_left = Signal(range(_NUMBER_BYTES))
        address = Signal(bits)
        outside = Signal()
        extent = Signal(bits + 1)
        numbers = Signal(range(3))
        is_run = self.kind == MemoryRequest.RUN

        def conclude(found: object) -> None:
            m.d.sync += status.eq(found)
            m.next = "Done"

        def wrong() -> None:
            conclude(Status.WRONG_BODY)

        def take() -> None:
            m.d.comb += self.body.ready.eq(1)
            m.d.sync += [number.eq(Cat(number[8:], byte)), bytes_left.eq(bytes_left - 1)]

        def gather(following: str) -> None:
            m.d.sync += bytes_left.eq(_NUMBER_BYTES - 1)
            m.next = following

        # What a right body meets.
        allowed = Signal(Status)
        with m.If(~self.ready):
            m.d.comb += allowed.eq(Status.NOT_READY)
        with m.Elif(is_run & self.mid_sample):
            m.d.comb += allowed.eq(Status.MID_SAMPLE)
        with m.Elif(is_run & self.full):
            m.d.comb += allowed.eq(Status.QUEUE_FULL)

        end: Value = address + extent
        with m.FSM():
            with m.State("Idle"), m.If(self.start):
                m.d.sync += numbers.eq(0)
                with m.Switch(self.kind):
                    with m.Case(MemoryRequest.MEMORY, MemoryRequest.RUNS):
                        conclude(Mux(size == 0, Status.DONE, Status.WRONG_BODY))
                    with m.Case(MemoryRequest.MEMORY_WRITE):
                        # An address, and words.
                        m.d.sync += extent.eq((size - _NUMBER_BYTES)[1:])
                        gather("Address")
                        with m.If(size[0] | (size <= _NUMBER_BYTES)):
                            wrong()
                    with m.Case(MemoryRequest.MEMORY_READ):
                        # An address, and how many words.
                        gather("Address")
                        with m.If(size != _NUMBER_BYTES + 2):
                            wrong()
                    with m.Default():
                        # Samples, two addresses, flags; then registers with values.
                        gather("Samples")
                        with m.If((size < _RUN_BYTES) | (size > _RUN_BYTES + _WRITE_BYTES * RUN_WRITES)):
                            wrong()

            with m.State("Address"):
                take()
                with m.If(bytes_left == 0):
                    m.next = "Addressed"
            with m.State("Addressed"):
                m.d.sync += [address.eq(number), outside.eq(number[bits:].any())]
                m.next = "Range"
                with m.If(self.kind == MemoryRequest.MEMORY_READ):
                    m.next = "Count"
            with m.State("Count"):
                take()
                m.next = "Counted"
            with m.State("Counted"):
                m.d.sync += extent.eq(number[-8:])
                m.next = "Range"
                with m.If((number[-8:] == 0) | (number[-8:] > MEMORY_READ_WORDS) | (byte != 0)):
                    wrong()
            with m.State("Range"):
                with m.If(outside | (end > 1 << bits) | (is_run & address[0])):
                    wrong()
                with m.Elif(~is_run):
                    conclude(allowed)
                with m.Else():
                    m.d.sync += numbers.eq(numbers + 1)
                    gather("Address")
                    with m.If(numbers == 1):
                        m.next = "Flags"

            with m.State("Samples"):
                take()
                with m.If(bytes_left == 0):
                    m.next = "Extent"
            with m.State("Extent"):
                m.d.sync += extent.eq(Cat(Const(0, 1), number[:bits]))
                gather("Address")
                with m.If(number[bits:].any()):
                    wrong()
            with m.State("Flags"):
                take()
                m.next = "Register"
                with m.If((byte >> len(RunFlag)).any()):
                    wrong()
            with m.State("Register"):
                with m.If(self.body.valid):
                    take()
                    gather("Value")
                    with m.If(byte >= registers):
                        wrong()
                with m.Else():
                    conclude(allowed)
            with m.State("Value"):
                take()
                with m.If(~self.body.valid):
                    wrong()
                with m.Elif(bytes_left == 0):
                    m.next = "Register"

            with m.State("Done"):
                m.d.comb += self.done.eq(1)
                m.next = "Idle"
        return m
