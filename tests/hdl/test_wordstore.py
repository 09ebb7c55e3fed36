"""The store of folded units: as a memory and as a register, with any lanes written."""

from __future__ import annotations

from backspike.hdl.wordstore import WordStore

from .variants import ON_BOTH, check

SEED = 20235


@ON_BOTH
def test_reads_what_was_written(simulator: str) -> None:
    variants = {
        f"depth_{depth}_of_{lanes}": (WordStore(bits, lanes, depth), {"bits": bits, "lanes": lanes, "depth": depth})
        for bits, lanes, depth in [(5, 1, 1), (9, 4, 1), (7, 1, 2), (12, 3, 5), (33, 2, 16)]
    }
    check("wordstore", variants, simulator, SEED)
