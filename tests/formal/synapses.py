"""The synapse array beside a naive one: all weights in registers, changed one visit after the other."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Array, Cat, Mux, Signal, Value, signed

from backspike.config import NetworkConfig
from backspike.hdl import crossbar, synapses
from backspike.layers import WeightLayer

from .contracts import assume_held
from .proof import Bench, Proof, mutant

BITS = 4
MOST, LEAST = (1 << (BITS - 1)) - 1, -(1 << (BITS - 1))


def network(layers: tuple[int, ...], **options) -> NetworkConfig:
    return NetworkConfig(layers=layers, weight_bits=BITS, weight_frac=2, ticks=8, lfsr_bits=24, **options)


def visits(bench: Bench, layer: WeightLayer, apart: int) -> tuple[Value, Signal]:
    """Assume lists of rows that ascend, the bias row last, so many clocks apart; and none while the host has access.

    A crossbar's are one visit, of the bias row and any others.

    Return whether a word of a visit is worked on, and which one.
    """
    m, unit, visit = bench.m, bench.unit, bench.unit.visits.p
    banks, inputs, fold = layer.banks, layer.inputs, layer.fold
    assume_held(bench, unit.visits)
    valid, ready = unit.visits.valid, Value.cast(unit.visits.ready)
    taken = bench.named(valid & ready & bench.running)
    ended = bench.named(taken & visit.last)
    for bank in range(banks):
        own = visit.banks[bank]
        bias = inputs % banks == bank
        number = own.row * banks + bank
        bench.assume(~valid | own.active | (own.as_value() == 0))
        bench.assume(~(valid & own.active) | (number <= inputs))
        if not layer.crossbar:
            bench.assume(~(valid & visit.last) | (own.active == bias))
        elif bias:
            bench.assume(~valid | (visit.last & own.active))
        if bias:
            bench.assume(~(valid & own.active) | (visit.last == (number == inputs)))
            bench.assume(~(valid & visit.last) | (own.spike & ~own.gate))
        least = Signal(range(inputs + 2))
        with m.If(ended):
            m.d.sync += least.eq(0)
        with m.Elif(taken & own.active):
            m.d.sync += least.eq(number + 1)
        bench.assume(~(valid & own.active) | (number >= least))
    quiet: Value = ended
    for _ in range(apart):
        quiet = bench.past(bench.named(quiet))
        bench.assume(~quiet | ~valid)
    # The host waits until no visit is on its way.
    busy, moving = valid, bench.past(bench.named(valid & bench.running))
    for _ in range(3):
        busy, moving = busy | moving, bench.past(bench.named(moving))
    weight = unit.weight
    bench.assume(~(weight.valid & busy))
    asked = Cat(weight.write, weight.row, weight.word, weight.lane, weight.w_data)
    waits = bench.past(bench.named(weight.valid & ~weight.done & bench.running))
    bench.assume(~waits | (weight.valid & (asked == bench.past(bench.named(asked)))))
    bench.assume(~bench.past(weight.done) | ~weight.valid)
    bench.assume((weight.row <= inputs) & (weight.word < fold) & (weight.lane < layer.lanes))

    word = Signal(range(max(2, fold)))
    advance = bench.named(valid & ~unit.writing & bench.running)
    with m.If(advance):
        m.d.sync += word.eq(Mux(word == fold - 1, 0, word + 1))
    bench.claim(ready == ((word == fold - 1) & ~unit.writing))
    return advance, word


def naive(layer: WeightLayer) -> Callable[[Bench], None]:
    """Claim that weights, drives and errors are those of a naive array."""
    # From the end of a list to the next tick it is a clock, and it takes another two to scan a list.
    apart = 1 if layer.first else 3
    rows, fold, lanes, banks = layer.rows, layer.fold, layer.lanes, layer.banks

    def claims(bench: Bench) -> None:
        m, unit = bench.m, bench.unit
        advance, word = visits(bench, layer, apart)
        bench.assume((unit.error_pos & unit.error_neg) == 0)

        weights = [
            [Signal(signed(BITS), name=f"weight_{row}_{lane}") for lane in range(fold * lanes)] for row in range(rows)
        ]
        known = [[Signal(name=f"known_{row}_{lane}") for lane in range(fold * lanes)] for row in range(rows)]

        # The host.
        weight = unit.weight
        for row in range(rows):
            for lane in range(fold * lanes):
                mine = weight.done & (weight.row == row) & (weight.word * lanes + weight.lane == lane)
                bench.claim(~(mine & known[row][lane]) | (weight.r_data == weights[row][lane]))
                with m.If(mine):
                    m.d.sync += known[row][lane].eq(1)
                    m.d.sync += weights[row][lane].eq(Mux(weight.write, weight.w_data, weight.r_data))

        # A visit: what it has read, and a clock later which error spikes there are.
        visit = bench.past(bench.named(unit.visits.payload))
        visiting, now = bench.past(advance), bench.past(word)
        begins = Signal(init=1)
        with m.If(visiting & (now == fold - 1)):
            m.d.sync += begins.eq(visit.last)
        sums = [Signal(signed(BITS + 4), name=f"sum_{lane}") for lane in range(fold * lanes)]
        all_known = [Signal(name=f"all_known_{lane}") for lane in range(fold * lanes)]
        for lane in range(fold * lanes):
            column = visiting & (now == lane // lanes)
            up = unit.error_pos[lane % lanes] & unit.update
            down = unit.error_neg[lane % lanes] & unit.update
            total: Value = Mux(begins, 0, sums[lane])
            total_known: Value = begins | all_known[lane]
            for row in range(rows):
                own = visit.banks[row % banks]
                met = own.active & (own.row == row // banks)
                total = total + Mux(met & own.spike, weights[row][lane], 0)
                total_known = total_known & (~(met & own.spike) | known[row][lane])
                moved = weights[row][lane] + up - down
                with m.If(column & met & own.spike & own.permit):
                    m.d.sync += weights[row][lane].eq(Mux(moved > MOST, MOST, Mux(moved < LEAST, LEAST, moved)))
            with m.If(column):
                m.d.sync += [sums[lane].eq(total), all_known[lane].eq(total_known)]

        # The drives of a list are there in the clock after its end has been added, until the next one is offered.
        complete = Signal()
        with m.If(unit.visits.valid):
            m.d.sync += complete.eq(0)
        with m.Elif(visiting & (now == fold - 1) & visit.last):
            m.d.sync += complete.eq(1)
        bench.claim(unit.swept == (visiting & (now == fold - 1) & visit.last))
        asked = bench.past(unit.word)
        shown = bench.past(complete) & complete
        for lane in range(fold * lanes):
            right = unit.drives[lane % lanes] == sums[lane]
            bench.claim(~(shown & (asked == lane // lanes) & all_known[lane]) | right)

        if layer.first:
            return
        # Errors: of one word, and of an output layer, whose units have one error up and one down at most.
        if fold == 1:
            assert not layer.hidden
            for spikes in (unit.error_pos, unit.error_neg):
                bench.assume((spikes & (spikes - 1)) == 0)
            for bank in range(banks):
                own = visit.banks[bank]
                gate = visiting & own.gate & unit.update & (1 if layer.crossbar else ~visit.last)
                bench.claim(unit.back.valid[bank] == bench.past(bench.named(gate)))
                error, error_known = 0, 1
                for lane in range(lanes):
                    mine = Array(known[row][lane] for row in range(bank, rows, banks))[own.row]
                    value = Array(weights[row][lane] for row in range(bank, rows, banks))[own.row]
                    up, down = unit.error_pos[lane], unit.error_neg[lane]
                    error = error + Mux(up, value, 0) - Mux(down, value, 0)
                    error_known = error_known & (mine | ~(up | down))
                expected = bench.past(bench.named(error))
                is_known = bench.past(bench.named(error_known & gate))
                bench.claim(~is_known | (unit.back.error[bank] == expected))

    return claims


def proof(name: str, config: NetworkConfig, number: int, depth: int, twin=None, **options) -> Proof:
    layer = config.weight_layers[number - 1]
    kind = crossbar.Crossbar if layer.crossbar else synapses.SynapseArray
    shape = f"{layer.rows} rows of {layer.fold} x {layer.lanes} weights"
    shape += "" if layer.crossbar else f", {layer.banks} banks, {layer.ports} ports"
    return Proof(
        f"synapses_{name}",
        f"{kind.__name__}, layer {number} of {len(config.weight_layers)}: {shape}",
        "weights, drives and errors are those of a naive array; an update saturates, and moves by one at most"
        if not layer.first
        else "weights and drives are those of a naive array; an update saturates, and moves by one at most",
        lambda: kind(layer),
        naive(layer),
        depth=depth,
        unbounded=False,
        twin=(lambda: getattr(twin, kind.__name__)(layer)) if twin else None,
        **options,
    )


WRAPS = mutant(
    synapses,
    "higher = change.up[lane] & change.valid & (old != config.weight_max)",
    "higher = change.up[lane] & change.valid",
)
STARTS_LATE = mutant(
    synapses, "Mux(now.first, 0, drive.r_data[lane])", "Mux(now.first & now.last, 0, drive.r_data[lane])"
)
OPEN = mutant(
    synapses, "self.back.valid[bank].eq(going_back & own.gate)", "self.back.valid[bank].eq(going_back & own.spike)"
)
WRONG_WORD = mutant(
    synapses,
    "write.en.eq(coincided | host_writes), write.addr.eq(held_at)",
    "write.en.eq(coincided | host_writes), write.addr.eq(at)",
)

# As it was once: a list of the bias row alone read what the list before was about to write.
OVERTAKEN = mutant(synapses, "self.writing.eq(written & self.visits.valid & self.visits.p.last)", "self.writing.eq(0)")

WINDING = mutant(crossbar, "m.If(stepping[row] & (word[lane] != bounds[lane]))", "m.If(stepping[row])")
SPIKING = mutant(crossbar, "eq(updating & gates[row])", "eq(updating & spikes[row])")

PROOFS = [
    proof("unfolded", network((1, 2)), 1, 16, OVERTAKEN),
    proof("folded", network((2, 2), lanes=(1,)), 1, 19, STARTS_LATE),
    proof("banks", network((2, 2), banks=(2,)), 1, 16, WRONG_WORD),
    proof("one_port", network((2, 2), lanes=(1,), ports=(1,)), 1, 18, WRAPS),
    proof("errors", network((2, 2, 2)), 2, 13, OPEN),
    proof("crossbar", network((2, 2), synapses="crossbar"), 1, 12, WINDING, quick=True),
    proof("crossbar_errors", network((2, 2, 2), synapses="crossbar"), 2, 11, SPIKING),
]
