"""Several users of one memory, one burst after the other."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .port import COUNT_BITS, WORD_BITS, memory_port

__all__ = ["MemoryArbiter", "MemoryUser", "store_layout"]


def store_layout(address_bits: int) -> data.StructLayout:
    """Return the layout of a word to write: its ``address`` and the ``word``."""
    return data.StructLayout({"address": address_bits, "word": WORD_BITS})


class MemoryUser(wiring.Signature):
    """A user's side of a `MemoryArbiter`.

    ``store``
        Words to write, one at a time: so a user that is reset leaves no burst behind.
    ``fetch``
        Words to read: the ``address`` of the first, and a ``count``, at least 1.
    ``words``
        What is read.
    """

    def __init__(self, address_bits: int) -> None:
        fetch = data.StructLayout({"address": address_bits, "count": COUNT_BITS})
        super().__init__(
            {
                "store": Out(stream.Signature(store_layout(address_bits))),
                "fetch": Out(stream.Signature(fetch)),
                "words": In(stream.Signature(WORD_BITS)),
            }
        )


class MemoryArbiter(wiring.Component):
    """Gives a memory to two users in turn, a burst at a time.

    Latency: two cycles more than the memory's, if it is free. A user that waits is the next.

    Members
    -------
    player, host : ``In(MemoryUser(address_bits))``
        A user stores or fetches, and not both at once. What a user has asked for before its `reset` is done, but what
        it reads is dropped. `host` comes first if both ask at once after a rest.
    reset_player, reset_host : ``In(1)``
    memory : ``Out(memory_port(address_bits))``
    """

    def __init__(self, address_bits: int) -> None:
        super().__init__(
            {
                "player": In(MemoryUser(address_bits)),
                "host": In(MemoryUser(address_bits)),
                "reset_player": In(1),
                "reset_host": In(1),
                "memory": Out(memory_port(address_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        memory, burst = self.memory, self.memory.burst.p
        users = (self.player, self.host)
        owner = Signal()
        dropped = Signal()
        left = Signal(COUNT_BITS)
        asking = Cat(user.store.valid | user.fetch.valid for user in users)
        chosen = Signal()
        # The one that has not had its turn.
        m.d.comb += chosen.eq(Mux(asking.all(), ~owner, asking[1]))
        m.d.sync += dropped.eq(dropped | Mux(owner, self.reset_host, self.reset_player))
        with m.FSM():
            with m.State("Idle"), m.If(asking.any()):
                m.d.sync += [owner.eq(chosen), dropped.eq(0)]
                for number, user in enumerate(users):
                    with m.If(chosen == number):
                        # One that is reset in this cycle asks for nothing.
                        free = ~(self.reset_player, self.reset_host)[number]
                        m.d.comb += [
                            user.store.ready.eq(free),
                            user.fetch.ready.eq(free & ~user.store.valid),
                        ]
                        m.d.sync += [
                            burst.write.eq(user.store.valid),
                            burst.address.eq(Mux(user.store.valid, user.store.p.address, user.fetch.p.address)),
                            burst.count.eq(Mux(user.store.valid, 1, user.fetch.p.count)),
                            memory.written.payload.eq(user.store.p.word),
                        ]
                        with m.If(free):
                            m.next = "Burst"
            with m.State("Burst"):
                m.d.comb += memory.burst.valid.eq(1)
                m.d.sync += left.eq(burst.count)
                with m.If(memory.burst.ready):
                    m.next = "Read"
                    with m.If(burst.write):
                        m.next = "Write"
            with m.State("Write"):
                m.d.comb += memory.written.valid.eq(1)
                with m.If(memory.written.ready):
                    m.next = "Idle"
            with m.State("Read"):
                m.d.comb += memory.read.ready.eq(dropped)
                for number, user in enumerate(users):
                    with m.If((owner == number) & ~dropped):
                        m.d.comb += [memory.read.ready.eq(user.words.ready), user.words.valid.eq(memory.read.valid)]
                with m.If(memory.read.valid & memory.read.ready):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "Idle"
        for user in users:
            m.d.comb += user.words.payload.eq(memory.read.payload)
        return m
