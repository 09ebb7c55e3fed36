"""Every engine refuses the same in the same words, before compiled code or hardware sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backspike import BackspikeError, NetworkConfig
from backspike.model import Network
from backspike.model.network import Counters
from backspike.training.device import DeviceEngine
from backspike.training.engines import ENGINES, Engine, load_engine

CONFIG = NetworkConfig(layers=(3, 4, 2), ticks=4)
VALUES = np.full((5, 3), 200, dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1, 1])
ORDER = np.arange(5)


def engine(name: str) -> Engine:
    # What is refused never reaches the device, so there is none.
    return DeviceEngine(None) if name == "device" else load_engine(name)


def part(name: str, index: int, attribute: str, value: object) -> Callable[[Network], None]:
    return lambda network: setattr(getattr(network, name)[index], attribute, value)


@pytest.mark.parametrize("name", [*ENGINES, "device"])
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"values": VALUES[:, :2]}, r"a sample must be uint8 of shape \(3,\), not uint8 of shape \(2,\)"),
        ({"values": VALUES[0]}, r"a sample must be uint8 of shape \(3,\), not uint8 of shape \(\)"),
        ({"values": VALUES.astype(int)}, r"a sample must be uint8 of shape \(3,\), not int64 of shape \(3,\)"),
        ({"values": VALUES.tolist()}, r"a sample must be uint8 of shape \(3,\), not list"),
        ({"values": VALUES[:4]}, "there must be one label per sample: 4, not 5"),
        ({"labels": LABELS[:4]}, "there must be one label per sample: 5, not 4"),
        ({"labels": LABELS[:, np.newaxis]}, "there must be one label per sample: 5, not 5"),
        ({"labels": LABELS * 2}, "a label must be from 0 to 1, not 2"),
        ({"labels": LABELS - 1}, "a label must be from 0 to 1, not -1"),
        ({"labels": LABELS / 2}, r"labels must be whole numbers, not float64 of shape \(5,\)"),
        ({"labels": LABELS == 1}, r"labels must be whole numbers, not bool of shape \(5,\)"),
        ({"labels": None}, "labels must be whole numbers, not NoneType"),
        ({"order": ORDER + 1}, "the order of 5 samples must be from 0 to 4, not 5"),
        ({"order": ORDER - 1}, "the order of 5 samples must be from 0 to 4, not -1"),
        ({"order": np.array([1 << 62])}, f"the order of 5 samples must be from 0 to 4, not {1 << 62}"),
        ({"order": np.array([1], np.float64)}, r"the order of samples must be whole .*, not float64 of shape \(1,\)"),
        ({"order": np.array(1)}, r"the order of samples must be whole .*, not int64 of shape \(\)"),
        ({"order": [0]}, "the order of samples must be whole numbers in one dimension, not list"),
        ({"order": ORDER < 3}, r"the order of samples must be whole .*, not bool of shape \(5,\)"),
    ],
)
def test_wrong_samples_are_refused(name: str, changed: dict[str, Any], sentence: str) -> None:
    arguments = {"values": VALUES, "labels": LABELS, "order": ORDER, **changed}
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        engine(name)(Network(CONFIG), arguments["values"], arguments["labels"], arguments["order"], True)


@pytest.mark.parametrize("name", [*ENGINES, "device"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda network: setattr(network, "rates", [256]), r"there must be 2 rates, one per weight layer, not \[256\]"),
        (lambda network: setattr(network, "rates", 256), "there must be 2 rates, one per weight layer, not 256"),
        (lambda network: network.rates.append(1), r"there must be 2 rates, one per weight layer, not \[.*, 1\]"),
        (lambda network: setattr(network, "rates", [257, 1]), "a rate must be a whole number from 0 to 256, not 257"),
        (lambda network: setattr(network, "rates", [1, -1]), "a rate must be a whole number from 0 to 256, not -1"),
        (lambda network: setattr(network, "rates", [0.5, 1]), "a rate must be a whole number from 0 to 256, not 0.5"),
        (part("synapses", 0, "weights", np.zeros((3, 4), int)), r"weights must have the shapes .*, not \[\(3, 4\), .*"),
        (part("synapses", 1, "weights", np.full((5, 2), 1 << 20)), "weights of layer 2 must be from .*"),
        (part("synapses", 1, "weights", None), r"weights must have the shapes .*, not \[\(4, 4\), 'NoneType'\]"),
        (
            part("units", 0, "random", np.ones(3, np.uint64)),
            r"random of layer 1 must be uint64 of shape \(4,\), .*",
        ),
        (part("units", 1, "random", np.ones(2)), "random of layer 2 must be uint64 .*, not float64 .*"),
        (part("units", 1, "membrane", np.zeros(1, int)), r"membrane of layer 2 must be int64 .*, not int64 .*"),
        (part("hidden", 0, "spike", np.zeros(3, bool)), r"spike of layer 1 must be bool_? of shape \(4,\), not .*"),
        (part("units", 1, "error_pos", np.zeros(3, bool)), r"error_pos of layer 2 must be bool_? of shape \(2,\), .*"),
        (
            lambda network: setattr(network, "counters", Counters.zero(1)),
            r"counter rows must be int64 of shape \(2,\).*",
        ),
    ],
)
def test_a_wrong_state_is_refused(name: str, change: Callable[[Network], None], sentence: str) -> None:
    network = Network(CONFIG)
    change(network)
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        engine(name)(network, VALUES, LABELS, ORDER, True)


@pytest.mark.parametrize("name", ["fast", "numpy"])
def test_any_integers_and_strides_do(name: str) -> None:
    """Not what compiled code was made for, but the same samples."""
    expected = Network(CONFIG).run_samples(VALUES, LABELS, ORDER[::-1].copy(), True)
    spread = np.asfortranarray(np.repeat(VALUES, 2, axis=1))[:, ::2]
    for kind in (np.uint8, np.int32, ">i8", np.uint64):
        wins = engine(name)(Network(CONFIG), spread, LABELS.astype(kind), ORDER.astype(kind)[::-1], True)
        assert np.array_equal(wins, expected), kind
