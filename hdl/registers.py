"""The register interface: learning rates, weights, seeds and counters, one access at a time."""

from __future__ import annotations

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from backspike.config import RATE_BITS, NetworkConfig
from backspike.model.seeding import seeding_start
from backspike.registers import IDENTITY, SEMANTICS_VERSION, WINDOW, Control, RegisterMap

from .counters import count_layout
from .synapses import WeightPort

__all__ = ["RegisterFile", "request_layout"]


def request_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of an access: ``address`` (of a word), ``write``, and the ``data`` to write."""
    last = len(RegisterMap(config).registers) - 1
    return data.StructLayout({"address": bits_for(last), "write": 1, "data": 32})


class RegisterFile(wiring.Component):
    """Answers each request with one response: the register's value, before a write took effect.

    Reads answer after two cycles, of a counter when its count is shown next. Writes, and any access to WEIGHT_DATA,
    wait until no sample is being shown and no LFSR is being seeded, and keep the next sample waiting meanwhile.
    Unknown addresses, and weights beyond a layer's rows, words or lanes, read as zero and ignore writes.

    Members
    -------
    requests : ``In(stream.Signature(request_layout(config)))``
    responses : ``Out(stream.Signature(32))``
    hold : ``Out(1)``
        Start no sample.
    quiet : ``In(1)``
        No sample is being shown, and none starts as long as `hold` is set; no LFSR is being seeded.
    showing, seeding : ``In(1)``
        For STATUS.
    clear_counters, reseed : ``Out(1)``
        Strobes of CONTROL.
    seed : ``Out(lfsr_bits)``
    rates : ``Out(ArrayLayout(9, L))``
    count : ``In(count_layout(9 + 2 * L))``
        A counter's value, of a kind in the order of `RegisterMap.counters`; each kind must come again and again.
    weight, weight_layer : ``Out(WeightPort(config))``, ``Out(range(L + 1))``
        The weight window, and the layer it is for.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout(config))),
                "responses": Out(stream.Signature(32)),
                "hold": Out(1),
                "quiet": In(1),
                "showing": In(1),
                "seeding": In(1),
                "clear_counters": Out(1),
                "reseed": Out(1),
                "seed": Out(config.lfsr_bits),
                "rates": Out(data.ArrayLayout(RATE_BITS, config.depth), init=[int(rate) for rate in config.rates]),
                "count": In(count_layout(len(RegisterMap(config).counters))),
                "weight": Out(WeightPort(config)),
                "weight_layer": Out(range(config.depth + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, registers = self._config, RegisterMap(self._config)
        start = seeding_start(config.seed, config.lfsr_bits)
        seed = Signal(64, init=start)
        # Wide enough for any size that a configuration allows; what does not fit stays out of range.
        layer = Signal(16)
        row = Signal(16)
        word = Signal(16)
        lane = Signal(16)
        request = Signal(request_layout(config))

        # The window: in range or not, and where it moves on to.
        index = Signal(range(config.depth))
        rows = Array(Const(layer.rows - 1, 16) for layer in config.weight_layers)
        words = Array(Const(layer.fold - 1, 16) for layer in config.weight_layers)
        lanes = Array(Const(layer.lanes - 1, 16) for layer in config.weight_layers)
        known = Signal()
        in_window = Signal()
        ends_word = Signal()
        ends_row = Signal()
        # The window moves two cycles, at least, before the next access.
        m.d.sync += [
            in_window.eq(known & (row <= rows[index]) & (word <= words[index]) & (lane <= lanes[index])),
            ends_word.eq(lane == lanes[index]),
            ends_row.eq(word == words[index]),
        ]
        m.d.comb += [
            known.eq((layer >= 1) & (layer <= config.depth)),
            index.eq(Mux(known, layer - 1, 0)),
            self.weight_layer.eq(layer),
            self.weight.write.eq(request.write),
            self.weight.row.eq(row),
            self.weight.word.eq(word),
            self.weight.lane.eq(lane),
            self.weight.w_data.eq(request.data),
            self.seed.eq(seed),
        ]

        values = {
            "IDENTITY": Const(IDENTITY, 32),
            "SEMANTICS": Const(SEMANTICS_VERSION, 32),
            "CONFIG_HASH": Const(int(config.hash[:8], 16), 32),
            "STATUS": Cat(self.showing, self.seeding),
            "SEED_LOW": seed[:32],
            "SEED_HIGH": seed[32:],
            **dict(zip(WINDOW, (layer, row, word, lane), strict=True)),
            **{f"RATE_{number}": rate for number, rate in enumerate(self.rates, start=1)},
        }
        value = Signal(32)
        with m.Switch(request.address):
            for name, source in values.items():
                with m.Case(registers[name].address):
                    m.d.comb += value.eq(source)

        # A counter's value is there when it passes.
        count = Signal.like(self.count)
        is_count = Signal()
        is_weight = Signal()
        m.d.sync += count.eq(self.count)
        passing = count.kind + registers[next(iter(registers.counters))].address
        with m.If(is_count):
            m.d.comb += value.eq(count.value)
        there = ~is_count | (count.valid & (passing == request.address))

        with m.FSM():
            with m.State("Ready"):
                m.d.comb += self.requests.ready.eq(1)
                m.d.sync += [
                    request.eq(self.requests.payload),
                    is_weight.eq(self.requests.p.address == registers["WEIGHT_DATA"].address),
                    is_count.eq(
                        self.requests.p.address.matches(*(registers[name].address for name in registers.counters))
                    ),
                ]
                with m.If(self.requests.valid):
                    m.next = "Execute"
            with m.State("Execute"):
                m.d.comb += self.hold.eq(request.write | is_weight)
                m.d.sync += self.responses.payload.eq(value)
                with m.If(there & (~self.hold | self.quiet)):
                    with m.If(is_weight & in_window):
                        m.d.comb += self.weight.valid.eq(1)
                        m.d.sync += self.responses.payload.eq(self.weight.r_data)
                    with m.If(~self.weight.valid | self.weight.done):
                        m.next = "Respond"
                        with m.If(request.write):
                            self._write(m, registers, request, seed, (layer, row, word, lane))
                        with m.If(self.weight.done):
                            m.d.sync += lane.eq(lane + 1)
                            with m.If(ends_word):
                                m.d.sync += [lane.eq(0), word.eq(word + 1)]
                                with m.If(ends_row):
                                    m.d.sync += [word.eq(0), row.eq(row + 1)]
            with m.State("Respond"):
                m.d.comb += self.responses.valid.eq(1)
                with m.If(self.responses.ready):
                    m.next = "Ready"
        return m

    def _write(
        self, m: Module, registers: RegisterMap, request: Signal, seed: Signal, window: tuple[Signal, ...]
    ) -> None:
        """Write the plain registers."""
        targets: dict[str, Value] = dict(zip(WINDOW, window, strict=True))
        targets |= {"SEED_LOW": seed[:32], "SEED_HIGH": seed[32:]}
        targets |= {f"RATE_{number}": rate for number, rate in enumerate(self.rates, start=1)}
        with m.Switch(request.address):
            with m.Case(registers["CONTROL"].address):
                m.d.comb += [
                    self.clear_counters.eq(request.data[Control.CLEAR_COUNTERS]),
                    self.reseed.eq(request.data[Control.SEED_LFSRS]),
                ]
            for name, target in targets.items():
                with m.Case(registers[name].address):
                    largest = registers[name].largest
                    m.d.sync += target.eq(Mux(request.data > largest, largest, request.data))
