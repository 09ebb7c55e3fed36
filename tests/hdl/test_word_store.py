"""The store of folded units: as a memory and as a register, with any lanes written."""

from __future__ import annotations

from backspike.hdl.word_store import WordStore, index_shape

from .benches.simulation import simulate
from .benches.word_store import WordStoreBench
from .variants import ON_BOTH, check

SEED = 20235


def variants():
    return {
        f"depth_{depth}_of_{lanes}{'_fresh' if fresh else ''}": (
            WordStore(bits, lanes, depth, fresh),
            {"bits": bits, "lanes": lanes, "depth": depth, "fresh": fresh},
        )
        for bits, lanes, depth in [(5, 1, 1), (9, 4, 1), (7, 1, 2), (12, 3, 5), (33, 2, 16)]
        for fresh in (False, True)
    }


def test_reads_what_was_written() -> None:
    simulate(WordStoreBench, variants(), SEED)


def test_an_index_has_a_bit_at_least() -> None:
    assert [index_shape(count) for count in (1, 2, 3, 9)] == [range(2), range(2), range(3), range(9)]


# What a word is that is read and written at once, the text says.
@ON_BOTH
def test_reads_as_verilog_what_was_written(simulator: str) -> None:
    stores = variants()
    check([dict.fromkeys(stores, WordStoreBench)], stores, simulator, SEED)
