"""AXI: registers on AXI4-Lite, samples and results on AXI4-Stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth import Module, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import NDArray

from backspike.config import NetworkConfig

from .access import ADDRESS_BITS, Answer, access_layout, answer_layout
from .network import BusNetwork
from .results import result_beat
from .samples import sample_beat

__all__ = ["AxiLite", "AxiLiteRegisters", "AxiNetwork"]


class AxiLite(wiring.Signature):
    """AXI4-Lite with 32 bits of data, as its manager sees it: five streams.

    ``aw``: address and ``prot`` of a write; ``w``: ``data`` and ``strb``, a bit for each byte; ``b``: ``resp``, an
    `Answer`; ``ar``: address and ``prot`` of a read; ``r``: ``data`` and ``resp``.
    """

    def __init__(self) -> None:
        address = stream.Signature(data.StructLayout({"addr": ADDRESS_BITS, "prot": 3}))
        super().__init__(
            {
                "aw": Out(address),
                "w": Out(stream.Signature(data.StructLayout({"data": 32, "strb": 4}))),
                "b": In(stream.Signature(data.StructLayout({"resp": Answer}))),
                "ar": Out(address),
                "r": In(stream.Signature(data.StructLayout({"data": 32, "resp": Answer}))),
            }
        )


class AxiLiteRegisters(wiring.Component):
    """The subordinate's end of AXI4-Lite: one access at a time, reads and writes in turn where both wait.

    Address and data of a write may come in any order. Neither is taken before both are there, and no address of a
    read or a write before its access is done, so nothing is stored here. No output follows from an input in the same
    cycle. Latency: the response comes four cycles after the address (and data), besides those of the access.

    Members
    -------
    bus : ``In(AxiLite())``
    accesses, answers : ``Out(stream.Signature(access_layout()))``, ``In(stream.Signature(answer_layout()))``
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "bus": In(AxiLite()),
                "accesses": Out(stream.Signature(access_layout())),
                "answers": In(stream.Signature(answer_layout())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus, access, answer = self.bus, self.accesses.p, self.answers.p
        writing = Signal()
        m.d.comb += [
            access.write.eq(writing),
            access.address.eq(bus.ar.p.addr),
            bus.b.p.resp.eq(answer.status),
            bus.r.p.resp.eq(answer.status),
            bus.r.p.data.eq(answer.data),
        ]
        with m.If(writing):
            # A manager may change its data while it reads, but no access does.
            m.d.comb += [
                access.address.eq(bus.aw.p.addr),
                access.data.eq(bus.w.p.data),
                access.strobe.eq(bus.w.p.strb),
            ]
        write, read = bus.aw.valid & bus.w.valid, bus.ar.valid
        with m.FSM():
            with m.State("Idle"), m.If(write | read):
                # After a write a read comes first, and after a read a write.
                m.d.sync += writing.eq(write & ~(read & writing))
                m.next = "Access"
            with m.State("Access"):
                m.d.comb += self.accesses.valid.eq(1)
                with m.If(self.accesses.ready):
                    m.next = "Take"
            with m.State("Take"):
                m.d.comb += [bus.aw.ready.eq(writing), bus.w.ready.eq(writing), bus.ar.ready.eq(~writing)]
                m.next = "Wait"
            with m.State("Wait"), m.If(self.answers.valid):
                m.next = "Respond"
            with m.State("Respond"):
                m.d.comb += [bus.b.valid.eq(writing), bus.r.valid.eq(~writing)]
                with m.If((writing & bus.b.ready) | (~writing & bus.r.ready)):
                    m.d.comb += self.answers.ready.eq(1)
                    m.next = "Idle"
        return m


class AxiNetwork(wiring.Component):
    """A network on AXI; docs/bus.md says what each access and word does.

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
    s_axi : ``In(AxiLite())``
    s_axis_samples : ``In(stream.Signature(sample_beat()))``
        Two words are buffered, so that `ready` follows from registers alone.
    m_axis_results : ``Out(stream.Signature(result_beat()))``
    """

    def __init__(self, config: NetworkConfig, weights: Sequence[NDArray[np.int64]] | None = None) -> None:
        self.core = BusNetwork(config, weights)
        super().__init__(
            {
                "s_axi": In(AxiLite()),
                "s_axis_samples": In(stream.Signature(sample_beat())),
                "m_axis_results": Out(stream.Signature(result_beat())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.registers = registers = AxiLiteRegisters()
        m.submodules.core = core = self.core
        buffer = SyncFIFO(width=len(core.words.payload.as_value()), depth=2)
        m.submodules.buffer = ResetInserter(core.reset)(buffer)
        connect(m, flipped(self.s_axi), registers.bus)
        connect(m, registers.accesses, core.accesses)
        connect(m, core.answers, registers.answers)
        connect(m, core.results, flipped(self.m_axis_results))
        samples = self.s_axis_samples
        m.d.comb += [
            buffer.w_data.eq(samples.payload),
            buffer.w_en.eq(samples.valid),
            samples.ready.eq(buffer.w_rdy),
            core.words.payload.eq(buffer.r_data),
            core.words.valid.eq(buffer.r_rdy),
            buffer.r_en.eq(core.words.ready),
        ]
        return m
