"""What a board does that was just loaded: link, registers, memory and learning, each looked at by itself."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.datasets import load_dataset
from backspike.errors import BackspikeError
from backspike.fpga.link.device import Device
from backspike.link import WORDS
from backspike.registers import IDENTITY, SEMANTICS_VERSION, RegisterKind, window_checksum
from backspike.sim.compare import schedule_of

from .device import compare_device
from .differences import weight_difference

__all__ = ["Stage", "report_of", "selftest"]

FRAMES = 256
"""Frames that the link is tried with."""


@dataclass(frozen=True)
class Stage:
    """A part of the test.

    Parameters
    ----------
    name : str
    done : str
        What was done, in numbers.
    fault : str
        What was wrong, in one sentence; empty if nothing was.
    figures : dict
        What was counted, by name.
    """

    name: str
    done: str
    fault: str
    figures: dict[str, Any] = field(default_factory=dict)


def selftest(device: Device, samples: int, seed: int) -> Iterator[Stage]:
    """Try a device, part after part, and give each `Stage` when it is over; its weights are lost.

    A part that fails does not keep the next from being tried, as long as the device answers at all.

    Parameters
    ----------
    device : Device
    samples : int
        Random samples to learn, from 1.
    seed : int
        Of patterns and samples.
    """
    yield _staged("link", lambda: _link(device))
    yield _staged("registers", lambda: _registers(device))
    yield _staged("memory", lambda: _memory(device, seed))
    yield _staged("learning", lambda: _learning(device, samples, seed))


def report_of(device: Device, stages: list[Stage]) -> dict[str, Any]:
    """Return what a user can send to somebody who is to help: nothing of it tells who or where the user is."""
    config = device.config
    return {
        "format": "backspike-selftest 1",
        "passed": all(not stage.fault for stage in stages),
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "configuration": {"name": config.name, "sha256": config.hash, **config.to_dict()},
        "versions": {"backspike": version("backspike"), "python": platform.python_version(), "system": sys.platform},
        "stages": [asdict(stage) for stage in stages],
    }


def _staged(name: str, test: Callable[[], Stage]) -> Stage:
    """Return a part's outcome, or that the device did not answer, or not as it has to."""
    try:
        return test()
    except BackspikeError as error:
        return Stage(name, "not finished", str(error))


def _link(device: Device) -> Stage:
    """Ask for answers of every length, and look for any frame that had to be sent again."""
    expected = {"IDENTITY": IDENTITY, "SEMANTICS": SEMANTICS_VERSION, "CONFIG_HASH": int(device.config.hash[:8], 16)}
    before, repeats = device.link_counters(), device.session.repeats
    wrong = ""
    for number in range(FRAMES):
        name, value = list(expected.items())[number % len(expected)]
        values = device.read_many(name, number % WORDS + 1)
        for other in values[values != value][:1]:
            wrong = wrong or f"register {name}: expected {value}, got {other}"
    counted = {event.name.lower(): (count - before[event]) % 65536 for event, count in device.link_counters().items()}
    again = device.session.repeats - repeats
    refused = {name: count for name, count in counted.items() if count and name != "taken"}
    if not wrong and (again or refused):
        told = ", ".join(f"{count} as {name}" for name, count in refused.items()) or "none"
        wrong = f"the line loses bytes: {again} of {FRAMES} frames had to be sent again, the device refused {told}"
    return Stage("link", f"{FRAMES} frames", wrong, {"sent_again": again, **counted})


def _registers(device: Device) -> Stage:
    """Write single bits to every register that keeps what is written, and read all of them after each write."""
    registers = {
        name: register
        for name, register in device.registers.registers.items()
        if register.kind in (RegisterKind.RATE, RegisterKind.WINDOW)
    }
    held = {name: device.read(name) for name in registers}
    before, wrong, writes = dict(held), "", 0
    for name, register in registers.items():
        for value in [0, *(1 << bit for bit in range(register.largest.bit_length())), register.largest]:
            device.write(name, value)
            held[name], writes = min(value, register.largest), writes + 1
            if not wrong:
                wrong = next((_unlike(device, other, held[other]) for other in (name, *registers)), "")
        device.write(name, before[name])
        held[name] = before[name]
    for name, value in before.items():
        wrong = wrong or _unlike(device, name, value)
    return Stage("registers", f"{writes} writes to {len(registers)} registers", wrong, {"writes": writes})


def _unlike(device: Device, name: str, expected: int) -> str:
    got = device.read(name)
    return "" if got == expected else f"register {name}: expected {expected}, got {got}"


def _memory(device: Device, seed: int) -> Stage:
    """Write patterns to all weights, and read them back when all are written."""
    config, wrong, count = device.config, "", 0
    for pattern in _patterns(config, seed):
        device.write_weights(pattern)
        wrong = wrong or weight_difference(pattern, device.read_weights()) or _unlike_sum(device, pattern)
        count += sum(matrix.size for matrix in pattern)
    return Stage("memory", f"{count:,} weights written and read back", wrong, {"weights": count})


def _unlike_sum(device: Device, pattern: list[NDArray[np.int64]]) -> str:
    """Say which layer's checksum is not that of weights which were read back, if there is one."""
    for layer, matrix, found in zip(device.config.weight_layers, pattern, device.weight_checksums(), strict=True):
        expected = window_checksum(layer, matrix)
        if found != expected:
            return f"checksum of layer {layer.number}: expected {expected:08x}, got {found:08x}"
    return ""


def _patterns(config: NetworkConfig, seed: int) -> Iterator[list[NDArray[np.int64]]]:
    """Give weights: alternating bits and their inverse, then random ones, of which no two places are alike for long."""
    bits = config.weight_bits
    lowest, mask = -(1 << (bits - 1)), (1 << bits) - 1
    generator = np.random.Generator(np.random.PCG64(seed))
    shapes = [(layer.rows, layer.units) for layer in config.weight_layers]
    for word in (0x5555_5555, 0xAAAA_AAAA):
        yield [np.full(shape, (word & mask) + 2 * lowest * (word >> (bits - 1) & 1), np.int64) for shape in shapes]
    yield [generator.integers(lowest, -lowest, shape) for shape in shapes]


def _learning(device: Device, samples: int, seed: int) -> Stage:
    """Learn random samples beside the golden model: each result, all weights and all counters are compared."""
    schedule = schedule_of(device.config, load_dataset("random", device.config, seed), samples, seed)
    result = compare_device(device, schedule)
    done = f"{result.compared['results']} samples learned, {result.compared['weights']:,} weights compared"
    return Stage("learning", done, result.mismatch, dict(result.counters))
