"""Records of samples, fetched ahead and checked before anybody sees them."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from backspike.config import NetworkConfig
from backspike.hdl.ram import ram
from backspike.hdl.word_store import index_shape
from backspike.model.records import ADDRESS_LIMIT, FRAME_WORDS, longest_record

from .port import COUNT_BITS, WORD_BITS

__all__ = ["RecordFetcher", "entry_layout", "list_words", "record_layout"]

PIECE_BITS = 9
"""Bits of the number of words of a burst at most; longer records take several."""

_HEADER_WORDS = 2


def list_words(config: NetworkConfig) -> int:
    """Return the most words that a record's lists have."""
    return longest_record(config) - FRAME_WORDS


def entry_layout(address_bits: int) -> data.StructLayout:
    """Return the layout of what is to be fetched: the ``address`` of an order's entry, ``final`` of a run or not."""
    return data.StructLayout({"address": address_bits, "final": 1})


def record_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of a record that is there.

    ``label``, a class; ``damaged``, where nothing else holds; ``words`` of its lists; ``final`` as in `entry_layout`.
    """
    return data.StructLayout(
        {
            "label": index_shape(config.layers[-1]),
            "damaged": 1,
            "final": 1,
            "words": range(list_words(config) + 1),
        }
    )


class RecordFetcher(wiring.Component):
    """Follows entries of an order to records (docs/sample_memory.md), and keeps two: one can be read, one comes.

    A record is offered when all of it is there and its CRCs are right, or when it is known to be damaged.

    Latency: 13 cycles, its words and two of the entry, and three times what the memory takes to the first word of a
    burst.

    Parameters
    ----------
    config : NetworkConfig
    address_bits : int
        Of the memory.

    Members
    -------
    entries : ``In(stream.Signature(entry_layout(address_bits)))``
    fetch, words
        Those of a `MemoryUser`.
    records : ``Out(stream.Signature(record_layout(config)))``
        `ready` says that its words are not needed any more.
    address, data : ``In(range(list_words(config)))``, ``Out(16)``
        Lists of the record that is offered: the word at the last cycle's address.
    """

    def __init__(self, config: NetworkConfig, address_bits: int) -> None:
        self._config, self._address_bits = config, address_bits
        burst = data.StructLayout({"address": address_bits, "count": COUNT_BITS})
        super().__init__(
            {
                "entries": In(stream.Signature(entry_layout(address_bits))),
                "fetch": Out(stream.Signature(burst)),
                "words": In(stream.Signature(WORD_BITS)),
                "records": Out(stream.Signature(record_layout(config))),
                "address": In(index_shape(list_words(config))),
                "data": Out(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, memory_words = self._config, 1 << self._address_bits
        longest, room = list_words(config), 1 << bits_for(list_words(config) - 1)
        word = self.words.payload

        # Two records: their words, and what is known of them.
        m.submodules.lists = lists = ram(WORD_BITS, 2 * room)
        stored, read = lists.write_port(), lists.read_port()
        held = Signal(data.ArrayLayout(record_layout(config), 2))
        full = Signal(2)
        filling = Signal()
        shown = Signal()
        place = Signal(index_shape(room))
        m.d.comb += [
            stored.addr.eq(Cat(place, filling)),
            stored.data.eq(word),
            read.addr.eq(Cat(self.address, shown) if room > 1 else shown),
            self.data.eq(read.data),
            self.records.valid.eq(full.bit_select(shown, 1)),
            self.records.payload.eq(held[shown]),
        ]
        with m.If(self.records.valid & self.records.ready):
            m.d.sync += [full.bit_select(shown, 1).eq(0), shown.eq(~shown)]

        # Both sums go over all that comes; each is looked at where it means something.
        m.submodules.entry_crc = entry_crc = catalog.CRC8_AUTOSAR(data_width=WORD_BITS).create()
        m.submodules.record_crc = record_crc = catalog.CRC16_IBM_3740(data_width=WORD_BITS).create()
        summed = Signal(WORD_BITS)
        start = Signal()
        sums = Signal()
        for crc in (entry_crc, record_crc):
            # The byte that comes first is the word's low one, but what the sums begin with is the high one.
            m.d.comb += [crc.data.eq(Cat(summed[8:], summed[:8])), crc.start.eq(start), crc.valid.eq(sums)]

        address = Signal(range(ADDRESS_LIMIT))
        first = Signal(WORD_BITS)
        second = Signal(WORD_BITS)
        left = Signal(range(longest + 2))
        of_record = Signal()
        present = held[filling]

        def add(value: object) -> None:
            m.d.comb += [sums.eq(1), summed.eq(value)]

        def offer(damaged: object) -> None:
            m.d.sync += [present.damaged.eq(damaged), full.bit_select(filling, 1).eq(1), filling.eq(~filling)]
            m.next = "Idle"

        def ask(count: object) -> None:
            m.d.comb += [self.fetch.valid.eq(1), self.fetch.p.count.eq(count)]

        m.d.comb += self.fetch.p.address.eq(address)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += self.entries.ready.eq(~full.bit_select(filling, 1))
                with m.If(self.entries.valid & self.entries.ready):
                    m.d.comb += start.eq(1)
                    m.d.sync += [
                        address.eq(self.entries.p.address),
                        present.final.eq(self.entries.p.final),
                        of_record.eq(0),
                    ]
                    m.next = "Low address"

            # An entry, then a record, begins with two words, and its sum with its address.
            with m.State("Low address"):
                add(address[:WORD_BITS])
                m.next = "High address"
            with m.State("High address"):
                add(address[WORD_BITS:])
                m.next = "Ask"
            with m.State("Ask"):
                ask(_HEADER_WORDS)
                with m.If(self.fetch.ready):
                    m.next = "First"
            with m.State("First"):
                m.d.comb += self.words.ready.eq(1)
                m.d.sync += first.eq(word)
                with m.If(self.words.valid):
                    add(word)
                    m.next = "Second"
            with m.State("Second"):
                m.d.comb += self.words.ready.eq(1)
                m.d.sync += second.eq(word)
                with m.If(self.words.valid):
                    add(word)
                    m.next = "Entry"
                    with m.If(of_record):
                        m.next = "Header"

            with m.State("Entry"):
                found = Cat(first, second)[: len(address)]
                there = (found < memory_words) & ~found[0]
                m.d.sync += [address.eq(found), of_record.eq(1)]
                m.d.comb += start.eq(1)
                with m.If(entry_crc.match_detected & there):
                    m.next = "Low address"
                with m.Else():
                    offer(1)
            with m.State("Header"):
                label, length = first, second
                m.d.sync += [
                    present.label.eq(label),
                    present.words.eq(length - FRAME_WORDS),
                    left.eq(length - _HEADER_WORDS),
                    address.eq(address + _HEADER_WORDS),
                    place.eq(0),
                ]
                right = (label < config.layers[-1]) & (length > FRAME_WORDS) & (length <= longest + FRAME_WORDS)
                with m.If(right & (address + length <= memory_words)):
                    m.next = "Ask for lists"
                with m.Else():
                    offer(1)

            # All pieces but the first are whole.
            with m.State("Ask for lists"):
                rest = left[:PIECE_BITS]
                ask(Mux(rest == 0, 1 << PIECE_BITS, rest))
                with m.If(self.fetch.ready):
                    m.next = "Lists"
            with m.State("Lists"):
                m.d.comb += self.words.ready.eq(1)
                with m.If(self.words.valid):
                    m.d.sync += [left.eq(left - 1), address.eq(address + 1), place.eq(place + 1)]
                    with m.If(left == 1):
                        offer(record_crc.crc != word)
                    with m.Else():
                        add(word)
                        m.d.comb += stored.en.eq(1)
                        with m.If((left - 1)[:PIECE_BITS] == 0):
                            m.next = "Ask for lists"
        return m
