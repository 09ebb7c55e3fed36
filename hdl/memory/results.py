"""Results of a run: written, summed up, counted."""

from __future__ import annotations

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.wins import result_layout
from backspike.hdl.word_store import index_shape
from backspike.link import DAMAGED_RESULT

from .arbiter import store_layout
from .port import WORD_BITS
from .runs import count_layout

__all__ = ["ResultKeeper", "expectation_layout"]


def expectation_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of what is known of a result before it is there.

    ``label``; ``shown``, the network gives the result; ``damaged``, if not; ``final`` of a run.
    """
    return data.StructLayout({"label": index_shape(config.layers[-1]), "shown": 1, "damaged": 1, "final": 1})


class ResultKeeper(wiring.Component):
    """Takes results as they come, writes them to memory, and says what they add to a run's counts and digest.

    Latency: a result is counted six cycles after it has come, not counting those of the memory.

    Members
    -------
    begin : ``In(1)``
        A run begins: its results go to `address`, an even one, and on, if `write` is set.
    address, write : ``In(address_bits)``, ``In(1)``
    expected : ``In(stream.Signature(expectation_layout(config)))``
        All samples, in their order, those that are not shown too; taken when the result is counted.
    results : ``In(stream.Signature(result_layout(config)))``
        Of those that are shown.
    store : ``Out(stream.Signature(store_layout(address_bits)))``
    counted : ``Out(stream.Signature(count_layout()))``
    finished : ``Out(1)``
        Strobe: the last result of a run is counted.
    """

    def __init__(self, config: NetworkConfig, address_bits: int) -> None:
        self._config, self._address_bits = config, address_bits
        super().__init__(
            {
                "begin": In(1),
                "address": In(address_bits),
                "write": In(1),
                "expected": In(stream.Signature(expectation_layout(config))),
                "results": In(stream.Signature(result_layout(config))),
                "store": Out(stream.Signature(store_layout(address_bits))),
                "counted": Out(stream.Signature(count_layout())),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.digest = digest = catalog.CRC32_ISO_HDLC(data_width=8).create()
        expected = self.expected.p
        winner = self.results.p.winner
        result = Signal(2 * WORD_BITS)
        bytes_left = Signal(2)
        address = Signal(self._address_bits)
        right = Signal()
        m.d.comb += [
            digest.start.eq(self.begin),
            digest.data.eq(result[:8]),
            self.store.p.address.eq(address),
            self.store.p.word.eq(result[:WORD_BITS]),
            self.counted.p.right.eq(right),
            self.counted.p.damaged.eq(expected.damaged),
            self.counted.p.digest.eq(digest.crc),
        ]
        with m.If(self.begin):
            m.d.sync += address.eq(self.address)

        def keep(first: object, second: object) -> None:
            m.d.sync += [result[:WORD_BITS].eq(first), result[WORD_BITS:].eq(second)]
            m.next = "Sum up"

        with m.FSM():
            with m.State("Expect"), m.If(self.expected.valid):
                m.d.sync += right.eq(expected.shown & (winner == expected.label))
                with m.If(expected.shown):
                    m.d.comb += self.results.ready.eq(1)
                    with m.If(self.results.valid):
                        keep(winner, self.results.p.most)
                with m.Else():
                    keep(Mux(expected.damaged, Const(DAMAGED_RESULT[0]), expected.label), DAMAGED_RESULT[1])
            with m.State("Sum up"):
                m.d.comb += digest.valid.eq(1)
                m.d.sync += [result.eq(result.rotate_right(8)), bytes_left.eq(bytes_left + 1)]
                with m.If(bytes_left == 3):
                    m.next = "Count"
                    with m.If(self.write):
                        m.next = "Store"
            with m.State("Store"):
                m.d.comb += self.store.valid.eq(1)
                with m.If(self.store.ready):
                    m.d.sync += [result.eq(result.rotate_right(WORD_BITS)), address.eq(address + 1)]
                    with m.If(address[0]):
                        m.next = "Count"
            with m.State("Count"):
                m.d.comb += self.counted.valid.eq(1)
                with m.If(self.counted.ready):
                    m.d.comb += [self.expected.ready.eq(1), self.finished.eq(expected.final)]
                    m.next = "Expect"
        return m
