"""Lists of rows in hardware: every visit, and the clock it comes in."""

from __future__ import annotations

import random

from amaranth.hdl import Module, Shape, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.hdl.joiner import VisitJoiner
from backspike.hdl.scanner import RowScanner
from backspike.hdl.serialiser import Serialiser
from backspike.hdl.visits import bank_rows, mark_layout, visit_layout

from .benches.simulation import simulate
from .benches.visits import RowScannerBench, SerialiserBench, VisitJoinerBench
from .variants import FEW_AND_REST, choose

SEED = 20237
FEW_SCANNERS = ["units_70_36_4_stalled", "units_21_4_2_free", "units_16_16_1_free"]


class Joiner(wiring.Component):
    """A joiner, with a member for each of its banks' streams: Amaranth flips no array of them."""

    def __init__(self, joiner: VisitJoiner) -> None:
        self._joiner = joiner
        lists = {f"i_{bank}": In(mark.signature.flip()) for bank, mark in enumerate(joiner.i)}
        self._inputs = [name for name in ("bias_permit", "wait") if name in joiner.signature.members]
        super().__init__({**lists, **dict.fromkeys(self._inputs, In(1)), "o": Out(joiner.o.signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.joiner = joiner = self._joiner
        for bank, mark in enumerate(joiner.i):
            connect(m, flipped(getattr(self, f"i_{bank}")), mark)
        connect(m, joiner.o, flipped(self.o))
        m.d.comb += [getattr(joiner, name).eq(getattr(self, name)) for name in self._inputs]
        return m


def serialisers():
    variants = {}
    for slots, item, context in [(1, 3, 0), (2, 7, 4), (8, 5, 0), (16, 2, 9)]:
        for stalls in (0, 0.4):
            unit = Serialiser(slots, unsigned(item), unsigned(context))
            job = {"slots": slots, "item": item, "context": context, "stalls": stalls}
            variants[f"slots_{slots}_{'stalled' if stalls else 'free'}"] = (unit, job)
    return variants


def scanners():
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
    return variants


def joiners():
    variants = {}
    for units, lanes, banks in [(9, 9, 2), (24, 4, 2), (40, 8, 4), (21, 4, 2), (30, 1, 1)]:
        for stalls in (0, 0.4, 0.8):
            for waits in (False, True):
                unit = Joiner(VisitJoiner(units, -(-units // lanes), lanes, banks, waits))
                job = {"units": units, "lanes": lanes, "banks": banks, "stalls": stalls, "waits": waits}
                name = f"units_{units}_{lanes}_{banks}_{int(10 * stalls)}{'_waits' if waits else ''}"
                variants[name] = (unit, job)
    return variants


def test_serialiser_emits_marked_items_in_order() -> None:
    simulate(SerialiserBench, serialisers(), SEED)


@FEW_AND_REST
def test_scanner_lists_the_rows_of_a_tick(few: bool) -> None:
    simulate(RowScannerBench, choose(scanners(), FEW_SCANNERS, few), SEED)


def test_joiner_holds_a_visit_while_banks_come_late() -> None:
    simulate(VisitJoinerBench, joiners(), SEED)


def test_a_bank_has_every_so_many_of_the_rows() -> None:
    for inputs in range(1, 20):
        for banks in (1, 2, 4):
            # The bias row is the one after the inputs'.
            assert bank_rows(inputs, banks) == len(range(0, inputs + 1, banks))
    assert Shape.cast(mark_layout(1, 1, 1, 2)["row"].shape).width == 1
    # Of three rows in a bank: two bits, and four flags; a word, and what ends the list.
    assert (
        Shape.cast(visit_layout(4, 1, 1, 2)).width
        == 2 * (2 + 4)
        + 2 * Shape.cast(mark_layout(4, 1, 1, 2)["lane"].shape).width
        + Shape.cast(mark_layout(4, 1, 1, 2)["word"].shape).width
        + 1
    )
