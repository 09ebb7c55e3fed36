"""The formulae of clock cycles: the examples of docs/hardware.md, and what follows from the text around them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backspike.config import PRESETS, NetworkConfig
from backspike.hdl.timing import (
    ENDING_CYCLES,
    first_list_cycles,
    late_lists,
    layer_cycles,
    list_cycles,
    sample_cycles,
    sample_limit,
    sweep_cycles,
    tick_cycles,
)
from backspike.sim.exercise import random_config

DOCUMENT = Path(__file__).parents[2] / "docs" / "hardware.md"
EXAMPLES = re.findall(r"^\| `([\w-]+)` \| ([\d, ]+) \| ([\d, ]+) \| (\d+) \|$", DOCUMENT.read_text(), re.MULTILINE)


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def test_the_docs_have_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize(("preset", "rows", "cycles", "tick"), EXAMPLES)
def test_an_example_of_the_docs_is_what_the_formulae_give(preset: str, rows: str, cycles: str, tick: str) -> None:
    config = PRESETS[preset]
    assert layer_cycles(config, numbers(rows)) == numbers(cycles)
    assert tick_cycles(config, numbers(rows)) == int(tick) == max(numbers(cycles))


# As the text has it: a hidden layer of one word of units takes 1 more than its sweep, others unit fold + 2; the output
# 5, or fold + 5, and no fewer than classes + 7, or classes + fold + 7; lists that follow from flags come 2 later.
@pytest.mark.parametrize(
    ("values", "rows", "expected"),
    [
        ({"layers": (9, 6, 3)}, (4, 2), [4 + 1, 3 + 7]),
        ({"layers": (9, 6, 3)}, (4, 40), [42 + 1, 42 + 5]),
        ({"layers": (9, 6, 3)}, (50, 2), [50 + 1, 3 + 7]),
        ({"layers": (9, 6, 3), "lanes": (4, 2), "unit_lanes": (2,)}, (20, 1), [40 + 3 + 2, 3 + 2 + 7]),
        ({"layers": (9, 6, 3), "lanes": (4, 2), "unit_lanes": (2,)}, (2, 30), [62 + 3 + 2, 62 + 2 + 5]),
        ({"layers": (9, 6, 3)}, (4, 0), [4 + 1, 0]),
        ({"layers": (9, 3), "lanes": (2,)}, (7,), [14 + 2 + 5]),
        ({"layers": (9, 5, 4, 3)}, (3, 8, 0), [10 + 1, 10 + 1, 0]),
        # A crossbar's sweep takes one cycle; errors are there a cycle later, and no noise is waited for.
        ({"layers": (9, 6, 3), "synapses": "crossbar"}, (4, 0), [1 + 1, 0]),
        ({"layers": (9, 6, 30), "synapses": "crossbar"}, (10, 7), [2 + 1, 1 + 5]),
        ({"layers": (99, 5, 4, 3), "synapses": "crossbar"}, (3, 6, 0), [2 + 1, 1 + 1, 0]),
        ({"layers": (9, 3), "synapses": "crossbar"}, (1,), [1 + 5]),
    ],
)
def test_cycles_of_layers(values: dict, rows: tuple[int, ...], expected: list[int]) -> None:
    assert layer_cycles(NetworkConfig(**values), rows) == expected


def test_a_list_is_late_where_units_still_move() -> None:
    one_word = NetworkConfig(layers=(9, 6, 5, 3))
    folded = one_word.replace(unit_lanes=(2, 0))
    # The first hidden layer has ended the tick: the list of the layer above it is late, the first never is.
    assert late_lists(one_word, [20, 10, 15]) == [0, 1, 0]
    assert late_lists(one_word, [10, 20, 15]) == [0, 1, 1]
    assert late_lists(one_word, [10, 12, 15]) == [0, 0, 0]
    assert late_lists(folded, [20, 10, 15]) == [0, 0, 0]
    assert layer_cycles(one_word, [4, 4, 4], [0, 1, 1]) == [7 + 1, 7 + 1, 7 + 5]


@pytest.mark.parametrize("seed", range(1, 30))
def test_no_sample_comes_near_the_limit(seed: int) -> None:
    config = random_config(seed)
    every_row = [layer.rows for layer in config.weight_layers]
    limit = sample_limit(config)
    assert 2 * config.ticks * tick_cycles(config, every_row) < limit, f"random_config({seed})"
    # One layer after the other, four times over.
    sweeps = sum(sweep_cycles(layer, layer.rows) for layer in config.weight_layers)
    assert 4 * config.ticks * sweeps < limit, f"random_config({seed})"


def test_cycles_beside_those_of_sweeps() -> None:
    rows = NetworkConfig(layers=(9, 6, 3), ticks=10, lanes=(4, 2), unit_lanes=(2,), input_lfsrs=4, input_lanes=2)
    crossbar = NetworkConfig(layers=(9, 6, 3), ticks=10, synapses="crossbar")
    assert [sweep_cycles(crossbar.weight_layer(2), 7, late) for late in (0, 1)] == [1, 2]
    assert [sweep_cycles(rows.weight_layer(2), 3, late) for late in (0, 1)] == [2 * 3 + 2, 2 * 3 + 2 + 1]
    assert [list_cycles(rows, entries) for entries in (0, 1, 2, 9)] == [1, 1, 1, 4.5]
    assert [first_list_cycles(config) for config in (rows, crossbar)] == [2, 1]
    assert [sample_cycles(config) for config in (rows, crossbar)] == [2 + ENDING_CYCLES, 1 + ENDING_CYCLES]
    # Twice 17 rows and twice 6 units, twice 14 rows and twice 3 units.
    assert sample_limit(rows) == 4 * 10 * (2 * 17 + 2 * 6 + 2 * 14 + 2 * 3)
