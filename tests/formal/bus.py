"""Buses: whatever a master does, each access is answered once, and nothing waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring

from backspike.config import NetworkConfig
from backspike.hdl.bus import axi, bridge, network, results, samples, wishbone
from backspike.hdl.bus.access import Answer
from backspike.hdl.network import NetworkTop
from backspike.registers import BUS_REGISTERS, RegisterMap, bus_registers

from .contracts import assume_held, claim_held
from .proof import Bench, Proof, mutant

RATE = NetworkConfig(layers=(3, 2), ticks=3, weight_bits=4, weight_frac=2, lfsr_bits=24)
SPIKES = RATE.replace(input="spikes")
REGISTERS = RegisterMap(RATE)
CLOCKS = 2
"""Most clocks that the other side takes here for what it has to do."""


def owed(bench: Bench, given: Any, answered: Any) -> Signal:
    """Return whether something was given, and is not answered; it is never given twice before that."""
    m = bench.m
    waiting = Signal(name="waiting")
    with m.If(given):
        m.d.sync += waiting.eq(1)
    with m.Elif(answered):
        m.d.sync += waiting.eq(0)
    bench.claim(~(Value.cast(given) & waiting))
    return waiting


def passed(port: Any) -> Value:
    transfer: Value = port.valid & port.ready
    return transfer


def soon(bench: Bench, condition: Any, event: Any, clocks: int = CLOCKS) -> None:
    """Assume that an event comes within so many clocks of a condition that holds until then."""
    late = Signal(range(clocks + 1), name="late")
    bench.m.d.sync += late.eq(Mux(Value.cast(condition) & ~event, late + 1, 0))
    bench.assume((late < clocks) | event)


def within(bench: Bench, clocks: int, condition: Any, event: Any) -> None:
    """Claim that it does."""
    waited = Signal(range(clocks + 1), name="waited")
    bench.m.d.sync += waited.eq(Mux(Value.cast(condition) & ~event, waited + 1, 0))
    bench.claim(waited < clocks)


def serving(bench: Bench) -> Signal:
    """The side of the registers: it takes accesses, and answers each once. Return whether it owes an answer."""
    unit = bench.unit
    assume_held(bench, unit.answers)
    asked = owed(bench, passed(unit.accesses), passed(unit.answers))
    bench.assume(asked | ~unit.answers.valid)
    soon(bench, unit.accesses.valid, unit.accesses.ready)
    soon(bench, asked, unit.answers.valid)
    return asked


# -- AXI ------------------------------------------------------------------------------------------------------------


def axi_keeps_the_rules(bench: Bench) -> None:
    """Of a manager that keeps to them: addresses and data in any order, responses taken when it likes."""
    bus = bench.unit.bus
    for channel in (bus.aw, bus.w, bus.ar):
        assume_held(bench, channel)
    asked = serving(bench)
    claim_held(bench, bench.unit.accesses)
    claim_held(bench, bus.b)
    claim_held(bench, bus.r)
    # Invariants: the states are Idle, Access, Take, Wait, Respond.
    state, writing = bench.inner("fsm_state"), bench.inner("writing")
    bench.claim(state <= 4)
    bench.claim(asked == (state >= 2))
    bench.claim((state != 4) | bench.unit.answers.valid)
    for requests, response, mine in (((bus.aw, bus.w), bus.b, writing), ((bus.ar,), bus.r, ~writing)):
        for request in requests:
            taken = owed(bench, passed(request), passed(response))
            bench.claim(~response.valid | taken)
            bench.claim(taken == ((state >= 3) & mine))
            # A subordinate may wait for valid before it is ready, and here it does.
            bench.claim(~request.ready | request.valid)
            bench.claim(((state != 1) & (state != 2)) | ~mine | request.valid)


def axi_answers(bench: Bench) -> None:
    """A write whose address and data are there, and a read, have their response within a bound, whatever else waits."""
    bus = bench.unit.bus
    for channel in (bus.aw, bus.w, bus.ar):
        assume_held(bench, channel)
    bench.assume(bus.b.ready & bus.r.ready)
    serving(bench)
    # An access takes three clocks of its own, and those of the registers; and one of the other kind may go before.
    most = 2 * (2 * CLOCKS + 6)
    within(bench, most, bus.aw.valid & bus.w.valid, bus.b.valid)
    within(bench, most, bus.ar.valid, bus.r.valid)


# -- Wishbone -------------------------------------------------------------------------------------------------------


def wishbone_keeps_the_rules(bench: Bench) -> None:
    """Of a master that shows the same until it has its answer, or gives up."""
    m, bus, access = bench.m, bench.unit.bus, bench.unit.accesses
    asked = bench.named(bus.cyc & bus.stb)
    ended = bench.named(bus.ack | bus.err)
    waits = bench.past(bench.named(asked & ~ended & bench.running))
    for signal in (bus.adr, bus.we, bus.sel, bus.dat_w):
        bench.assume(~(waits & asked) | (signal == bench.past(signal)))
    serving(bench)
    claim_held(bench, access)
    bench.claim(~(bus.ack & bus.err))
    bench.claim(bus.stall == (asked & ~ended))
    # From the clock in which an access is begun to the one in which the registers' answer is taken.
    busy = Signal(name="busy")
    given_up = Signal(name="given_up")
    with m.If(busy & passed(bench.unit.answers)):
        m.d.sync += busy.eq(0)
    with m.Elif(asked):
        m.d.sync += busy.eq(1)
    m.d.sync += given_up.eq(busy & (given_up | ~asked))
    bench.claim(~ended | (asked & busy & ~given_up))
    bench.claim(~access.valid | busy)
    # It is the access that is shown.
    taken = Signal.like(access.payload, name="taken")
    with m.If(passed(access)):
        m.d.sync += taken.eq(access.payload)
    same = (
        (taken.address == (bus.adr & 0xFFC))
        & (taken.write == bus.we)
        & (taken.data == bus.dat_w)
        & (taken.strobe == bus.sel)
    )
    bench.claim(~ended | same)
    # Whoever goes on asking has an answer, even if an access that was given up goes before.
    within(bench, 2 * (2 * CLOCKS + 5), asked, ended)


# -- the registers --------------------------------------------------------------------------------------------------


def network_responds(bench: Bench) -> None:
    """The network's side of the bridge: one response to each request."""
    unit = bench.unit
    assume_held(bench, unit.responses)
    asked = owed(bench, passed(unit.requests), passed(unit.responses))
    bench.assume(asked | ~unit.responses.valid)
    soon(bench, unit.requests.valid, unit.requests.ready)
    soon(bench, asked, unit.responses.valid)


def bridged(bench: Bench) -> None:
    """What is no whole, aligned word of a register is refused and goes no further; all is answered, once."""
    m, unit = bench.m, bench.unit
    access, request = unit.accesses.p, unit.requests
    assume_held(bench, unit.accesses)
    network_responds(bench)
    # A sample begins only while nothing is held.
    assumed = bench.past(bench.named(unit.begun | ~unit.hold))
    bench.assume(~unit.begun | assumed)
    claim_held(bench, unit.answers)
    claim_held(bench, request)
    done = bench.named(passed(unit.accesses))
    waiting = owed(bench, done, passed(unit.answers))
    bench.claim(~unit.answers.valid | waiting)
    soon(bench, unit.answers.valid, unit.answers.ready)
    within(bench, 3 * CLOCKS + 5, unit.accesses.valid, unit.accesses.ready)

    word = access.address[2:]
    core = word < len(REGISTERS.registers)
    own = word.matches(*(entry.address for entry in bus_registers(False).values()))
    whole = ~access.write | (access.strobe == 0xF)
    bench.claim(~request.valid | (core & whole & ((access.address & 3) == 0) & unit.accesses.valid))
    same = (request.p.address == word) & (request.p.write == access.write) & (request.p.data == access.data)
    bench.claim(~request.valid | same)
    # What is answered.
    expected = Signal(Answer, name="expected")
    with m.If(done):
        m.d.sync += expected.eq(Answer.OKAY)
        with m.If((access.address & 3) != 0):
            m.d.sync += expected.eq(Answer.SLVERR)
        with m.Elif(~core & ~own):
            m.d.sync += expected.eq(Answer.DECERR)
        with m.Elif(~whole & (access.strobe != 0)):
            m.d.sync += expected.eq(Answer.SLVERR)
    status = unit.answers.p.status
    waits = access.write | (word == REGISTERS["WEIGHT_DATA"].address)
    spikes = bench.named(core & waits & whole) if unit._config.input == "spikes" else 0
    may_refuse = bench.past(bench.named(done & spikes)) | bench.past(
        bench.named(unit.answers.valid & ~unit.answers.ready)
    )
    # Of recorded spikes, an access that would wait for an unfinished sample is refused, too.
    excused = (status == Answer.SLVERR) & may_refuse if unit._config.input == "spikes" else 0
    bench.claim(~unit.answers.valid | (status == expected) | excused)
    if unit._config.input == "spikes":
        bench.claim(~(request.valid & waits & unit.begun))
    # Only a whole write of the register resets.
    of_reset = (access.address == 4 * BUS_REGISTERS + 4) & access.write & (access.strobe == 0xF) & access.data[0]
    bench.claim(unit.reset == bench.past(bench.named(done & of_reset)))


# -- samples and results --------------------------------------------------------------------------------------------


def read(bench: Bench) -> None:
    """Entries stay until they are taken; no sample begins that was not let in, nor before the last one is whole."""
    m, unit = bench.m, bench.unit
    assume_held(bench, unit.words)
    claim_held(bench, unit.samples)
    bench.claim(~unit.begin | (unit.admit & ~unit.begun))
    bench.claim(~unit.samples.valid | unit.begun)
    bench.claim(~unit.begun | bench.past(unit.begun) | bench.past(unit.begin))
    over = bench.past(bench.named(passed(unit.samples) & unit.samples.p.last))
    bench.claim(unit.begun | ~bench.past(unit.begun) | over)
    # What begins a sample is never taken while none may.
    bench.claim(~(unit.blocked & passed(unit.words)))
    # An input, or a class to learn, that there is not never gets in.
    entry = unit.samples.p
    number = unit.words.p.data.number
    none = bench.named((number >= RATE.layers[0]) | unit.words.p.data.label)
    bench.claim(~(unit.samples.valid & none) | (entry.value == 0))
    label = Signal(16, name="label")
    with m.If(passed(unit.words) & unit.words.p.data.label):
        m.d.sync += label.eq(number)
    bench.claim(~(unit.samples.valid & entry.learn) | (entry.label == Mux(unit.words.p.data.label, number, label)))
    bench.claim(~entry.learn | (entry.label < RATE.layers[-1]))


def queued(bench: Bench) -> None:
    """The network gives a result for each sample that was let in: there is a place for each, at once."""
    m, unit = bench.m, bench.unit
    most = 2
    assume_held(bench, unit.results)
    bench.assume(~unit.begin | unit.admit)
    inside = Signal(range(most + 2), name="inside")
    m.d.sync += inside.eq(Mux(unit.reset, 0, inside + unit.begin - passed(unit.results)))
    bench.assume(~unit.results.valid | (inside != 0))
    claim_held(bench, unit.o)
    bench.claim(~unit.results.valid | unit.results.ready)
    bench.claim(unit.inside == inside)
    bench.claim(unit.waiting + unit.inside <= most)
    bench.claim((unit.waiting != 0) == unit.o.valid)
    bench.claim(unit.admit == (unit.waiting + unit.inside < most))


def written(bench: Bench) -> None:
    """The winner's word, then that of each class."""
    m, unit = bench.m, bench.unit
    assume_held(bench, unit.i)
    claim_held(bench, unit.o)
    number = Signal(range(RATE.layers[-1] + 1), name="number")
    with m.If(passed(unit.o)):
        m.d.sync += number.eq(Mux(unit.o.p.last, 0, number + 1))
    # Invariants.
    listing, following = bench.inner("listing"), bench.inner("following")
    bench.claim(listing == (number != 0))
    bench.claim(~listing | (following == number - 1))
    bench.claim(unit.o.valid == unit.i.valid)
    unit_shown = Mux(number == 0, unit.i.p.winner, number - 1)
    bench.claim(unit.o.p.data["class"] == unit_shown)
    # The network names no class that there is not.
    bench.assume(unit.i.p.winner < RATE.layers[-1])
    for index in range(RATE.layers[-1]):
        bench.claim((unit_shown != index) | (unit.o.p.data.wins == unit.i.p.wins[index]))
    bench.claim(unit.o.p.last == (number == RATE.layers[-1]))
    bench.claim(passed(unit.i) == (passed(unit.o) & unit.o.p.last))


def windowed(bench: Bench) -> None:
    """Each access is answered within a bound, whether or not there are results, and samples are let in."""
    m, unit = bench.m, bench.unit
    assume_held(bench, unit.accesses)
    assume_held(bench, unit.results)
    # A result's words follow each other: three of them here.
    number = Signal(range(3), name="number")
    with m.If(passed(unit.results)):
        m.d.sync += number.eq(Mux(number == 2, 0, number + 1))
    bench.assume(~unit.results.valid | (unit.results.p.last == (number == 2)))
    bench.assume((number == 0) | unit.results.valid)
    # What can be taken goes on to be so.
    let_in = bench.named(unit.words.valid)
    bench.assume(~bench.past(let_in) | ~unit.blocked)
    soon(bench, unit.words.valid, unit.words.ready)
    claim_held(bench, unit.words)
    claim_held(bench, unit.others)
    claim_held(bench, unit.answers)
    assume_held(bench, unit.other_answers)
    other = owed(bench, passed(unit.others), passed(unit.other_answers))
    bench.assume(other | ~unit.other_answers.valid)
    soon(bench, unit.others.valid, unit.others.ready)
    soon(bench, other, unit.other_answers.valid)
    waiting = owed(bench, passed(unit.accesses), passed(unit.answers))
    bench.claim(~unit.answers.valid | waiting)
    soon(bench, unit.answers.valid, unit.answers.ready)
    within(bench, 3 * CLOCKS + 5, unit.accesses.valid, unit.accesses.ready)
    within(bench, CLOCKS + 2, waiting, unit.answers.valid)


# -- all of it ------------------------------------------------------------------------------------------------------

SHOWN_CLOCKS = 3
"""Cycles that a sample is shown for here."""
NETWORK_CLOCKS = 24


class AnyNetwork(NetworkTop):
    """In place of the network, with its ports: what makes others wait, and nothing else of it.

    A sample is shown once its list is there; then it has a result, which waits for the one before it to be taken. A
    write waits until no sample is shown, and keeps the next one waiting. That the network itself answers, as long as
    its results are taken at once, is proven of it (`network.accessed`).
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        loaded = Signal()
        showing = Signal()
        held = Signal()
        left = Signal(range(SHOWN_CLOCKS + 1))
        m.d.comb += self.samples.ready.eq(~loaded)
        with m.If(passed(self.samples) & self.samples.p.last):
            m.d.sync += loaded.eq(1)
        with m.If(self.results.ready):
            m.d.sync += self.results.valid.eq(0)
        with m.If(showing & (left != 0)):
            m.d.sync += left.eq(left - 1)
        with m.Elif(showing & (~self.results.valid | self.results.ready)):
            m.d.sync += [showing.eq(0), self.results.valid.eq(1)]
        with m.Elif(~showing & loaded & ~held):
            m.d.sync += [showing.eq(1), loaded.eq(0), left.eq(SHOWN_CLOCKS)]
        with m.FSM():
            with m.State("Ready"), m.If(self.requests.valid):
                m.d.comb += held.eq(self.requests.p.write)
                with m.If(~held | ~showing):
                    m.d.comb += self.requests.ready.eq(1)
                    m.next = "Respond"
            with m.State("Respond"):
                m.d.comb += self.responses.valid.eq(1)
                with m.If(self.responses.ready):
                    m.next = "Ready"
        return m


def never_hangs(bench: Bench) -> None:
    """Nobody takes a result; words and accesses of all kinds come, or do not: each access is answered in its time."""
    unit = bench.unit
    assume_held(bench, unit.words)
    assume_held(bench, unit.accesses)
    bench.assume(~unit.results.ready & unit.answers.ready)
    waiting = owed(bench, passed(unit.accesses), passed(unit.answers))
    within(bench, NETWORK_CLOCKS, unit.accesses.valid | waiting, unit.answers.valid)
    claim_held(bench, unit.answers)
    claim_held(bench, unit.results)


PLACES = 1


def on_a_bus(old: str = "class ResultQueue", new: str = "class ResultQueue") -> Callable[[], wiring.Component]:
    """Return a network on a bus, with one place for results; or with a change of what keeps them."""
    queue = mutant(results, old, new).ResultQueue
    changed = mutant(network, "class BusNetwork", "class BusNetwork", NetworkTop=AnyNetwork, ResultQueue=queue)
    return lambda: changed.BusNetwork(RATE, places=PLACES)


def unit(module: Any, name: str, *arguments: Any) -> Callable[[], wiring.Component]:
    return lambda: getattr(module, name)(*arguments)


def broken(module: Any, old: str, new: str, name: str, *arguments: Any) -> Callable[[], wiring.Component]:
    return unit(mutant(module, old, new), name, *arguments)


RULES = "valid stays until ready, no response without a request, one response to each"

PROOFS = [
    Proof(
        "bus_axi",
        "AxiLiteRegisters",
        f"{RULES}, whatever order AW, W and AR come in, and however long B and R have to wait",
        unit(axi, "AxiLiteRegisters"),
        axi_keeps_the_rules,
        depth=3,
        quick=True,
        held=("AxiLiteRegisters.accesses",),
        twin=broken(
            axi,
            "with m.If((writing & bus.b.ready) | (~writing & bus.r.ready)):",
            "with m.If(bus.b.ready):",
            "AxiLiteRegisters",
        ),
        twin_depth=16,
    ),
    Proof(
        "bus_axi_answers",
        "AxiLiteRegisters",
        "a write and a read that both wait are answered within a bound, whichever came first",
        unit(axi, "AxiLiteRegisters"),
        axi_answers,
        depth=30,
        unbounded=False,
        twin=broken(axi, "write & ~(read & writing)", "write", "AxiLiteRegisters"),
        twin_depth=40,
    ),
    Proof(
        "bus_wishbone",
        "WishboneRegisters",
        "an end is never without an access, nor of one that was given up; one end for each, within a bound",
        unit(wishbone, "WishboneRegisters"),
        wishbone_keeps_the_rules,
        depth=20,
        unbounded=False,
        held=("WishboneRegisters.accesses",),
        twin=broken(wishbone, "m.d.sync += given_up.eq(1)", "m.d.sync += given_up.eq(0)", "WishboneRegisters"),
    ),
    *(
        Proof(
            f"bus_bridge_{config.input}",
            f"RegisterBridge, input of {config.input}",
            "what is no whole, aligned word of a register goes no further; each access is answered once, as it must be",
            unit(bridge, "RegisterBridge", config),
            bridged,
            depth=16,
            unbounded=False,
            held=("RegisterBridge.answers", "RegisterBridge.requests") if config is RATE else (),
            twin=broken(bridge, *change, "RegisterBridge", config),
            twin_depth=16,
        )
        for config, change in (
            (RATE, ("access.write & ~access.strobe.all()", "access.write & ~access.strobe.any()")),
            (SPIKES, ("with m.If(waits & self.begun):", "with m.If(0):")),
        )
    ),
    Proof(
        "bus_samples",
        "SampleReader",
        "entries stay until they are taken; a sample begins only where one may, and no label or input that is none",
        unit(samples, "SampleReader", RATE),
        read,
        depth=8,
        unbounded=False,
        held=("SampleReader.samples",),
        twin=broken(samples, "word.learn & (word.number < classes)", "word.learn", "SampleReader", RATE),
    ),
    Proof(
        "bus_queue",
        "ResultQueue, 2 places",
        "each sample that was let in has a place for its result, before and after resets of the network",
        unit(results, "ResultQueue", RATE, 2),
        queued,
        depth=14,
        unbounded=False,
        held=("ResultQueue.o",),
        twin=broken(
            results, "self.waiting + self.inside < self._places", "self.waiting < self._places", "ResultQueue", RATE, 2
        ),
    ),
    Proof(
        "bus_results",
        "ResultWriter",
        "words stay until they are taken: the winner's, then each class's, each with its wins",
        unit(results, "ResultWriter", RATE),
        written,
        depth=4,
        # Networks and AXI pass them on.
        held=("ResultWriter.o", "BusNetwork.results", "AxiNetwork.m_axis_results"),
        twin=broken(
            results,
            "Mux(listing, following, self.i.p.winner)",
            "Mux(1, following, self.i.p.winner)",
            "ResultWriter",
            RATE,
        ),
    ),
    Proof(
        "bus_window",
        "StreamWindow",
        "each access is answered once, within a bound: samples let in or not, results there or not",
        unit(wishbone, "StreamWindow"),
        windowed,
        depth=16,
        unbounded=False,
        held=("StreamWindow.answers", "StreamWindow.others", "StreamWindow.words"),
        twin=broken(
            wishbone,
            "with m.If(~within | (results.valid & results.p.last)):",
            "with m.If(results.valid & results.p.last):",
            "StreamWindow",
        ),
    ),
    Proof(
        "bus_network",
        "BusNetwork, 1 place, a sample of any list",
        f"nobody takes results, and each access is answered within {NETWORK_CLOCKS} clocks all the same",
        on_a_bus(),
        never_hangs,
        depth=NETWORK_CLOCKS + 26,
        unbounded=False,
        held=("BusNetwork.answers",),
        twin=on_a_bus("self.waiting + self.inside < self._places", "1"),
    ),
]
