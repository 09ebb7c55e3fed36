"""A memory in block RAM: bursts of any length, with and without stalls, beside a naive one."""

from __future__ import annotations

import pytest

from backspike.hdl.memory.block_ram import BlockRam
from tests.hdl.benches.memory import MemoryBench, clocks_of_bursts
from tests.hdl.benches.simulation import simulate

SEED = 20278


def variants():
    job = {"address_bits": 6, "bursts": 80, "most": 64, "gap": 20, "borders": [16, 32], "ready_within": 1}
    return {f"stalls_{stalls}": (BlockRam(6), {**job, "stalls": stalls}) for stalls in (0.0, 0.5)}


def test_reads_what_was_written() -> None:
    simulate(MemoryBench, variants(), SEED)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_word_comes_in_each_cycle_and_a_burst_takes_one_more(count: int) -> None:
    """A first word that is read comes two cycles after its burst; the burst after it waits for none."""
    places = [0, 30, 7, 7]
    assert clocks_of_bursts(BlockRam(6), count, places, write=1) == (1 + count) * len(places)
    assert clocks_of_bursts(BlockRam(6), count, places, write=0) == (1 + count) * len(places) + 1
