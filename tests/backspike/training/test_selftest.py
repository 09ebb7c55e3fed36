"""A board that was just loaded is tried part by part: what is right, and what each kind of fault is called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.fpga.link.device import Device
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.training import selftest as module
from backspike.training.selftest import FRAMES, Stage, report_of, selftest

CONFIG = PRESETS["tiny"]
SAMPLES = 12
NAMES = ["link", "registers", "memory", "learning"]
TIMEOUT = 0.02
"""Simulated seconds until a frame is sent again: 6,000 bytes, so more than any answer."""


@pytest.fixture(scope="module")
def board() -> Iterator[SimulatedBoard]:
    with SimulatedBoard(CONFIG) as board:
        yield board


@pytest.fixture
def device(board: SimulatedBoard) -> Device:
    line = DirectLine(board)
    return Device(SerialTransport(line, line.seconds), CONFIG, TIMEOUT)


@pytest.fixture
def few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try the link in short where the fault is not of the link."""
    monkeypatch.setattr(module, "FRAMES", 8)


def stages(device: Device) -> list[Stage]:
    found = list(selftest(device, SAMPLES, seed=3))
    assert [stage.name for stage in found] == NAMES
    return found


def faulty(found: list[Stage]) -> list[str]:
    return [stage.name for stage in found if stage.fault]


def test_a_board_in_order_passes(device: Device) -> None:
    found = stages(device)
    weights = sum(layer.rows * layer.units for layer in CONFIG.weight_layers)
    assert [stage.fault for stage in found] == [""] * 4
    assert found[0].figures["taken"] == FRAMES + 1
    assert found[2].figures == {"weights": 3 * weights}
    assert found[3].done == f"{SAMPLES} samples learned, {weights:,} weights compared"
    assert found[3].figures["SAMPLES"] == SAMPLES
    report = report_of(device, found)
    assert report["passed"]
    assert report["configuration"]["sha256"] == CONFIG.hash
    assert json.loads(json.dumps(report))["stages"][3]["figures"]["SAMPLES"] == SAMPLES


def test_a_line_that_loses_bytes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # A quarter: a dozen of them are damaged.
    monkeypatch.setattr(module, "FRAMES", 64)
    with SimulatedBoard(CONFIG, noise=2e-3, seed=5) as board:
        line = DirectLine(board)
        found = stages(Device(SerialTransport(line, line.seconds), CONFIG, TIMEOUT))
    assert found[0].fault.startswith("the line loses bytes: ")
    assert [stage.fault for stage in found[1:]] == [""] * 3, "frames are sent again until they are whole"


@pytest.mark.usefixtures("few_frames")
def test_a_register_that_keeps_another_value_is_told(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Device.read
    monkeypatch.setattr(Device, "read", lambda self, name: read(self, name) & ~(8 if name == "RATE_2" else 0))
    found = stages(device)
    assert found[1].fault == "register RATE_2: expected 8, got 0"


@pytest.mark.usefixtures("few_frames")
def test_a_bit_of_the_memory_that_is_stuck_is_told(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Device.read_weights

    def stuck(self: Device, *arguments: object) -> list[np.ndarray]:
        weights = read(self)
        weights[0][5, 2] |= 4
        return weights

    monkeypatch.setattr(Device, "read_weights", stuck)
    found = stages(device)
    assert found[2].fault.startswith("weight of layer 1, row 5, unit 2: expected ")
    assert found[0].fault == found[1].fault == ""
    assert found[3].fault == "" or "row 5, unit 2" in found[3].fault


@pytest.mark.usefixtures("few_frames")
def test_a_checksum_that_is_another_is_told(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = Device.weight_checksums
    monkeypatch.setattr(Device, "weight_checksums", lambda self: [sums(self)[0], 7])
    found = stages(device)
    assert re.fullmatch(r"checksum of layer 2: expected [0-9a-f]{8}, got 00000007", found[2].fault)
    assert faulty(found) == ["memory"]


@pytest.mark.usefixtures("few_frames")
def test_learning_that_differs_is_told(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """An LFSR that is seeded wrongly shows in nothing but what is drawn."""
    reseed = Device.reseed
    monkeypatch.setattr(Device, "reseed", lambda self, seed: reseed(self, seed + 1))
    assert faulty(stages(device)) == ["learning"]


@pytest.mark.usefixtures("few_frames")
def test_a_device_that_goes_away_fails_what_is_left(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*arguments: object) -> None:
        raise BackspikeError("no answer from the device to WRITE, which was sent 40 times")

    monkeypatch.setattr(Device, "write", gone)
    found = stages(device)
    assert [stage.done for stage in found[1:]] == ["not finished"] * 3
    assert {stage.fault for stage in found[1:]} == {"no answer from the device to WRITE, which was sent 40 times"}
    assert not report_of(device, found)["passed"]


@pytest.mark.usefixtures("few_frames")
@pytest.mark.parametrize("right", [True, False])
def test_the_command_writes_a_report_and_its_status_says_it(right, tmp_path, capsys, monkeypatch) -> None:
    if not right:
        reseed = Device.reseed
        monkeypatch.setattr(Device, "reseed", lambda self, seed: reseed(self, seed + 1))
    config, out = tmp_path / "config.toml", tmp_path / "new" / "selftest.json"
    CONFIG.save(config)
    arguments = ["--config", str(config), "--simulate", "--samples", "8", "--out", str(out)]
    assert main(["host", "selftest", *arguments]) == (0 if right else 1)
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told] == [*NAMES, f"written to {out}"]
    assert told[3].startswith("learning: ok, 8 samples" if right else "learning: FAILED: sample ")
    report = json.loads(out.read_text())
    assert report["passed"] == right
    assert str(tmp_path) not in out.read_text()
