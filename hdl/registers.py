"""The register interface: learning rates, weights, seeds and counters, in one memory and one access at a time."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from backspike.config import RATE_BITS, NetworkConfig
from backspike.model.seeding import seeding_start
from backspike.registers import IDENTITY, SEMANTICS_VERSION, WINDOW, Control, RegisterKind, RegisterMap

from .comparison import is_below
from .counters import RecentEvents, event_kinds, event_layout
from .ram import ram
from .seeding import BYTE
from .synapses import WeightPort
from .word_store import index_shape

__all__ = ["RegisterFile", "request_layout"]

HALF = 16
"""Bits of a register that are worked on at a time."""


def request_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of an access: ``address`` (of a word), ``write``, and the ``data`` to write."""
    last = len(RegisterMap(config).registers) - 1
    return data.StructLayout({"address": bits_for(last), "write": 1, "data": 32})


def _half(address: int, upper: int = 0) -> int:
    """Return where the lower or upper half of a register lies."""
    return 2 * address + upper


@dataclass(frozen=True)
class _Window:
    """The weight window, of which a register after the other is looked at.

    ``look``: the register's value is there, take it; ``inside``: this one and those before are within the layer;
    ``ends``: when the window moves on, this register becomes 0, and the one before it moves on too.
    """

    look: Signal
    inside: Signal
    ends: Signal


class RegisterFile(wiring.Component):
    """Answers each request with one response: the register's value, before a write took effect.

    All registers lie in one memory, in halves, and one adder serves them. In every other cycle it adds to a half of a
    counter, one after the other, what its events have come to lately; in the cycles between it works for the host. So
    neither has to wait for the other, and each counter comes again after ``4 * counters`` cycles.

    Latency: reads answer within eight cycles, those of counters in their turn, and with all events but those of the
    last two cycles; accesses to WEIGHT_DATA within 36. A request is taken in the cycle before it is answered. Writes,
    and any access to WEIGHT_DATA, wait until no sample is being shown and no LFSR is being seeded, and keep the next
    sample waiting meanwhile. So do clearing and seeding, which begin when the response to the write of CONTROL has been
    taken: while counters are cleared no event is counted, and no request is taken in either. All registers have their
    first values ``4 * 2**address_bits`` cycles after a reset, and then the LFSRs are seeded. Unknown addresses, and
    weights beyond a layer's rows, words or lanes, read as zero and ignore writes.

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
    load, byte : ``Out(1)``, ``Out(8)``
        A byte of SEED for the seeding register, as a `LfsrSeeder` takes it.
    rates : ``Out(ArrayLayout(9, L))``
    events : ``In(event_layout(event_kinds(config)))``
        What there is to be counted.
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
                "load": Out(1),
                "byte": Out(BYTE),
                "rates": Out(data.ArrayLayout(RATE_BITS, config.depth), init=[int(rate) for rate in config.rates]),
                "events": In(event_layout(event_kinds(config))),
                "weight": Out(WeightPort(config)),
                "weight_layer": Out(range(config.depth + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, registers = self._config, RegisterMap(self._config)
        request = self.requests.p
        first_counter, *_, last_counter = (register.address for register in registers.counters.values())

        def asked(*kinds: RegisterKind) -> Value:
            """Whether the request is for a register of some kinds."""
            addresses = [entry.address for kind in kinds for entry in registers.of_kind(kind).values()]
            found: Value = request.address.matches(*addresses)
            return found

        def known(name: str, value: Value) -> Signal:
            """Return what is known of a request from its second cycle on, in a register: it stays until it is taken."""
            flag = Signal(name=name)
            m.d.sync += flag.eq(value)
            return flag

        # -- the memory: in turn a half of a counter, and the half that the host's side is at -----------------------

        counting = Signal()
        at = Signal(len(request.address) + 1, init=_half(registers["SEED_LOW"].address))
        step = Signal(signed(3))
        kind = Signal(index_shape(len(registers.counters)))
        upper = Signal()
        counter = Signal.like(at)
        kinds = event_kinds(config)
        recent = RecentEvents(kinds, 4 * len(kinds) + 2)
        m.submodules.halves = halves = ram(HALF, 1 << len(at))
        read = halves.read_port()
        write = halves.write_port()
        # Of many rows at once more may have come than a half holds: the upper half gets what is beyond.
        added = Signal(max(HALF, len(recent.amount)))
        host_added = Signal(2)
        total = Signal(len(added) + 1)
        changed = Signal()
        change = Signal(HALF)
        renewing = Signal()
        m.d.sync += [counting.eq(~counting), at.eq(at + step)]
        m.d.comb += [
            counter.eq(Cat(upper, first_counter + kind)),
            read.addr.eq(Mux(counting, at, counter)),
            total.eq(read.data + added),
            write.addr.eq(Mux(counting, counter, at)),
            write.data.eq(Mux(counting, total, change)),
            write.en.eq(Mux(counting, ~renewing, changed)),
        ]

        # -- counters: each gets what its events have come to since its last turn ------------------------------------

        m.submodules.recent = recent
        carry = Signal(len(total) - HALF, reset_less=True)
        m.d.comb += [
            recent.events.eq(self.events),
            recent.clear.eq(renewing),
            recent.kind.eq(kind),
            recent.take.eq(counting & ~upper),
            added.eq(Mux(counting, Mux(upper, carry, recent.amount), host_added)),
        ]
        with m.If(renewing):
            m.d.sync += [kind.eq(0), upper.eq(0)]
        with m.Elif(counting):
            m.d.sync += [carry.eq(total[HALF:]), upper.eq(~upper)]
            with m.If(upper):
                m.d.sync += kind.eq(Mux(kind == len(kinds) - 1, 0, kind + 1))

        # -- what a host writes --------------------------------------------------------------------------------------

        written = Signal(HALF)
        m.d.comb += written.eq(request.data.word_select(at[0], HALF))
        for limited in (RegisterKind.WINDOW, RegisterKind.RATE):
            largest = next(iter(registers.of_kind(limited).values())).largest
            with m.If(known(f"is_{limited.value}", asked(limited))):
                with m.If(at[0]):
                    m.d.comb += written.eq(0)
                with m.Elif(~is_below(request.data, largest + 1)):
                    m.d.comb += written.eq(largest)
        for layer in config.weight_layers:
            with m.If(~counting & changed & (at == _half(registers[f"RATE_{layer.number}"].address))):
                m.d.sync += self.rates[layer.number - 1].eq(change)

        # -- the weight window ---------------------------------------------------------------------------------------

        window = self._add_window(m, at[1:], read.data)
        m.d.comb += [self.weight.write.eq(request.write), self.weight.w_data.eq(request.data)]

        # -- an access: `at` moves where the host's half is there, and is asked for in the next cycle ----------------

        # SEED follows CONTROL in the map: `at` is there after a write of CONTROL, and when all has been renewed.

        is_weight = asked(RegisterKind.WEIGHT)
        is_counter = known("is_counter", asked(RegisterKind.COUNTER))
        is_status = known("is_status", asked(RegisterKind.STATUS))
        controls = known("controls", request.write & asked(RegisterKind.CONTROL))
        plain = asked(RegisterKind.WINDOW, RegisterKind.RATE, RegisterKind.SEED)
        writes = known("writes", request.write & plain)
        waits = known("waits", request.write | is_weight)
        response = Signal.like(self.responses.payload, reset_less=True)
        clear = Signal()
        reseed = Signal(init=1)
        everything = Signal(init=1)
        odd = Signal()
        holding = Signal()
        m.d.comb += [
            self.responses.payload.eq(response),
            self.hold.eq((holding & waits) | renewing | clear | reseed),
        ]

        def change_to(value: Value, condition: Value | int = 1) -> None:
            m.d.comb += [change.eq(value), changed.eq(condition)]

        def finish() -> None:
            m.d.comb += self.requests.ready.eq(1)
            m.next = "Respond"

        with m.FSM(init="Renew"):
            with m.State("Renew"):
                # All registers after a reset, else the counters alone: from SEED around to what comes before it.
                m.d.comb += renewing.eq(1)
                with m.If(~counting):
                    is_counted = ~is_below(at[1:], first_counter) & is_below(at[1:], last_counter + 1)
                    change_to(self._first_value(m, at), everything | is_counted)
                    m.d.comb += step.eq(1)
                    with m.If(at == _half(registers["CONTROL"].address, 1)):
                        m.d.sync += [everything.eq(0), clear.eq(0)]
                        m.next = "Ready"
                        with m.If(reseed):
                            m.next = "Seed"
            with m.State("Seed"), m.If(~counting):
                m.d.comb += [self.load.eq(1), self.byte.eq(read.data.word_select(odd, BYTE)), step.eq(odd)]
                m.d.sync += odd.eq(~odd)
                last = _half(registers["SEED_LOW"].address) + (config.lfsr_bits // BYTE - 1) // 2
                with m.If((at == last) & (odd == (config.lfsr_bits // BYTE - 1) % 2)):
                    m.d.sync += [odd.eq(0), reseed.eq(0)]
                    m.next = "Ready"
            with m.State("Ready"):
                m.d.sync += response.eq(0)
                with m.If(~counting):
                    m.d.sync += at.eq(Cat(0, Mux(is_weight, registers[WINDOW[0]].address, request.address)))
                    with m.If(self.requests.valid):
                        m.next = "Access"
                        with m.If(is_weight):
                            m.next = "Look"
            with m.State("Access"):
                m.d.comb += holding.eq(1)
                turn = Mux(is_counter, counting & (at == counter), ~counting)
                with m.If(is_status & ~at[0]):
                    m.d.comb += host_added.eq(Cat(self.showing, self.seeding))
                with m.If(turn & (~waits | self.quiet)):
                    change_to(written, writes)
                    m.d.comb += step.eq(1)
                    m.d.sync += response.word_select(at[0], HALF).eq(total)
                    with m.If(at[0]):
                        finish()
                        with m.If(controls):
                            m.d.sync += [
                                clear.eq(request.data[Control.CLEAR_COUNTERS]),
                                reseed.eq(request.data[Control.SEED_LFSRS]),
                            ]
            with m.State("Look"):
                m.d.comb += holding.eq(1)
                with m.If(~counting & self.quiet):
                    m.d.comb += [window.look.eq(1), step.eq(2)]
                    with m.If(at[1:] == registers[WINDOW[-1]].address):
                        m.d.comb += step.eq(0)
                        m.next = "Weight"
                        with m.If(~window.inside):
                            finish()
            with m.State("Weight"):
                m.d.comb += [holding.eq(1), self.weight.valid.eq(1)]
                with m.If(self.weight.done):
                    m.d.sync += response.eq(self.weight.r_data)
                    m.next = "Move"
            with m.State("Move"):
                m.d.comb += [holding.eq(1), host_added.eq(1)]
                with m.If(~counting):
                    change_to(Mux(window.ends, 0, total))
                    m.d.comb += step.eq(-2)
                    with m.If(~window.ends):
                        finish()
            with m.State("Respond"):
                m.d.comb += self.responses.valid.eq(1)
                with m.If(self.responses.ready):
                    m.next = "Ready"
                    with m.If(reseed):
                        m.next = "Seed"
                    with m.If(clear):
                        m.next = "Renew"
        return m

    def _first_value(self, m: Module, at: Value) -> Value:
        """Return the half that a register begins with."""
        config, registers = self._config, RegisterMap(self._config)
        start = seeding_start(config.seed, config.lfsr_bits)
        firsts = {
            "IDENTITY": IDENTITY,
            "SEMANTICS": SEMANTICS_VERSION,
            "CONFIG_HASH": int(config.hash[:8], 16),
            "SEED_LOW": start & 0xFFFF_FFFF,
            "SEED_HIGH": start >> 32,
            **{f"RATE_{layer.number}": layer.rate for layer in config.weight_layers},
        }
        value = Signal(HALF, name="first_value")
        with m.Switch(at):
            for name, first in firsts.items():
                for upper in (0, 1):
                    with m.Case(_half(registers[name].address, upper)):
                        m.d.comb += value.eq(first >> upper * HALF)
        return value

    def _add_window(self, m: Module, address: Value, value: Value) -> _Window:
        """Add what is known of the weight window, given the address of one of its registers, and what that holds."""
        config, registers = self._config, RegisterMap(self._config)
        layer, row, word, lane = (registers[name].address for name in WINDOW)
        window = _Window(*(Signal(name=name) for name in ("look", "inside", "ends")))
        layers = config.weight_layers
        bits = bits_for(max(config.depth, *(most - 1 for of in layers for most in (of.rows, of.fold, of.lanes))))
        inside_before = Signal()
        limit = Signal(bits)
        last_lane = Signal()
        last_word = Signal()
        # They stay as they are from the last look on, so a cycle later will do: layers of many lanes compare them too,
        # far away, and synthesis shares what compares.
        with m.Switch(self.weight_layer):
            for of_layer in layers:
                with m.Case(of_layer.number):
                    m.d.sync += [
                        last_lane.eq(self.weight.lane == of_layer.lanes - 1),
                        last_word.eq(self.weight.word == of_layer.fold - 1),
                    ]
                    with m.Switch(address):
                        for part, most in ((row, of_layer.rows), (word, of_layer.fold), (lane, of_layer.lanes)):
                            with m.Case(part):
                                m.d.comb += limit.eq(most - 1)
        with m.If(address == layer):
            m.d.comb += limit.eq(config.depth)
        before = (address == layer) | (inside_before & (self.weight_layer != 0))
        m.d.comb += window.inside.eq(before & ~value[bits:].any() & (value[:bits] <= limit))
        with m.If(window.look):
            m.d.sync += inside_before.eq(window.inside)
            targets = (self.weight_layer, self.weight.row, self.weight.word, self.weight.lane)
            with m.Switch(address):
                for part, target in zip((layer, row, word, lane), targets, strict=True):
                    with m.Case(part):
                        m.d.sync += target.eq(value)
        with m.Switch(address):
            with m.Case(lane):
                m.d.comb += window.ends.eq(last_lane)
            with m.Case(word):
                m.d.comb += window.ends.eq(last_word)
        return window
