"""What a request of the sample memory does, and the answer's bytes that this gives."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.memory.arbiter import MemoryUser
from backspike.hdl.memory.runs import COUNT_BYTES, NO_REGISTER, RUN_BYTES, RunPort
from backspike.link import RUNS, MemoryRequest
from backspike.model.records import longest_record

__all__ = ["MemoryExecutor"]

_NUMBER_BYTES = 4


class MemoryExecutor(wiring.Component):
    """Executes requests that a `MemoryChecker` has found to be right, one at a time.

    Latency: a word is written four cycles after the one before, or read three, if the memory is as fast; a run is in
    the queue 68 cycles after `start`, and what came of runs is told in 134, if the player lets go of the table.

    Parameters
    ----------
    config : NetworkConfig
    address_bits : int
        Of the memory.

    Members
    -------
    start, kind, body, answer, done
        As of a `RequestExecutor`; the kind is a `MemoryRequest`.
    ready : ``In(1)``
        The memory is ready.
    memory : ``Out(MemoryUser(address_bits))``
    runs : ``Out(RunPort())``
    """

    def __init__(self, config: NetworkConfig, address_bits: int) -> None:
        self._config, self._address_bits = config, address_bits
        super().__init__(
            {
                "start": In(1),
                "kind": In(8),
                "body": In(stream.Signature(8)),
                "answer": Out(stream.Signature(8, always_ready=True)),
                "done": Out(1),
                "ready": In(1),
                "memory": Out(MemoryUser(address_bits)),
                "runs": Out(RunPort()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, body, kind, runs = self._address_bits, self.body, self.kind, self.runs
        store, fetch, words = self.memory.store, self.memory.fetch, self.memory.words
        number = Signal(8 * _NUMBER_BYTES)
        place = Signal(range(RUNS * (RUN_BYTES + COUNT_BYTES)))
        address = Signal(bits)
        count = Signal(8)
        high = Signal()

        def tell(byte: object) -> None:
            m.d.comb += [self.answer.valid.eq(1), self.answer.payload.eq(byte)]

        def finish() -> None:
            m.d.comb += self.done.eq(1)
            m.next = "Idle"

        size = (1 << bits).to_bytes(4, "little") + longest_record(self._config).to_bytes(2, "little") + bytes((RUNS,))
        m.d.comb += [
            store.p.address.eq(address),
            store.p.word.eq(Cat(number[-8:], body.payload)),
            fetch.p.address.eq(address),
            fetch.p.count.eq(count),
        ]
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [place.eq(0), high.eq(0)]
                with m.If(self.start), m.Switch(kind):
                    with m.Case(MemoryRequest.MEMORY):
                        m.next = "Size"
                    with m.Case(MemoryRequest.RUN):
                        m.next = "Lock"
                    with m.Case(MemoryRequest.RUNS):
                        m.next = "Number"
                    with m.Default():
                        m.next = "Address"

            with m.State("Size"):
                m.d.sync += place.eq(place + 1)
                tell(self.ready)
                with m.Switch(place):
                    for position, byte in enumerate(size):
                        with m.Case(position):
                            tell(byte)
                    with m.Default():
                        finish()

            # Words.
            with m.State("Address"):
                m.d.comb += body.ready.eq(1)
                m.d.sync += [number.eq(Cat(number[8:], body.payload)), place.eq(place + 1)]
                with m.If(place == _NUMBER_BYTES - 1):
                    m.next = "Addressed"
            with m.State("Addressed"):
                m.d.sync += [address.eq(number), count.eq(body.payload)]
                m.next = "Low byte"
                with m.If(kind == MemoryRequest.MEMORY_READ):
                    m.next = "Fetch"
            with m.State("Low byte"):
                m.d.comb += body.ready.eq(1)
                m.d.sync += number[-8:].eq(body.payload)
                m.next = "Store"
                with m.If(~body.valid):
                    finish()
            with m.State("Store"):
                m.d.comb += [store.valid.eq(1), body.ready.eq(store.ready)]
                with m.If(store.ready):
                    m.d.sync += address.eq(address + 1)
                    m.next = "Low byte"
            with m.State("Fetch"):
                m.d.comb += fetch.valid.eq(1)
                with m.If(fetch.ready):
                    m.next = "Words"
            with m.State("Words"), m.If(words.valid):
                tell(words.payload.word_select(high, 8))
                m.d.sync += high.eq(~high)
                m.d.comb += words.ready.eq(high)
                with m.If(high):
                    m.d.sync += count.eq(count - 1)
                    with m.If(count == 1):
                        finish()

            # Runs.
            with m.State("Lock"):
                m.d.comb += runs.lock.eq(1)
                with m.If(runs.granted):
                    m.next = "Append"
            with m.State("Append"):
                m.d.comb += [
                    runs.lock.eq(1),
                    runs.address.eq(Cat(place[:6], runs.number[:3])),
                    runs.write.eq(1),
                    runs.byte.eq(Mux(body.valid, body.payload, Mux(place < RUN_BYTES, NO_REGISTER, 0))),
                    body.ready.eq(1),
                ]
                m.d.sync += place.eq(place + 1)
                with m.If(place == RUN_BYTES + COUNT_BYTES - 1):
                    m.d.comb += runs.append.eq(1)
                    tell(runs.number)
                    finish()
            with m.State("Number"):
                tell(runs.number)
                m.next = "Unfinished"
            with m.State("Unfinished"):
                tell(runs.unfinished)
                m.next = "Lock counts"
            with m.State("Lock counts"):
                m.d.comb += [runs.lock.eq(1), runs.address.eq(RUN_BYTES)]
                with m.If(runs.granted):
                    m.next = "Counts"
            with m.State("Counts"):
                # The next byte's address: within the counts of a run, then those of the next.
                following = (place + 1)[:7]
                m.d.comb += [
                    runs.lock.eq(1),
                    runs.address.eq(Cat(following[:4], Const(RUN_BYTES >> 4, 2), following[4:])),
                ]
                m.d.sync += place.eq(place + 1)
                tell(runs.data)
                with m.If(place == RUNS * COUNT_BYTES - 1):
                    finish()
        return m
