"""The model of an SDRAM: it keeps words, takes what a data sheet allows to the cycle, and nothing beyond."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from amaranth.sim import Simulator

from backspike.hdl.memory.sdram import Sdram
from backspike.sim.sdram import SENTENCES, SdramModel, Violation, describe_violation

SEED = 20281
# Of everything another number of cycles, none of which two others make together by chance.
CHIP = Sdram(row_bits=3, column_bits=3)
CYCLES = replace(
    CHIP.cycles(60),
    t_rp=4,
    t_rcd=5,
    t_ras=11,
    t_rc=19,
    t_rrd=3,
    t_rfc=17,
    t_wr=7,
    t_mrd=6,
    t_refi=90,
    power_up=30,
    refreshes=3,
)
READY = CYCLES.power_up + CYCLES.t_rp + CYCLES.refreshes * CYCLES.t_rfc + CYCLES.t_mrd

COMMANDS = {"stop": 1, "read": 2, "write": 3, "activate": 4, "precharge": 5, "refresh": 6, "mode": 7}
ALL = 1 << 10
MODE = CYCLES.cas_latency << 4


def run(*steps, until=0, cycles=CYCLES, pins=None):
    """Give commands, ``(clock, name, bank, address, data)``; return violations, and words that came, by their clocks.

    A write drives its data in its clock. `pins` has more to drive, by the clock from which on.
    """
    model = SdramModel(CHIP, cycles)
    violations: dict[int, set[Violation]] = {}
    words: dict[int, int] = {}
    by_clock = {step[0]: step[1:] for step in steps}
    assert len(by_clock) == len(steps)

    async def testbench(ctx):
        ctx.set(model.pins.mask, 0)
        for clock in range(max([*by_clock, *(pins or {}), until]) + 6):
            name, *rest = by_clock.get(clock, ("none",))
            bank, address, data = [*rest, 0, 0, 0][:3]
            code = COMMANDS.get(name, 0)
            ctx.set(model.pins.row, code >> 2)
            ctx.set(model.pins.column, code >> 1 & 1)
            ctx.set(model.pins.write, code & 1)
            ctx.set(model.pins.bank, bank)
            ctx.set(model.pins.address, address)
            ctx.set(model.pins.data, data)
            ctx.set(model.pins.drive, int(name == "write"))
            for pin, value in (pins or {}).get(clock, {}).items():
                ctx.set(getattr(model, pin) if hasattr(model, pin) else getattr(model.pins, pin), value)
            flags = ctx.get(model.violations)
            if flags:
                violations[clock] = {kind for kind in Violation if flags >> kind & 1}
            if ctx.get(model.read_driven):
                words[clock] = ctx.get(model.pins.read)
            await ctx.tick()
        first = min(violations, default=0)
        kind = min(violations[first]) if violations else 0
        assert (ctx.get(model.first), ctx.get(model.first_clock)) == (kind, first)

    simulator = Simulator(model)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return violations, words


def made_ready(*, early=0, refreshes=CYCLES.refreshes, mode=MODE, precharge=ALL):
    """Return what makes the part ready, as soon as may be."""
    clock = CYCLES.power_up - early
    steps = [(clock, "precharge", 0, precharge)]
    clock += CYCLES.t_rp
    for _ in range(refreshes):
        steps.append((clock, "refresh"))
        clock += CYCLES.t_rfc
    steps.append((clock, "mode", 0, mode))
    return steps


def after_ready(*steps, **options):
    """Make the part ready, and give commands at clocks that count from then on; their violations count so, too."""
    shifted = [(READY + clock, *rest) for clock, *rest in steps]
    pins = {READY + clock: value for clock, value in options.pop("pins", {}).items()}
    violations, words = run(*made_ready(), *shifted, pins=pins, **options)
    return {clock - READY: kinds for clock, kinds in violations.items()}, {
        clock - READY: word for clock, word in words.items()
    }


def test_what_is_allowed_is_taken_to_the_cycle():
    """Each time between commands as short as it may be, and words come back, in their cycles."""
    c = CYCLES
    read = c.t_rcd + 1
    closed = max(c.t_ras, c.t_rcd + c.t_wr)
    again = max(closed + c.t_rp, c.t_rc)
    steps = [
        (0, "activate", 1, 5),
        (c.t_rrd, "activate", 2, 6),
        (c.t_rcd, "write", 1, 3, 0x1234),
        (read, "read", 1, 3),
        (read + 1, "read", 1, 4),
        (read + 4, "write", 2, 3, 0x5678),
        (closed, "precharge", 1, 0),
        (again, "activate", 1, 5),
        (again + c.t_rcd, "read", 1, 3),
        (again + c.t_rcd + 1, "read", 2, 3),
        (again + c.t_ras, "precharge", 0, ALL),
        (again + c.t_rc, "refresh"),
        (again + c.t_rc + c.t_refi, "refresh"),
    ]
    violations, words = after_ready(*steps)
    assert violations == {}
    latency = c.cas_latency
    # A word is taken at the end of the clock in which it is seen.
    wanted = {read: 0x1234, read + 1: 0, again + c.t_rcd: 0x1234, again + c.t_rcd + 1: 0x5678}
    assert words == {clock + latency: word for clock, word in wanted.items()}


OPENED = [(0, "activate", 1, 5)]
WRITTEN = [*OPENED, (CYCLES.t_rcd, "write", 1, 3, 1)]
CLOSED = [*OPENED, (CYCLES.t_rc, "precharge", 0, ALL)]
TIMES = {
    Violation.T_RCD: [(OPENED, CYCLES.t_rcd, "read", 1, 3), (OPENED, CYCLES.t_rcd, "write", 1, 3)],
    Violation.T_RAS: [(OPENED, CYCLES.t_ras, "precharge", 1, 0), (OPENED, CYCLES.t_ras, "precharge", 0, ALL)],
    Violation.T_WR: [
        (WRITTEN, CYCLES.t_rcd + CYCLES.t_wr, "precharge", 1, 0),
        (WRITTEN, CYCLES.t_rcd + CYCLES.t_wr, "precharge", 3, ALL),
    ],
    Violation.T_RP: [
        (CLOSED, CYCLES.t_rc + CYCLES.t_rp, "activate", 1, 0),
        (CLOSED, CYCLES.t_rc + CYCLES.t_rp, "refresh"),
        (CLOSED, CYCLES.t_rc + CYCLES.t_rp, "mode", 0, MODE),
    ],
    Violation.T_RC: [
        ([*OPENED, (CYCLES.t_ras, "precharge", 1, 0)], CYCLES.t_rc, "activate", 1, 0),
        ([*OPENED, (CYCLES.t_ras, "precharge", 1, 0)], CYCLES.t_rc, "refresh"),
    ],
    Violation.T_RRD: [(OPENED, CYCLES.t_rrd, "activate", 0, 5)],
    Violation.T_RFC: [
        ([(0, "refresh")], CYCLES.t_rfc, "refresh"),
        ([(0, "refresh")], CYCLES.t_rfc, "activate", 0, 0),
        ([(0, "refresh")], CYCLES.t_rfc, "mode", 0, MODE),
    ],
    Violation.T_MRD: [([], 0, "activate", 0, 0), ([], 0, "refresh")],
}


@pytest.mark.parametrize("kind", TIMES, ids=lambda kind: kind.name)
def test_a_command_is_too_early_by_a_cycle(kind):
    for before, clock, *command in TIMES[kind]:
        assert after_ready(*before, (clock, *command))[0] == {}
        assert after_ready(*before, (clock - 1, *command))[0] == {clock - 1: {kind}}


def test_a_refresh_is_too_late_by_a_cycle():
    steps = [(0, "refresh"), (CYCLES.t_refi, "refresh")]
    assert after_ready(*steps)[0] == {}
    assert after_ready((0, "refresh"), (CYCLES.t_refi + 1, "refresh"))[0] == {CYCLES.t_refi + 1: {Violation.T_REFI}}


def test_it_has_to_be_made_ready():
    ready = made_ready()
    assert run(*ready)[0] == {}
    early = made_ready(early=1)
    assert run(*early)[0] == {early[0][0]: {Violation.POWER_UP}}
    few = made_ready(refreshes=CYCLES.refreshes - 1)
    assert run(*few)[0] == {few[-1][0]: {Violation.INITIALISATION}}
    # One bank alone is not all of them.
    one = made_ready(precharge=0)
    assert run(*one)[0] == {clock: {Violation.INITIALISATION} for clock, name, *_ in one if name == "refresh"}
    for mode in (0, MODE ^ 1, MODE ^ 1 << 4, MODE ^ 1 << 3):
        other = made_ready(mode=mode)
        assert run(*other)[0] == {other[-1][0]: {Violation.MODE}}
    unset = [*ready[:-1], (ready[-1][0], "activate", 0, 0)]
    assert run(*unset)[0] == {unset[-1][0]: {Violation.INITIALISATION}}


def test_rows_have_to_be_open_or_closed():
    late = CYCLES.t_rc
    for command in [("activate", 1, 2), ("refresh",), ("mode", 0, MODE)]:
        assert after_ready(*OPENED, (late, *command))[0] == {late: {Violation.BANK_OPEN}}
    for command in [("read", 2, 0), ("write", 0, 0)]:
        assert after_ready(*OPENED, (late, *command))[0] == {late: {Violation.BANK_CLOSED}}
        assert after_ready(*CLOSED, (2 * late, *command))[0] == {2 * late: {Violation.BANK_CLOSED}}


def test_only_one_side_drives_the_data():
    read = CYCLES.t_rcd
    for later in range(1, 6):
        write = (read + later, "write", 1, 3)
        violations, _ = after_ready(*OPENED, (read, "read", 1, 3), write)
        # A word is on the pins in one clock; who drives at its start or at its end is in its way.
        meets = later in (CYCLES.cas_latency - 1, CYCLES.cas_latency)
        assert violations == ({read + later: {Violation.CONFLICT}} if meets else {})
    assert after_ready(*OPENED, (read, "write", 1, 3), pins={read: {"drive": 0}})[0] == {read: {Violation.NO_DATA}}


def test_what_is_not_known_is_told():
    late = CYCLES.t_rc
    for command in [("stop",), ("read", 1, ALL), ("write", 1, ALL)]:
        assert after_ready(*OPENED, (late, *command))[0] == {late: {Violation.COMMAND}}
    disabled = after_ready(pins={3: {"clock_enable": 0}, 4: {"clock_enable": 1}})[0]
    assert disabled == {3: {Violation.COMMAND}}


def test_nothing_is_a_command_that_is_not_for_it():
    assert after_ready((0, "read", 0, 0), (1, "activate", 0, 0), pins={0: {"select": 0}}, until=3) == ({}, {})


def test_bytes_are_masked():
    read = 30
    written = [(5, "write", 1, 3, 0x1234), (6, "write", 1, 3, 0xABCD)]
    steps = [*OPENED, *written, (read, "read", 1, 3), (read + 1, "read", 1, 3)]
    violations, words = after_ready(*steps, pins={6: {"mask": 1}, 7: {"mask": 0}})
    assert (violations, words) == ({}, {read + 2: 0xAB34, read + 3: 0xAB34})
    # Two cycles before a word comes.
    violations, words = after_ready(
        *steps, pins={6: {"mask": 1}, 7: {"mask": 0}, read: {"mask": 3}, read + 1: {"mask": 0}}
    )
    assert (violations, words) == ({}, {read + 3: 0xAB34})


def test_bits_flip():
    address = 5 << 5 | 1 << 3 | 3
    flips = {10: {"upset_address": address, "upset_mask": 0x8001}, 11: {"upset_mask": 0}}
    steps = [(5, "write", 1, 3, 0x1234), (6, "write", 1, 2, 0x1234), (20, "read", 1, 3), (21, "read", 1, 2)]
    assert after_ready(*OPENED, *steps, pins=flips) == ({}, {22: 0x1234 ^ 0x8001, 23: 0x1234})


def test_it_keeps_words():
    """Random rows, all banks open at once."""
    draw, c = random.Random(SEED), CYCLES
    naive: dict[tuple[int, int, int], int] = {}
    steps, wanted, clock = [], {}, 0
    for _ in range(30):
        rows = [draw.randrange(8) for _ in range(4)]
        for bank, row in enumerate(rows):
            steps.append((clock, "activate", bank, row))
            clock += c.t_rcd
        for _ in range(6):
            bank, column = draw.randrange(4), draw.randrange(8)
            place = (rows[bank], bank, column)
            if draw.randrange(2):
                naive[place] = draw.getrandbits(16)
                steps.append((clock, "write", bank, column, naive[place]))
            else:
                steps.append((clock, "read", bank, column))
                wanted[clock + c.cas_latency] = naive.get(place, 0)
            clock += 4
        clock += c.t_ras
        steps.append((clock, "precharge", 0, ALL))
        steps.append((clock + c.t_rp, "refresh"))
        clock += c.t_rp + c.t_rfc
    violations, words = after_ready(*steps, cycles=replace(c, t_refi=200))
    assert violations == {}, f"seed {SEED}"
    assert words == wanted, f"seed {SEED}"


def test_a_violation_is_a_sentence():
    assert describe_violation(0, 0) == ""
    assert describe_violation(Violation.T_RP, 12) == "clock 12 of the SDRAM: tRP: a command too early after a precharge"
    assert SENTENCES.keys() == set(Violation) - {Violation.NONE}
