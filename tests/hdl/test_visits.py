"""Lists of rows in hardware: every visit, and the clock it comes in."""

from __future__ import annotations

import random

from amaranth.hdl import unsigned

from backspike.hdl.visits import RowScanner, Serialiser

from .variants import ON_BOTH, check

SEED = 20237


@ON_BOTH
def test_serialiser_emits_marked_items_in_order(simulator: str) -> None:
    variants = {}
    for slots, item, context in [(1, 3, 0), (2, 7, 4), (8, 5, 0), (16, 2, 9)]:
        for stalls in (0, 0.4):
            unit = Serialiser(slots, unsigned(item), unsigned(context))
            job = {"slots": slots, "item": item, "context": context, "stalls": stalls}
            variants[f"slots_{slots}_{'stalled' if stalls else 'free'}"] = (unit, job)
    check("visits", variants, simulator, SEED, test="serialiser")


@ON_BOTH
def test_scanner_lists_the_rows_of_a_tick(simulator: str) -> None:
    generator = random.Random(SEED)
    # Units, lanes, banks.
    shapes = [(1, 1, 1), (2, 2, 2), (16, 16, 1), (17, 17, 4), (40, 40, 2), (9, 1, 1), (21, 5, 1), (70, 35, 1)]
    shapes += [(1, 1, 4), (3, 3, 4), (21, 4, 2), (70, 36, 4), (50, 18, 2)]
    shapes += [(units, generator.randint(1, units), 1) for units in generator.sample(range(2, 60), 3)]
    variants = {}
    for units, lanes, banks in shapes:
        for stalls in (0, 0.4):
            job = {"units": units, "lanes": lanes, "banks": banks, "chunk": min(lanes, RowScanner.CHUNK)}
            name = f"units_{units}_{lanes}_{banks}_{'stalled' if stalls else 'free'}"
            variants[name] = (RowScanner(units, lanes, banks), {**job, "stalls": stalls})
    on_verilator = ["units_70_36_4_stalled", "units_21_4_2_free", "units_16_16_1_free"]
    check("visits", variants, simulator, SEED, test="row_scanner", on_verilator=on_verilator)
