"""Samples as a bus brings them, in words of 32 bits."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.samples import sample_layout
from backspike.registers import bus_registers

from .access import fields_layout

__all__ = ["SampleReader", "sample_beat"]


def sample_beat() -> data.StructLayout:
    """Return the layout of a word of a sample: ``data``, with the fields of register SAMPLE, and ``last``, as LAST.

    The fields: ``number``, an entry's input unit; ``value``, its pixel, 1 to 255 (0: none); ``last``, it ends the list.
    With ``label`` the word is no entry, but sets the class (``number``) and whether it is learned (``learn``) of the
    samples that begin after it; if it ends a list, it is an entry of value 0 besides.
    """
    return data.StructLayout({"data": fields_layout(bus_registers(streams=True)["SAMPLE"]), "last": 1})


class SampleReader(wiring.Component):
    """Turns words into entries, and lets samples in one by one.

    A class that is none is no label to learn: its samples are inference. An input that is none counts as value 0.
    Latency: an entry is offered with its word; a sample's first one, a cycle later. Throughput: a word per cycle, as
    long as entries are taken.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    words : ``In(stream.Signature(sample_beat()))``
    samples : ``Out(stream.Signature(sample_layout(config)))``
    admit : ``In(1)``
        One more sample may begin.
    begin : ``Out(1)``
        Strobe: one does.
    begun : ``Out(1)``
        A sample has begun to come in, and is not whole.
    blocked : ``Out(1)``
        The word that `words` shows, valid or not, would begin a sample, and none may.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                "words": In(stream.Signature(sample_beat())),
                "samples": Out(stream.Signature(sample_layout(config))),
                "admit": In(1),
                "begin": Out(1),
                "begun": Out(1),
                "blocked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs, classes = self._config.layers[0], self._config.layers[-1]
        word, entry = self.words.p.data, self.samples.p
        label = Signal.like(entry.label)
        learn = Signal()
        label_there = Signal.like(label)
        learn_there = Signal()
        ends = Signal()
        is_entry = Signal()
        m.d.comb += [
            ends.eq(word.last | self.words.p.last),
            is_entry.eq(~word.label | ends),
            label_there.eq(Mux(word.label, word.number, label)),
            learn_there.eq(Mux(word.label, word.learn & (word.number < classes), learn)),
            self.blocked.eq(is_entry & ~self.begun & ~self.admit),
            self.begin.eq(self.words.valid & is_entry & ~self.begun & self.admit),
            self.words.ready.eq(~is_entry | (self.begun & self.samples.ready)),
            self.samples.valid.eq(self.words.valid & is_entry & self.begun),
            entry.index.eq(word.number),
            entry.value.eq(Mux(word.label | (word.number >= inputs), 0, word.value)),
            entry.label.eq(label_there),
            entry.learn.eq(learn_there),
            entry.last.eq(ends),
        ]
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += [label.eq(label_there), learn.eq(learn_there)]

        closes: Value = self.samples.valid & self.samples.ready & ends
        whole = closes
        if self._config.input == "spikes":
            lists = Signal(range(self._config.ticks))
            whole = closes & (lists == self._config.ticks - 1)
            with m.If(closes):
                m.d.sync += lists.eq(Mux(whole, 0, lists + 1))
        with m.If(self.begin):
            m.d.sync += self.begun.eq(1)
        with m.Elif(whole):
            m.d.sync += self.begun.eq(0)
        return m
