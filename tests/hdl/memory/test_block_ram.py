"""A memory in block RAM: bursts of any length, with and without stalls, beside a naive one."""

from __future__ import annotations

from backspike.hdl.memory.block_ram import BlockRam
from tests.hdl.benches.memory import MemoryBench
from tests.hdl.benches.simulation import simulate

SEED = 20278


def variants():
    job = {"address_bits": 6, "bursts": 80, "most": 64, "gap": 20, "borders": [16, 32], "ready_within": 1}
    return {f"stalls_{stalls}": (BlockRam(6), {**job, "stalls": stalls}) for stalls in (0.0, 0.5)}


def test_reads_what_was_written() -> None:
    simulate(MemoryBench, variants(), SEED)
