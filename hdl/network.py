"""The network: input layer, weight layers, seeding, registers, and the tick that holds them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from amaranth import Cat, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.registers import RegisterMap

from .description import Probe, below
from .input import InputLayer
from .input_lfsrs import InputLfsrs
from .layer import HiddenLayer, OutputLayer
from .patience import Patience
from .registers import RegisterFile, request_layout
from .samples import sample_layout
from .seeding import LfsrSeeder
from .tick import TickSequencer
from .window import WeightWindow
from .wins import WinCounter, result_layout

__all__ = ["NetworkTop"]


class NetworkTop(wiring.Component):
    """A network that learns on chip.

    In every tick all layers that take part work at once, each in one pass over the rows it has to visit; the tick
    ends when the slowest has finished, and the next begins with the next cycle. `timing` says how many cycles a tick
    and a sample take; empty words in a sparse list (see `Serialiser`) can cost a cycle each. The next sample is loaded
    while one is shown.

    Parameters
    ----------
    config : NetworkConfig
    weights : sequence of int64 array, shape (inputs + 1, units) each, optional
        Those at power-up, of each weight layer; undefined until they are loaded when left out.

    Members
    -------
    samples : ``In(stream.Signature(sample_layout(config)))``
    results : ``Out(stream.Signature(result_layout(config)))``
        One result per sample, in order.
    requests : ``In(stream.Signature(request_layout(config)))``
    responses : ``Out(stream.Signature(32))``
        The register interface; see `RegisterFile`.
    """

    def __init__(self, config: NetworkConfig, weights: Sequence[NDArray[np.int64]] | None = None) -> None:
        self.config = config
        self._weights = [None] * config.depth if weights is None else weights
        super().__init__(
            {
                "samples": In(stream.Signature(sample_layout(config))),
                "results": Out(stream.Signature(result_layout(config))),
                "requests": In(stream.Signature(request_layout(config))),
                "responses": Out(stream.Signature(32)),
            }
        )

    @property
    def registers(self) -> RegisterMap:
        """The register map."""
        return RegisterMap(self.config)

    @property
    def probes(self) -> dict[str, dict[str, Any]]:
        """Describe where every state is that benches compare: see `Probe.to_dict`.

        Word w of a store of units has, lane by lane, units w times the lanes and on; lanes after the last unit hold
        nothing. ``ticked`` is set in the cycle after a tick.
        """
        config = self.config
        described = {"ticked": Probe("sequencer.moved", 1).to_dict(0)}
        parts: list[tuple[str, Mapping[str, Probe]]] = [
            ("source.lfsrs", InputLfsrs.probes(config)),
            *((f"layer_{layer.number}", HiddenLayer.probes(layer)) for layer in config.hidden_layers),
            (f"layer_{config.depth}", OutputLayer.probes(config)),
        ]
        for number, (instance, probes) in enumerate(parts):
            for name, probe in below(instance, probes).items():
                described[f"layer_{number}.{name}"] = probe.to_dict(number)
        return described

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.registers = registers = RegisterFile(config)
        m.submodules.window = window = WeightWindow(config)
        m.submodules.seeder = seeder = LfsrSeeder(config)
        m.submodules.source = source = InputLayer(config)
        hidden = [HiddenLayer(*of_layer) for of_layer in zip(config.hidden_layers, self._weights, strict=False)]
        output = OutputLayer(config, self._weights[-1])
        layers: list[HiddenLayer | OutputLayer] = [*hidden, output]
        for number, layer in enumerate(layers, start=1):
            m.submodules[f"layer_{number}"] = layer

        # Samples, layers and errors.
        connect(m, flipped(self.samples), source.samples)
        connect(m, flipped(self.requests), registers.requests)
        connect(m, flipped(self.responses), registers.responses)
        connect(m, registers.weight, window.access)
        connect(m, source.visits, layers[0].visits)
        for lower, upper in pairwise(layers):
            connect(m, lower.flags, upper.below)
            connect(m, upper.back, lower.above)
        for layer, port in zip(layers, window.layers, strict=True):
            connect(m, port, layer.weight)
        m.d.comb += [
            window.layer.eq(registers.weight_layer),
            source.bias_permit.eq(layers[0].bias_permit),
            source.rate.eq(registers.rates[0]),
            source.seeds.eq(seeder.o),
            seeder.load.eq(registers.load),
            seeder.byte.eq(registers.byte),
        ]

        # The tick.
        m.submodules.sequencer = sequencer = TickSequencer(config)
        m.submodules.wins = wins = WinCounter(config)
        connect(m, wins.results, flipped(self.results))
        m.d.comb += [
            sequencer.available.eq(source.available),
            sequencer.hold.eq(registers.hold | seeder.busy),
            sequencer.finished.eq(Cat(layer.control.finished for layer in layers)),
            sequencer.ended.eq(wins.ended),
            source.start.eq(sequencer.begin),
            source.ticked.eq(sequencer.advance & ~sequencer.last),
            source.final.eq(sequencer.final),
            registers.showing.eq(sequencer.showing),
            registers.seeding.eq(seeder.busy),
            registers.quiet.eq(~sequencer.showing & ~seeder.busy),
            wins.begin.eq(sequencer.begin),
            wins.ending.eq(sequencer.ending),
            wins.won.eq(output.won),
            wins.winner.eq(output.winner),
        ]
        with m.If(sequencer.begin):
            m.d.sync += output.label.eq(source.label)
            learned = source.learn & (source.label < config.layers[-1])
            m.d.sync += [layer.control.learn.eq(learned) for layer in layers]
        driven = zip(layers, sequencer.starting, registers.rates, strict=True)
        for layer, starting, rate in driven:
            m.d.comb += [
                layer.control.begin.eq(sequencer.begin),
                layer.control.start.eq(starting),
                layer.control.rate.eq(rate),
                layer.seeds.eq(seeder.o),
            ]
        # A hidden layer beside the one above it.
        for layer, starting, rate in zip(hidden, sequencer.starting[1:], registers.rates[1:], strict=True):
            m.d.comb += [layer.above_active.eq(starting), layer.next_rate.eq(rate)]
        if config.ends_early:
            m.submodules.patience = patience = Patience(config)
            m.d.comb += [
                patience.begin.eq(sequencer.begin),
                patience.won.eq(output.won),
                patience.winner.eq(output.winner),
                patience.label.eq(output.label),
                patience.learn.eq(output.control.learn),
                sequencer.enough.eq(patience.enough),
            ]

        # Counters.
        showing = sequencer.showing
        errors = Cat(layer.control.error for layer in layers).any()
        sweeping, reading, writing = (
            Cat(getattr(layer.events, name) for layer in layers).any() for name in ("sweeping", "reading", "writing")
        )
        events: dict[str, Value] = {
            "SAMPLES": wins.ended,
            "TICKS": sequencer.advance,
            "CLOCKS": showing,
            "ERROR_TICKS": sequencer.begun & errors,
            "STALLS_LIST": showing & ~reading & sweeping & ~writing,
            "STALLS_PORT": showing & ~reading & writing,
            "STALLS_UNITS": showing & ~reading & ~sweeping & ~writing & ~wins.waiting & ~wins.ended,
            "STALLS_RESULT": wins.waiting,
            "STALLS_SAMPLE": ~showing & ~source.available & ~seeder.busy,
            **{f"ROWS_{number}": layer.events.visited for number, layer in enumerate(layers, start=1)},
            **{f"WRITES_{number}": layer.events.wrote for number, layer in enumerate(layers, start=1)},
        }
        m.d.comb += [registers.events[name].eq(event) for name, event in events.items()]
        return m
