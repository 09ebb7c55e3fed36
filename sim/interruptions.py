"""A simulated board that is interrupted at any clock: what it must have done by then, and that it trains on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from backspike.config import PRESETS, NetworkConfig
from backspike.errors import BackspikeError
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.samples import pack_samples
from backspike.fpga.link.serial_transport import SerialTransport, encode_line
from backspike.hdl.link.uart import LEAST_DIVISOR
from backspike.link import Request
from backspike.model import Network, Sample
from backspike.model.records import results_of
from backspike.registers import window_words

from .board import DirectLine, SimulatedBoard

__all__ = ["INTERRUPTED", "KINDS", "Interruption", "check_weights_between", "interrupt", "may_be_whole"]

INTERRUPTED = PRESETS["tiny"].replace(name="interrupted", ticks=64, leak=1, lanes=(2, 2))
"""A network of few weights, each sample of which takes longer than a HELLO on the line: so it comes in any phase."""

KINDS = ("reset", "HELLO", "vanished")
"""All is reset; the host greets the device while the network works; the host goes away, and another one comes."""

_BYTE_CLOCKS = 10 * LEAST_DIVISOR
_SAMPLES = 3
_WEIGHTS = 16


@dataclass(frozen=True)
class Interruption:
    """What was interrupted, and what of it had been done.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    request : Request
        ``SAMPLES`` to be learned, or ``WRITE`` of weights.
    clock : int
        Of the interruption, from the request's first bit on.
    done : str
        ``nothing``, ``part`` or ``all`` of what the request does to the weights.
    """

    kind: str
    request: Request
    clock: int
    done: str


def interrupt(
    board: SimulatedBoard, config: NetworkConfig, weights: Sequence[NDArray[np.int64]], random: Random
) -> tuple[Interruption, list[NDArray[np.int64]]]:
    """Have samples learned, or weights written; interrupt it at a random clock, and see that the device is whole.

    The weights must be those of the golden model between two ticks that follow each other, or the first of those that
    were being written the new ones; of a request that had not come in whole they must be as before. Then the device
    must greet, and learn on as the golden model does from there.

    Parameters
    ----------
    board : SimulatedBoard
        Of `config`, with `LEAST_DIVISOR`.
    config : NetworkConfig
        Rate-coded.
    weights : sequence of int64 array, shape (inputs + 1, units) each
        Those that are in it.
    random : Random
        What, and when.

    Returns
    -------
    Interruption, and the weights that are in it now.

    Raises
    ------
    BackspikeError
        It is not so; the device hangs.
    """
    device = Device(SerialTransport(DirectLine(board)), config)
    rates = [random.choice([rate, 256]) for rate in config.rates]
    device.set_rates(rates)
    network = Network(config, weights)
    network.rates = rates
    kind, request = random.choice(KINDS), random.choice([Request.SAMPLES, Request.SAMPLES, Request.WRITE])
    if kind == "HELLO":
        # A WRITE is answered when it is over.
        request = Request.SAMPLES
    body, states = (_samples if request == Request.SAMPLES else _writing)(network, device, random)
    line = encode_line(Frame((device.session.sequence + 1) % 256, request, body))
    whole = len(line) * _BYTE_CLOCKS

    if kind == "HELLO":
        board.exchange(line)
        clock = random.randrange(_sample_clocks(config))
        board.run(clock)
    else:
        # Half of them near the frame's end, where it begins to be executed.
        near = (whole - _BYTE_CLOCKS, whole + _sample_clocks(config))
        clock = random.randrange(*random.choice([(0, whole + _SAMPLES * _sample_clocks(config)), near]))
        board.run(clock, line)
        board.vanish()
        if kind == "reset":
            board.reset()
        else:
            board.run(random.choice([0, random.randrange(2 * _sample_clocks(config))]))

    device = Device(SerialTransport(DirectLine(board)), config)
    found = device.read_weights()
    what = f"{request.name} that was interrupted in clock {clock} ({kind})"
    if kind != "HELLO" and not may_be_whole(line, clock):
        states = states[:1]
    done = check_weights_between(states, _flat(found), what)
    return Interruption(kind, request, clock, done), _learned(device, config, found, random, what)


def may_be_whole(line: bytes, clock: int) -> bool:
    """Return whether a frame on a line that is cut in a clock, and idle from then on, may have come in whole.

    The 0 that ends it begins the next host's frame as well. And of the byte before, bits that are 1 are those of a line
    that is idle.

    Parameters
    ----------
    line : bytes
        The frame as it is on the line, ended by a 0.
    clock : int
        Of the cut, from the first bit on.
    """
    byte, within = divmod(clock, _BYTE_CLOCKS)
    # Start bit, data from the lowest bit on, stop bit: of the one that is cut nobody knows.
    cut = within // LEAST_DIVISOR
    ending = len(line) - 1
    return byte >= ending or (byte == ending - 1 and line[byte] >> cut == 0xFF >> cut)


def check_weights_between(states: NDArray[np.int64], found: NDArray[np.int64], what: str) -> str:
    """Return how much had been done: ``nothing``, ``part`` or ``all``.

    Parameters
    ----------
    states : int64 array, shape (steps, weights)
        All that may be found, as long as no step has begun and not ended.
    found : int64 array, shape (weights,)
        Each from before, or after, the same step.

    Raises
    ------
    BackspikeError
        They are not.
    """
    either = (found == states[:-1]) | (found == states[1:])
    if not (either.all(axis=1).any() or (found == states[0]).all()):
        raise BackspikeError(f"after {what} the weights are those of no moment: {found.tolist()}")
    if (found == states[0]).all():
        return "nothing"
    return "all" if (found == states[-1]).all() else "part"


def _samples(network: Network, device: Device, random: Random) -> tuple[bytes, NDArray[np.int64]]:
    """Return a request of samples to learn, and the weights after each of its ticks."""
    config = network.config
    values, labels = _drawn(config, random, random.randint(1, _SAMPLES))
    (body,) = pack_samples(values, labels, True)
    states = [_flat(network.weights)]
    for sample, label in zip(values, labels.tolist(), strict=True):
        network.run(Sample(sample, label, True), lambda _: states.append(_flat(network.weights)))
    return body.content, np.array(states)


def _writing(network: Network, device: Device, random: Random) -> tuple[bytes, NDArray[np.int64]]:
    """Open the window, and return a request that writes new weights there, and the weights after each of them."""
    config, layer = network.config, network.config.weight_layer(1)
    for name, value in device.registers.window(layer).items():
        device.write(name, value)
    drawn = np.random.Generator(np.random.PCG64(random.getrandbits(32)))
    new = drawn.integers(config.weight_min, config.weight_max, layer.shape, endpoint=True)
    words = window_words(layer, new)[:_WEIGHTS]
    # Lanes that are no unit hold none.
    places = window_words(layer, 1 + np.arange(new.size).reshape(new.shape))[:_WEIGHTS] - 1
    states = [_flat(network.weights)]
    for place, value in zip(places.tolist(), words.tolist(), strict=True):
        states.append(states[-1].copy())
        if place >= 0:
            states[-1][place] = value
    address = device.registers["WEIGHT_DATA"].address
    return bytes((address,)) + words.astype("<i4").tobytes(), np.array(states)


def _learned(
    device: Device, config: NetworkConfig, weights: Sequence[NDArray[np.int64]], random: Random, what: str
) -> list[NDArray[np.int64]]:
    """Have samples learned; compare results and weights with the golden model of these weights, and return them."""
    from backspike.model.fast import run_samples  # the compiler takes a second to load

    network = Network(config, weights)
    values, labels = _drawn(config, random, 2)
    results = device.show(values, labels, True)
    wins = run_samples(network, values, labels, np.arange(len(labels)), True)
    expected = results_of(wins)
    if not np.array_equal(results, expected):
        raise BackspikeError(f"after {what} results are {results.tolist()}, not {expected.tolist()}")
    if not np.array_equal(_flat(device.read_weights()), _flat(network.weights)):
        raise BackspikeError(f"after {what}, and samples behind it, the weights are not those of the golden model")
    return network.weights


def _drawn(config: NetworkConfig, random: Random, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    values = np.frombuffer(random.randbytes(count * config.layers[0]), np.uint8).reshape(count, -1)
    return values, np.array([random.randrange(config.layers[-1]) for _ in range(count)])


def _flat(weights: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([matrix.ravel() for matrix in weights])


def _sample_clocks(config: NetworkConfig) -> int:
    """Return about as many clocks as a sample takes."""
    return config.ticks * sum(layer.fold * (layer.inputs // 2 + 4) for layer in config.weight_layers)
