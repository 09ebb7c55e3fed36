"""What is taught by hand is what `Model` learns; a device beside it learns the same, and may be lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, Model
from backspike.datasets import load_dataset
from backspike.fpga.boards import USUAL_BAUD
from backspike.fpga.link.device import Device
from backspike.fpga.link.port import open_port
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.live.network import DeviceLostError, LiveNetwork, with_spare_units
from backspike.model import Network
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.training.answers import answer
from backspike.training.differences import weight_difference

CONFIG = PRESETS["digits"].replace(layers=(64, 12, 10))
DATA = load_dataset("digits", CONFIG, 1)
X, Y = DATA.train_values[:6], DATA.train_labels[:6]

TINY = PRESETS["tiny"]
RANDOM = load_dataset("random", TINY, 1)
U, V = RANDOM.train_values[2:8], RANDOM.train_labels[2:8]


def equal(network: Network, other: Network) -> bool:
    """Whether weights and LFSRs are the same."""
    return weight_difference(network.weights, other.weights) == "" and np.array_equal(
        network.output.random, other.output.random
    )


def test_what_was_taught_is_what_a_model_learns() -> None:
    """Whatever was asked between: wins, too, are those of the model."""
    live, model = LiveNetwork(Network(CONFIG)), Model(CONFIG, engine="numpy")
    for values, label in zip(X, Y, strict=True):
        if hasattr(model, "network_"):
            shown = live.answer(values)
            assert np.array_equal(shown.raster.result.wins, model.wins([values])[0])
            assert not any(errors.any() for errors in shown.raster.errors)
        taught = live.learn(values, int(label))
        model.partial_fit([values], [label], classes=range(10))
        assert taught.counts["samples"] == 1
        assert taught.counts["ticks"] == taught.raster.ticks
    assert equal(live.network, model.network_)
    assert not equal(live.network, Network(CONFIG))
    assert any(errors.any() for errors in taught.raster.errors)
    assert live.can_take_back
    live.take_back()
    model = Model(CONFIG, engine="numpy").partial_fit(X[:-1], Y[:-1], classes=range(10))
    assert equal(live.network, model.network_)
    assert not live.can_take_back
    live.forget()
    assert equal(live.network, Network(CONFIG))


def test_samples_of_a_dataset_are_learned_as_an_epoch_is() -> None:
    live = LiveNetwork(Network(CONFIG))
    order = np.array([3, 1, 2])
    live.learn_all(X, Y, order, [200, 100])
    network = Network(CONFIG)
    network.rates = [200, 100]
    network.run_samples(X, Y, order, True)
    assert equal(live.network, network)
    assert live.network.rates == [200, 100]


def test_spare_units_hardly_win_until_they_are_taught() -> None:
    model = Model(CONFIG, epochs=1).fit(DATA.train_values, DATA.train_labels)
    wider = with_spare_units(model.network_, 2)
    assert wider.config.layers == (*CONFIG.layers[:-1], 12)
    for weights, before in zip(wider.weights, model.network_.weights, strict=True):
        assert np.array_equal(weights[:, : before.shape[1]], before)
    values, labels = DATA.test_values[:80], DATA.test_labels[:80]
    live = LiveNetwork(wider)
    wins = answer(wider, values).wins
    assert wins[:, 10:].sum() < 0.01 * wins.sum()
    right = np.mean(wins.argmax(axis=1) == labels)
    assert right > model.score(values, labels) - 0.05
    # A symbol that is no digit, five times.
    symbol = np.zeros(64, dtype=np.uint8)
    symbol[::9] = symbol[7:57:7] = 255
    for _ in range(5):
        live.learn(symbol, 10)
    assert live.answer(symbol).raster.result.winner == 10


def test_too_many_spare_units_are_refused() -> None:
    with pytest.raises(BackspikeError, match=r"^layers\[2\] must be 2 to 16384 units, not 20010"):
        with_spare_units(Network(CONFIG), 20_000)


# -- a device -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def board() -> Iterator[SimulatedBoard]:
    with SimulatedBoard(TINY, optimise=False) as board:
        yield board


@pytest.fixture
def live(board) -> Iterator[LiveNetwork]:
    @contextmanager
    def connect() -> Iterator[Device]:
        yield Device(SerialTransport(DirectLine(board)), TINY)

    live = LiveNetwork(Network(TINY.replace(seed=7)), connect)
    yield live
    live.close()


def test_a_device_runs_on_through_all_that_it_is_shown(live, board) -> None:
    network = Network(TINY.replace(seed=7))
    for number, (values, label) in enumerate(zip(U, V, strict=True)):
        learn = number % 3 > 0
        shown = live.learn(values, int(label)) if learn else live.answer(values)
        wins = network.run_samples(values[np.newaxis], np.array([label]), np.array([0]), learn)[0]
        assert np.array_equal(shown.raster.result.wins, wins)
    live.learn_all(U, V, np.arange(4), [100, 50])
    network.rates = [100, 50]
    network.run_samples(U, V, np.arange(4), True)
    assert equal(live.network, network)
    assert weight_difference(network.weights, live.checkpoint(0).weights) == ""
    assert weight_difference(network.weights, Device(SerialTransport(DirectLine(board)), TINY).read_weights()) == ""


def test_a_device_takes_back_and_forgets(live, board) -> None:
    live.learn_all(U, V, np.arange(4), [256, 256])
    assert not live.can_take_back
    before = [weights.copy() for weights in live.network.weights]
    live.learn(U[4], int(V[4]))
    assert weight_difference(before, live.network.weights) != ""
    live.take_back()
    assert weight_difference(before, live.checkpoint(0).weights) == ""
    live.forget()
    assert not live.lost
    assert equal(live.network, Network(TINY.replace(seed=7)))
    device = Device(SerialTransport(DirectLine(board)), TINY)
    assert weight_difference(live.network.weights, device.read_weights()) == ""


def test_a_device_that_differs_is_told(live, monkeypatch) -> None:
    show = Device.show

    def wrong(*arguments, **more):
        results = show(*arguments, **more)
        results[0, 1] = results[0, 1] % 5 + 1
        return results

    with monkeypatch.context() as patch:
        patch.setattr(Device, "show", wrong)
        with pytest.raises(DeviceLostError, match=r"^device and golden model differ: sample 0: expected class "):
            live.learn(U[0], 2)
    assert live.lost
    with pytest.raises(DeviceLostError, match=r"^there is no device"):
        live.answer(U[0])
    live.connect()
    live.answer(U[0])


def test_weights_of_a_device_that_differ_are_told(live, monkeypatch) -> None:
    read = Device.read_weights

    def wrong(*arguments, **more):
        weights = read(*arguments, **more)
        weights[1][2, 1] ^= 1
        return weights

    monkeypatch.setattr(Device, "read_weights", wrong)
    with pytest.raises(DeviceLostError, match=r"^device and golden model differ: weight of layer 2, row 2, unit 1"):
        live.checkpoint(0)
    with pytest.raises(DeviceLostError, match=r"^weight of layer 2, row 2, unit 1"):
        live.connect()
    assert live.lost


def test_a_board_is_unplugged_and_another_is_plugged_in() -> None:
    """What it was about to learn then, it has not learned; what it had learned before, it has."""

    @contextmanager
    def plugged() -> Iterator[str]:
        with SimulatedBoard(TINY, optimise=False) as board, board.terminal() as port:
            yield port

    ports: list[str] = []

    @contextmanager
    def connect() -> Iterator[Device]:
        with open_port(ports[-1], USUAL_BAUD, write_timeout=None) as line:
            yield Device(SerialTransport(line), TINY, timeout=1e6)

    with plugged() as port:
        ports.append(port)
        live = LiveNetwork(Network(TINY), connect)
        live.learn(U[0], int(V[0]))
        before = [weights.copy() for weights in live.network.weights]
    with pytest.raises(DeviceLostError, match=r"^the device is lost: lost serial port /dev/"):
        live.learn(U[1], int(V[1]))
    assert live.lost
    assert weight_difference(before, live.network.weights) == ""
    ports.append("/dev/nothing")
    with pytest.raises(DeviceLostError, match=r"^cannot open serial port /dev/nothing"):
        live.connect()
    with plugged() as port:
        ports.append(port)
        live.connect()
        live.learn(U[1], int(V[1]))
        assert weight_difference(live.network.weights, live.checkpoint(0).weights) == ""
        live.close()
