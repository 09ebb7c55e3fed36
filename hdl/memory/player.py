"""Plays samples out of a memory to a network, run after run."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import NetworkConfig
from backspike.hdl.registers import request_layout
from backspike.hdl.samples import sample_layout
from backspike.hdl.wins import result_layout
from backspike.link import RUN_WRITES, RunFlag
from backspike.model.records import ENTRY_WORDS

from .arbiter import MemoryUser
from .decoder import RecordDecoder
from .fetcher import RecordFetcher
from .results import ResultKeeper, expectation_layout
from .runs import NO_REGISTER, RunPort, RunTable

__all__ = ["SamplePlayer"]

_NUMBER_BYTES = 4
_EXPECTED = 4
"""Samples that can be between their record and their result: one comes in, one waits, one is shown, one is counted."""


class SamplePlayer(wiring.Component):
    """Does what runs say (docs/sample_memory.md): register writes, then samples in an order, and what came of them.

    While one sample is taken by the network, the next one's record is fetched and checked.

    Latency: the first entry is asked for 33 cycles after a run is there, and 12 more and those of the access for each
    of its register writes. Between two samples of the network's there are no cycles of the player's own where fetching
    (`RecordFetcher`) and decoding (`RecordDecoder`) take fewer than showing.

    Parameters
    ----------
    config : NetworkConfig
    address_bits : int
        Of the memory.

    Members
    -------
    link : ``In(RunPort())``
    free : ``In(1)``
        Nobody else's sample is in the network, nor will be until runs are finished.
    active : ``Out(1)``
        A run is played: samples, results, requests and responses are the player's.
    memory : ``Out(MemoryUser(address_bits))``
    samples, results, requests, responses
        Those of a `NetworkTop`.
    """

    def __init__(self, config: NetworkConfig, address_bits: int) -> None:
        self._config, self._address_bits = config, address_bits
        super().__init__(
            {
                "link": In(RunPort()),
                "free": In(1),
                "active": Out(1),
                "memory": Out(MemoryUser(address_bits)),
                "samples": Out(stream.Signature(sample_layout(config))),
                "results": In(stream.Signature(result_layout(config))),
                "requests": Out(stream.Signature(request_layout(config))),
                "responses": In(stream.Signature(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bits = self._config, self._address_bits
        m.submodules.table = table = RunTable()
        m.submodules.fetcher = fetcher = RecordFetcher(config, bits)
        m.submodules.decoder = decoder = RecordDecoder(config)
        m.submodules.keeper = keeper = ResultKeeper(config, bits)
        expected = Signal(expectation_layout(config))
        m.submodules.expected = expecting = SyncFIFO(width=len(expected.as_value()), depth=_EXPECTED)
        connect(m, flipped(self.link), table.link)
        connect(m, fetcher.fetch, flipped(self.memory.fetch))
        connect(m, flipped(self.memory.words), fetcher.words)
        connect(m, keeper.store, flipped(self.memory.store))
        connect(m, decoder.samples, flipped(self.samples))
        connect(m, flipped(self.results), keeper.results)
        connect(m, keeper.counted, table.counted)
        connect(m, expecting.r_stream, keeper.expected)

        # A run.
        left = Signal(bits)
        order = Signal(bits)
        results = Signal(bits)
        flags = Signal(len(RunFlag))
        byte = Signal(range(_NUMBER_BYTES))
        field = Signal(2)
        writes = Signal(range(RUN_WRITES + 1))
        address = Signal.like(self.requests.p.address)
        value = Signal(32)
        m.d.comb += [
            self.requests.p.address.eq(address),
            self.requests.p.write.eq(1),
            self.requests.p.data.eq(value),
            fetcher.entries.p.address.eq(order),
            fetcher.entries.p.final.eq(left == 1),
            keeper.address.eq(results),
            keeper.write.eq(flags[RunFlag.WRITE_RESULTS]),
        ]

        def gather() -> None:
            m.d.comb += table.wanted.eq(1)
            with m.If(table.came):
                m.d.sync += byte.eq(byte + 1)

        playing = Signal()
        with m.FSM():
            with m.State("Rest"), m.If(self.free & (self.link.unfinished != 0)):
                m.d.sync += [self.active.eq(1), writes.eq(0)]
                m.next = "Numbers"
            with m.State("Numbers"):
                gather()
                with m.If(table.came), m.Switch(field):
                    for number, target in enumerate((left, order, results)):
                        with m.Case(number), m.Switch(byte):
                            for part in range(-(-bits // 8)):
                                with m.Case(part):
                                    m.d.sync += target[8 * part : 8 * part + 8].eq(table.byte)
                    with m.Default():
                        m.d.sync += [flags.eq(table.byte), byte.eq(0)]
                        m.next = "Register"
                with m.If(table.came & ((byte == _NUMBER_BYTES - 1) | (field == 3))):
                    m.d.sync += field.eq(field + 1)

            # Registers.
            with m.State("Register"):
                with m.If(writes == RUN_WRITES):
                    m.next = "Begin"
                with m.Else():
                    m.d.comb += table.wanted.eq(1)
                    m.d.sync += address.eq(table.byte)
                    with m.If(table.came):
                        m.d.sync += writes.eq(writes + 1)
                        m.next = "Value"
                        with m.If(table.byte == NO_REGISTER):
                            m.next = "Begin"
            with m.State("Value"):
                gather()
                with m.If(table.came):
                    m.d.sync += value.eq(value.shift_right(8) | (table.byte << 24))
                    with m.If(byte == _NUMBER_BYTES - 1):
                        m.next = "Request"
            with m.State("Request"):
                m.d.comb += self.requests.valid.eq(1)
                with m.If(self.requests.ready):
                    m.next = "Response"
            with m.State("Response"):
                m.d.comb += self.responses.ready.eq(1)
                with m.If(self.responses.valid):
                    m.next = "Register"

            # Samples.
            with m.State("Begin"):
                m.d.comb += keeper.begin.eq(1)
                m.next = "Play"
                with m.If(left == 0):
                    m.next = "End"
            with m.State("Play"):
                m.d.comb += fetcher.entries.valid.eq(left != 0)
                with m.If(fetcher.entries.valid & fetcher.entries.ready):
                    m.d.sync += [left.eq(left - 1), order.eq(order + ENTRY_WORDS)]
                with m.If(keeper.finished):
                    m.next = "End"
            # Of recorded spikes, lists that the sample does not come to can be left.
            with m.State("End"), m.If(~playing):
                m.d.comb += table.finish.eq(1)
                m.d.sync += self.active.eq(0)
                m.next = "Rest"

        # Records that are there.
        record = fetcher.records
        m.d.comb += [
            expected.label.eq(record.p.label),
            expected.shown.eq(~record.p.damaged & ~flags[RunFlag.CHECK]),
            expected.damaged.eq(record.p.damaged),
            expected.final.eq(record.p.final),
            expecting.w_data.eq(expected),
            decoder.label.eq(record.p.label),
            decoder.learn.eq(flags[RunFlag.LEARN]),
            decoder.words.eq(record.p.words),
            decoder.data.eq(fetcher.data),
            fetcher.address.eq(decoder.address),
        ]
        with m.If(playing):
            m.d.comb += record.ready.eq(decoder.done)
            with m.If(decoder.done):
                m.d.sync += playing.eq(0)
        with m.Elif(record.valid & expecting.w_rdy):
            m.d.comb += expecting.w_en.eq(1)
            with m.If(expected.shown):
                m.d.comb += decoder.start.eq(1)
                m.d.sync += playing.eq(1)
            with m.Else():
                m.d.comb += record.ready.eq(1)
        return m
