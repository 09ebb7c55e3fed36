"""The controller of an SDRAM, with the model of one at its pins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backspike.hdl.memory.sdram import Sdram, SdramController, SdramCycles
from backspike.sim.sdram import ARRAY_VERILOG, SimulatedSdram, describe_violation
from tests.hdl.benches.memory import SdramBench, clocks_of_bursts, simulate_testbench
from tests.hdl.benches.simulation import simulate
from tests.hdl.variants import FEW_AND_REST, ON_BOTH, check, choose

SEED = 20280
# Few words, so that rows and banks often end; made ready in a shorter time, which is a matter of one counter.
SMALL = Sdram(row_bits=3, column_bits=4, power_up=3e3)
SLOW = replace(SMALL, t_refi=3e3, t_rcd=55, t_rp=41, t_ras=45, t_wr=60, t_rc=170, t_rfc=190)
FEW = ["at_60_mhz_stalled", "at_133_mhz_latency_3", "at_80_mhz_slow"]


def job(controller: SdramController, stalls: float = 0.0, bursts: int = 30) -> dict:
    chip = controller.chip
    return {
        "address_bits": chip.address_bits,
        "bursts": bursts,
        "most": 40,
        "gap": 600,
        "stalls": stalls,
        "borders": [1 << chip.column_bits, 1 << chip.column_bits + chip.bank_bits],
        "ready_within": controller.cycles.power_up + 2000,
    }


def variants(large: bool = False):
    found = {}
    for name, chip, clock, stalls in [
        ("at_60_mhz", SMALL, 60, 0.0),
        ("at_60_mhz_stalled", SMALL, 60, 0.5),
        ("at_25_mhz", SMALL, 25, 0.2),
        ("at_100_mhz", SMALL, 100, 0.2),
        ("at_133_mhz_latency_3", replace(SMALL, cas_latency=3), 133, 0.0),
        ("at_80_mhz_slow", SLOW, 80, 0.2),
        ("at_60_mhz_two_columns", replace(SMALL, column_bits=1, row_bits=4), 60, 0.0),
    ]:
        controller = SdramController(chip, clock)
        found[name] = (SimulatedSdram(controller, large=large), job(controller, stalls))
    return found


@FEW_AND_REST
def test_what_is_read_was_written(few: bool) -> None:
    simulate(SdramBench, choose(variants(), FEW, few), SEED)


@ON_BOTH
def test_the_same_as_verilog(simulator: str) -> None:
    # Its words in Amaranth's memory, and in a simulator's own.
    few = {**choose(variants(), FEW, True), "large": variants(large=True)["at_60_mhz"]}
    check([dict.fromkeys(few, SdramBench)], few, simulator, SEED, "sdram", ARRAY_VERILOG)


FAULTS = {
    "t_rp": (SLOW, "tRP: a command too early after a precharge"),
    "t_rcd": (SLOW, "tRCD: a read or a write too early after the row's activation"),
    "t_ras": (replace(SLOW, t_ras=160), "tRAS: a precharge too early after the row's activation"),
    "t_rc": (replace(SLOW, t_rc=250), "tRC: an activation too early after the one before in the same bank"),
    "t_rfc": (SLOW, "tRFC: a command too early after a refresh"),
    "t_wr": (replace(SLOW, t_ras=20, t_rc=20), "tWR: a precharge too early after a write"),
    "t_mrd": (replace(SLOW, t_mrd=5), "tMRD: a command too early after the mode"),
    "power_up": (SLOW, "a command before the time to power up was over"),
    "refreshes": (SLOW, "used before a precharge of all banks, the refreshes and the mode"),
    "cas_latency": (replace(SLOW, cas_latency=3), "the mode is not that of words one by one with the latency that"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_controller_that_is_too_fast_is_found(name: str) -> None:
    """By one cycle; of the power-up, by an interval between refreshes, in which it is counted."""
    chip, sentence = FAULTS[name]
    controller = SdramController(chip, 80)
    right = controller.cycles
    less = controller.interval if name == "power_up" else 1
    controller.cycles = replace(right, **{name: getattr(right, name) - less})
    fast = SimulatedSdram(controller, right)
    with pytest.raises(AssertionError, match=f"clock \\d+ of the SDRAM: {sentence}"):
        simulate(FoundBench, {name: (fast, job(controller, bursts=20))}, SEED)


class FoundBench(SdramBench):
    """Ends as soon as the part complains, whatever is read."""

    async def run(self) -> None:
        """Do as the bench does, and look at the part in each cycle."""
        doing = self.start(super().run())
        for _ in range(4000):
            await self.unit.edge
            await self.check()
        doing.cancel()


@pytest.mark.parametrize(("write", "words"), [(0, 0), (1, 0), (1, 3), (0, 30)])
def test_a_refresh_comes_in_time_whatever_the_user_does(write: int, words: int) -> None:
    """A user who takes no word of a burst, or gives none, or who stops in the middle of it."""
    controller = SdramController(SLOW, 80)
    memory = SimulatedSdram(controller)
    port = memory.memory

    async def testbench(ctx) -> None:
        await ctx.tick().until(port.ready)
        ctx.set(port.burst.payload, {"write": write, "address": 5, "count": 60})
        ctx.set(port.burst.valid, 1)
        await ctx.tick().until(port.burst.ready)
        ctx.set(port.written.valid, write)
        ctx.set(port.read.ready, 1 - write)
        for _ in range(words):
            await ctx.tick().until(port.written.ready if write else port.read.valid)
        ctx.set(port.written.valid, 0)
        ctx.set(port.read.ready, 0)
        await ctx.tick().repeat(3 * controller.cycles.t_refi)
        complaint = describe_violation(ctx.get(memory.part.first), ctx.get(memory.part.first_clock))
        assert not complaint, complaint

    simulate_testbench(memory, testbench)


def measure(count: int, places: list[int], write: int) -> int:
    """Return the cycles that bursts take at 60 MHz, one right after the other."""
    memory = SimulatedSdram(SdramController(replace(SMALL, row_bits=6, column_bits=9), 60))
    return clocks_of_bursts(memory, count, places, write)


@pytest.mark.parametrize("write", [0, 1], ids=["read", "write"])
def test_throughput(write: int) -> None:
    sequence = [1000 * number for number in range(3)]
    assert 3000 / measure(1000, sequence, write) > 0.965
    # In 10 rows.
    assert measure(100, [1 + 997 * number % 30_000 for number in range(10)], write) / 10 < 109.5


@pytest.mark.parametrize(
    ("clock", "wanted"),
    [
        (60, SdramCycles(2, 2, 3, 5, 2, 5, 2, 2, 468, 12_000, 8, 2)),
        (25, SdramCycles(1, 1, 2, 2, 2, 2, 2, 2, 195, 5_000, 8, 2)),
        (100, SdramCycles(2, 2, 5, 7, 2, 7, 2, 2, 781, 20_000, 8, 2)),
        (133, SdramCycles(3, 3, 6, 10, 2, 10, 3, 2, 1039, 26_600, 8, 2)),
    ],
)
def test_times_become_cycles_on_the_safe_side(clock: float, wanted: SdramCycles) -> None:
    assert Sdram().cycles(clock) == wanted


@pytest.mark.parametrize(
    ("chip", "clock", "sentence"),
    [
        (Sdram(column_bits=11), 60, "column_bits must be from 1 to 10, not 11"),
        (Sdram(cas_latency=4), 60, "cas_latency must be 2 or 3, not 4"),
        (Sdram(), 0.5, "a clock of 0.5 MHz leaves no time between refreshes"),
    ],
)
def test_what_cannot_be_is_one_sentence(chip: Sdram, clock: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        SdramController(chip, clock)
