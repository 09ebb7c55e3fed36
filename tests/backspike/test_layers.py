"""Weight layers: what each says of itself, by hand for one configuration."""

from __future__ import annotations

import pytest

from backspike import NetworkConfig
from backspike.layers import WeightLayer

CONFIG = NetworkConfig(
    layers=(9, 12, 10, 5),
    rates=(16, 0, 256),
    dropout=(20, 0),
    lanes=(8, 5, 3),
    unit_lanes=(4, 0),
    banks=(2, 4, 1),
    ports=(2, 1, 2),
)
EXPECTED = {
    "number": (1, 2, 3),
    "first": (True, False, False),
    "hidden": (True, True, False),
    "inputs": (9, 12, 10),
    "rows": (10, 13, 11),
    "units": (12, 10, 5),
    "shape": ((10, 12), (13, 10), (11, 5)),
    "crossbar": (False, False, False),
    "lanes": (8, 5, 3),
    "fold": (2, 2, 2),
    "row_lanes": (16, 10, 6),
    "banks": (2, 4, 1),
    "ports": (2, 1, 2),
    "rate": (16, 0, 256),
    # A word of the second layer's units is as wide as one of its rows; the output's units race one by one.
    "unit_width": (4, 5, 1),
    "unit_fold": (3, 2, 5),
    "dropout": (20, 0, 0),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_values(name) -> None:
    assert tuple(getattr(layer, name) for layer in CONFIG.weight_layers) == EXPECTED[name]


def test_every_value_is_expected() -> None:
    """A property that is added has to be added here."""
    properties = {name for name, value in vars(WeightLayer).items() if isinstance(value, property)}
    assert properties - {"below", "above"} == set(EXPECTED) - {"number"}


def test_neighbours() -> None:
    first, second, third = CONFIG.weight_layers
    assert (first.above, second.above) == (second, third)
    assert (second.below, third.below) == (first, second)
    assert CONFIG.weight_layer(2) == second


def test_a_single_layer_is_first_and_not_hidden() -> None:
    (layer,) = NetworkConfig(layers=(4, 3)).weight_layers
    assert (layer.first, layer.hidden) == (True, False)
    assert (layer.unit_width, layer.unit_fold, layer.dropout) == (1, 3, 0)


def test_all_rows_and_units_of_a_crossbar_work_at_once() -> None:
    first, second = NetworkConfig(layers=(9, 5, 3), synapses="crossbar").weight_layers
    assert [(layer.crossbar, layer.lanes, layer.fold) for layer in (first, second)] == [(True, 5, 1), (True, 3, 1)]
    assert (first.banks, second.banks) == (10, 6)
    assert [(layer.unit_width, layer.unit_fold) for layer in (first, second)] == [(5, 1), (3, 1)]


@pytest.mark.parametrize("number", [-1, 0, 4])
def test_a_number_out_of_range_is_no_layer(number) -> None:
    with pytest.raises(ValueError, match=f"from 1 to 3: there is no {number}"):
        CONFIG.weight_layer(number)


def test_no_layer_lies_beyond_the_ends() -> None:
    first, *_, last = CONFIG.weight_layers
    with pytest.raises(ValueError, match="there is no 0"):
        _ = first.below
    with pytest.raises(ValueError, match="there is no 4"):
        _ = last.above


def test_layers_of_other_networks_differ() -> None:
    assert CONFIG.weight_layer(1) == CONFIG.replace().weight_layer(1)
    assert CONFIG.weight_layer(1) != CONFIG.replace(seed=2).weight_layer(1)
    assert CONFIG.weight_layer(1) != CONFIG.weight_layer(2)
