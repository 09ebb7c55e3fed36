"""Wishbone B4: registers, and samples and results through two of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.registers import bus_registers

from .access import ADDRESS_BITS, Answer, access_layout, answer_layout
from .network import BusNetwork
from .results import result_beat
from .samples import sample_beat

__all__ = ["StreamWindow", "Wishbone", "WishboneNetwork", "WishboneRegisters"]


class Wishbone(wiring.Signature):
    """Wishbone B4 with 32 bits of data in bytes of 8, as its master sees it.

    ``cyc``, ``stb``, ``we``; ``adr`` of a byte, whose two lowest bits say nothing, since ``sel``, a bit for each byte
    of the word, does; ``dat_w``, ``dat_r``; ``ack`` or ``err`` ends an access; ``stall`` is for pipelined masters.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "cyc": Out(1),
                "stb": Out(1),
                "we": Out(1),
                "adr": Out(ADDRESS_BITS),
                "sel": Out(4),
                "dat_w": Out(32),
                "dat_r": In(32),
                "ack": In(1),
                "err": In(1),
                "stall": In(1),
            }
        )


class WishboneRegisters(wiring.Component):
    """The slave's end of Wishbone: one access at a time, for masters of the classic kind and pipelined ones.

    `ack` and `err` last one cycle, and come only while `cyc` and `stb` are set. A master that has given up, by taking
    one of them back, gets no answer; what it has begun is done all the same, and the next access waits for it.
    Latency: `ack` or `err` comes three cycles after `stb`, besides those of the access.

    Members
    -------
    bus : ``In(Wishbone())``
    accesses, answers : ``Out(stream.Signature(access_layout()))``, ``In(stream.Signature(answer_layout()))``
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "bus": In(Wishbone()),
                "accesses": Out(stream.Signature(access_layout())),
                "answers": In(stream.Signature(answer_layout())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus, access, answer = self.bus, self.accesses.p, self.answers.p
        asked = Signal()
        given_up = Signal()
        responding = Signal()
        m.d.comb += [
            asked.eq(bus.cyc & bus.stb),
            bus.dat_r.eq(answer.data),
            bus.ack.eq(responding & asked & (answer.status == Answer.OKAY)),
            bus.err.eq(responding & asked & (answer.status != Answer.OKAY)),
            bus.stall.eq(asked & ~responding),
        ]
        with m.If(~asked):
            m.d.sync += given_up.eq(1)
        with m.FSM():
            with m.State("Idle"), m.If(asked):
                m.d.sync += [
                    access.address[2:].eq(bus.adr[2:]),
                    access.write.eq(bus.we),
                    access.data.eq(bus.dat_w),
                    # Reads are of whole words, whichever bytes are wanted.
                    access.strobe.eq(bus.sel),
                    given_up.eq(0),
                ]
                m.next = "Access"
            with m.State("Access"):
                m.d.comb += self.accesses.valid.eq(1)
                with m.If(self.accesses.ready):
                    m.next = "Wait"
            with m.State("Wait"), m.If(self.answers.valid):
                with m.If(given_up):
                    m.d.comb += self.answers.ready.eq(1)
                    m.next = "Idle"
                with m.Else():
                    m.next = "Respond"
            with m.State("Respond"):
                m.d.comb += [responding.eq(~given_up), self.answers.ready.eq(1)]
                m.next = "Idle"
        return m


class StreamWindow(wiring.Component):
    """Samples and results through the registers SAMPLE and RESULT; other accesses are passed on.

    A write of SAMPLE is done when its word is taken: at once, or when samples before it have been shown; so it takes
    no longer than they do. If it would begin a sample and no more are let in, it is refused (SLVERR): it could wait
    for results to be taken, and who takes them may be the one who waits. A read of RESULT gives the next word of the
    oldest result, or all ones if there is none; a write drops the rest of a result whose first word has been read.

    Latency: an answer comes the cycle after an access, that of a SAMPLE two. Other accesses are passed on in the same
    cycle, and their answers a cycle later.

    Members
    -------
    accesses, answers : ``In(stream.Signature(access_layout()))``, ``Out(stream.Signature(answer_layout()))``
    others : ``Out(stream.Signature(access_layout()))``
        Accesses of other registers.
    other_answers : ``In(stream.Signature(answer_layout()))``
    words : ``Out(stream.Signature(sample_beat()))``
        Words of samples; what they show does not change while `blocked` is looked at.
    blocked : ``In(1)``
        The word that `words` shows, valid or not, would begin a sample, and no more are let in.
    results : ``In(stream.Signature(result_beat()))``
        A result's words follow each other without a gap.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "accesses": In(stream.Signature(access_layout())),
                "answers": Out(stream.Signature(answer_layout())),
                "others": Out(stream.Signature(access_layout())),
                "other_answers": In(stream.Signature(answer_layout())),
                "words": Out(stream.Signature(sample_beat())),
                "blocked": In(1),
                "results": In(stream.Signature(result_beat())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        registers = bus_registers(streams=True)
        access, results = self.accesses.p, self.results
        own = access.address.matches(*(4 * registers[name].address for name in ("SAMPLE", "RESULT")))
        of_result = access.address == 4 * registers["RESULT"].address
        status = Signal(Answer)
        value = Signal(32)
        within = Signal()
        with m.If(results.valid & results.ready):
            m.d.sync += within.eq(~results.p.last)
        m.d.comb += [
            self.others.payload.eq(self.accesses.payload),
            self.words.p.data.eq(access.data),
            self.answers.p.status.eq(status),
            self.answers.p.data.eq(value),
        ]

        def answer(said: Answer, read: object = 0) -> None:
            m.d.comb += self.accesses.ready.eq(1)
            m.d.sync += [status.eq(said), value.eq(read)]
            m.next = "Answer"

        with m.FSM():
            with m.State("Decode"), m.If(self.accesses.valid):
                with m.If(~own):
                    m.d.comb += [self.others.valid.eq(1), self.accesses.ready.eq(self.others.ready)]
                    with m.If(self.others.ready):
                        m.next = "Other"
                with m.Elif(access.write & (access.strobe == 0)):
                    answer(Answer.OKAY)
                with m.Elif(access.write & ~access.strobe.all()):
                    answer(Answer.SLVERR)
                with m.Elif(of_result & access.write):
                    m.next = "Drop"
                with m.Elif(of_result):
                    m.d.comb += results.ready.eq(1)
                    answer(Answer.OKAY, Mux(results.valid, results.p.data.as_value(), 0xFFFF_FFFF))
                with m.Elif(~access.write):
                    answer(Answer.OKAY)
                with m.Elif(self.blocked):
                    answer(Answer.SLVERR)
                with m.Else():
                    m.next = "Word"
            with m.State("Word"):
                m.d.comb += self.words.valid.eq(1)
                with m.If(self.words.ready):
                    answer(Answer.OKAY)
            with m.State("Drop"):
                m.d.comb += results.ready.eq(within)
                with m.If(~within | (results.valid & results.p.last)):
                    answer(Answer.OKAY)
            with m.State("Other"):
                m.d.comb += self.other_answers.ready.eq(1)
                with m.If(self.other_answers.valid):
                    m.d.sync += [status.eq(self.other_answers.p.status), value.eq(self.other_answers.p.data)]
                    m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += self.answers.valid.eq(1)
                with m.If(self.answers.ready):
                    m.next = "Decode"
        return m


class WishboneNetwork(wiring.Component):
    """A network on Wishbone; docs/bus.md says what each access does.

    Parameters
    ----------
    config : NetworkConfig
    weights : sequence of int64 array, optional
        Those at power-up, see `NetworkTop`.

    Attributes
    ----------
    core : BusNetwork

    Members
    -------
    wb : ``In(Wishbone())``
    """

    def __init__(self, config: NetworkConfig, weights: Sequence[NDArray[np.int64]] | None = None) -> None:
        self.core = BusNetwork(config, weights)
        super().__init__({"wb": In(Wishbone())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.registers = registers = WishboneRegisters()
        m.submodules.window = window = StreamWindow()
        m.submodules.core = core = self.core
        connect(m, flipped(self.wb), registers.bus)
        connect(m, registers.accesses, window.accesses)
        connect(m, window.answers, registers.answers)
        connect(m, window.others, core.accesses)
        connect(m, core.answers, window.other_answers)
        connect(m, window.words, core.words)
        connect(m, core.results, window.results)
        m.d.comb += window.blocked.eq(core.blocked)
        return m
