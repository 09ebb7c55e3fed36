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
    shapes = [(1, 1), (2, 2), (16, 16), (17, 17), (40, 40), (9, 1), (21, 5), (70, 35)]
    shapes += [(units, generator.randint(1, units)) for units in generator.sample(range(2, 60), 3)]
    variants = {}
    for units, lanes in shapes:
        for stalls in (0, 0.4):
            job = {"units": units, "lanes": lanes, "chunk": min(lanes, RowScanner.CHUNK), "stalls": stalls}
            name = f"units_{units}_{lanes}_{'stalled' if stalls else 'free'}"
            variants[name] = (RowScanner(units, lanes), job)
    on_verilator = ["units_70_35_stalled", "units_21_5_free", "units_16_16_free"]
    check("visits", variants, simulator, SEED, test="row_scanner", on_verilator=on_verilator)
