"""The winner-take-all race: the greatest sum wins, of equals the lowest unit; and the error spikes that follow."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl import wta
from backspike.hdl.synapses import drive_shape
from backspike.model.lfsr import POLYNOMIALS

from .lfsr import step
from .proof import Bench, Proof, mutant

NOISE = (-3, 0, 2, 5)
"""A table of noise with four entries: the race does not depend on its size, but the solver's time does."""

NOISE_BITS = 2
UNITS = 12
SCORE = 3


def small(old: str = "GROUP = 10", new: str = "GROUP = 10"):
    """Return the race, or a mutant of it, with the small table."""
    return mutant(wta, old, new, GUMBEL_BITS=NOISE_BITS, gumbel_table=lambda *_: NOISE)


class Greatest(wiring.Component):
    """The comparison of so many scores that there are several groups of them."""

    def __init__(self, module) -> None:
        self._module = module
        super().__init__({"scores": In(data.ArrayLayout(signed(SCORE), UNITS)), "winner": Out(range(UNITS))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        scores = [self.scores[unit] for unit in range(UNITS)]
        m.d.comb += self.winner.eq(
            self._module._greatest([(score, Value.cast(unit)) for unit, score in enumerate(scores)])[1]
        )
        return m


def greatest(bench: Bench) -> None:
    """Nobody has more than the winner, and nobody before it has as much."""
    scores, winner = bench.unit.scores, bench.unit.winner
    best = bench.named(Array(scores[unit] for unit in range(UNITS))[winner], "best")
    bench.claim(winner < UNITS)
    for unit in range(UNITS):
        bench.claim(scores[unit] <= best)
        bench.claim((unit >= winner) | (scores[unit] < best))


def race(config: NetworkConfig) -> Callable[[Bench], None]:
    """Claim of a tick's race that it has the winner, and the error spikes, of docs/semantics.md, 4.8."""
    layer = config.weight_layers[-1]
    units, lanes, fold, width = layer.units, layer.lanes, layer.fold, config.lfsr_bits

    def claims(bench: Bench) -> None:
        m, unit = bench.m, bench.unit
        given = [getattr(bench, f"drive_{number}") for number in range(units)]

        # LFSRs: seeded one by one, before the first tick.
        states = [Signal(width, name=f"state_{number}") for number in range(units)]
        seeded = Signal(units)
        seeds = unit.seeds
        mine = seeds.valid & (seeds.group == 2 * layer.number - 1)
        for number in range(units):
            with m.If(mine & (seeds.word == number)):
                m.d.sync += [states[number].eq(seeds.state), seeded[number].eq(1)]
        bench.assume(~mine | (seeds.word < units))

        # A tick: noise is drawn, then the race is started, and has an end.
        idle, drawing, racing = (Signal(name=name) for name in ("idle", "drawing", "racing"))
        m.d.comb += idle.eq(~drawing & ~racing)
        bench.assume(~unit.draw | (idle & seeded.all() & ~bench.past(unit.done)))
        bench.assume(~unit.start | drawing)
        bench.assume(~mine | (idle & ~unit.draw))
        bench.assume(~unit.clear | idle)
        noises = [Signal(signed(4), name=f"noise_{number}") for number in range(units)]
        with m.If(unit.draw):
            m.d.sync += drawing.eq(1)
            for number, state in enumerate(states):
                m.d.sync += noises[number].eq(Array(Value.cast(entry) for entry in NOISE)[state[:NOISE_BITS]])
                following = Mux(state == 0, 1, state)
                for _ in range(NOISE_BITS):
                    following = step(bench.named(following), POLYNOMIALS[width])
                m.d.sync += state.eq(following)
        with m.If(unit.start):
            m.d.sync += [drawing.eq(0), racing.eq(1)]
        with m.If(unit.done):
            m.d.sync += racing.eq(0)
        bench.claim(~unit.done | racing)

        # Drives, and what goes with a tick, are there from the clock after `start`.
        tick = Cat(*given, unit.first, unit.label, unit.learn)
        stays = bench.past(bench.named((drawing | racing) & bench.running))
        bench.assume(~stays | (tick == bench.past(bench.named(tick))))
        word = unit.word if fold == 1 else bench.past(unit.word)
        for lane in range(lanes):
            there = Array(given[min(at * lanes + lane, units - 1)] for at in range(fold))[word]
            bench.assume(unit.drives[lane] == there)

        # The naive race: one unit after the other.
        best, winner = given[0] + noises[0], Value.cast(0)
        for number in range(1, units):
            score = given[number] + noises[number]
            winner, best = Mux(score > best, number, winner), Mux(score > best, score, best)
        expected = Signal.like(unit.winner, name="expected")
        m.d.comb += expected.eq(winner)
        bench.claim(~unit.done | (unit.winner == expected))
        wrong = bench.past(bench.named(unit.learn & (expected != unit.label)))
        # Behind a tick, as long as no sample begins.
        over = bench.past(unit.done) & ~bench.past(unit.clear)
        label, won = bench.past(unit.label), bench.past(expected)
        bench.claim(~over | (unit.error == wrong))
        bench.claim(~over | (unit.error_pos == Mux(wrong, 1 << label, 0)))
        bench.claim(~over | (unit.error_neg == Mux(wrong, 1 << won, 0)))
        bench.claim((unit.error_pos & unit.error_neg) == 0)

        late = Signal(range(16))
        m.d.sync += late.eq(Mux(racing, late + 1, 0))
        bench.claim(late < units + 2 + (4 if fold == 1 else fold + 4))

    return claims


def proof(lanes: int, depth: int, twin, **options) -> Proof:
    config = NetworkConfig(layers=(1, 3), weight_bits=4, weight_frac=2, ticks=4, lfsr_bits=16, lanes=(lanes,))
    layer = config.weight_layers[-1]
    drive = drive_shape(layer)
    return Proof(
        f"race_{lanes}",
        f"WinnerTakeAll, 3 units in words of {lanes}, 4 entries of noise",
        "the winner has the greatest sum of drive and noise, the lowest such unit; error spikes at label and winner",
        lambda: small().WinnerTakeAll(config),
        race(config),
        depth=depth,
        unbounded=False,
        twin=lambda: twin.WinnerTakeAll(config),
        free={f"drive_{number}": drive for number in range(3)},
        **options,
    )


PROOFS = [
    Proof(
        "greatest",
        f"comparison of {UNITS} scores, in groups of {wta.GROUP}",
        "nobody has more than the winner, and nobody before it as much",
        lambda: Greatest(wta),
        greatest,
        depth=2,
        twin=lambda: Greatest(
            mutant(wta, "return {(j, i): values[j] > values[i]", "return {(j, i): values[j] >= values[i]")
        ),
        quick=True,
    ),
    proof(3, 15, small("found = _greater([scores[lane] for", "found = _greater([scores[lane] >> 1 for")),
    proof(2, 17, small("| (best > so_far)", "| (best >= so_far)")),
]
