"""The real driver on the serial port of a simulated board: it trains, survives noise, and says what is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import zlib
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import serial

from backspike import PRESETS, BackspikeError, Model
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.fpga.boards import USUAL_BAUD
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.port import open_port
from backspike.fpga.link.serial_transport import SerialTransport, decode_line, encode_line
from backspike.fpga.link.session import GREETINGS, NoAnswerError
from backspike.link import ANSWER, PROTOCOL_VERSION, LinkEvent, Request, greeting
from backspike.locks import locked
from backspike.model import Network
from backspike.model.synapses import initial_weights
from backspike.registers import IDENTITY, window_checksum
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.compare import schedule_of
from backspike.sim.exercise import lively_weights
from backspike.training.answers import Evaluation
from backspike.training.checkpoint import Checkpoint
from backspike.training.device import DeviceEngine, compare_device, evaluate_device
from backspike.training.differences import MismatchError, weight_difference
from tests.sim.boards import CONFIG

TIMEOUT = 0.2


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits", CONFIG, 1)


@pytest.fixture(scope="module")
def board():
    with SimulatedBoard(CONFIG) as board:
        yield board


class Counted(DirectLine):
    """A line that remembers what kinds of requests went over it."""

    def __init__(self, board: SimulatedBoard) -> None:
        super().__init__(board)
        self.kinds: list[int] = []

    def write(self, content: bytes, /) -> int:
        self.kinds.append(decode_line(content.strip(b"\0")).kind)
        return super().write(content)


@pytest.fixture
def device(board) -> Device:
    return Device(SerialTransport(DirectLine(board)), CONFIG)


@pytest.fixture
def toml(tmp_path) -> str:
    CONFIG.save(tmp_path / "host_test.toml")
    return str(tmp_path / "host_test.toml")


def learned(schedule, result, samples: int) -> bool:
    """Whether a comparison found no mismatch, and the device has learned something."""
    assert result.mismatch == ""
    assert result.compared == {"results": samples, "weights": 65 * 12 + 13 * 10}
    assert any((before != after).any() for before, after in zip(schedule.weights, result.weights, strict=True))
    return bool(np.mean(result.predicted[samples - 100 :] == schedule.labels[samples - 100 : samples]) > 0.5)


def test_digits_are_trained_through_a_port_bit_for_bit(board, digits) -> None:
    """Nothing is lost on this line, so time-outs without an end are right, however busy the machine is."""
    schedule = schedule_of(CONFIG, digits, 300, 1)
    with board.terminal() as path, open_port(path, USUAL_BAUD, write_timeout=None) as line:
        device = Device(SerialTransport(line), CONFIG, timeout=1e6)
        assert learned(schedule, compare_device(device, schedule), 300)
    assert device.session.repeats == 0


def test_digits_are_trained_in_noise_bit_for_bit(digits) -> None:
    """The same bytes are damaged in every run, and the simulation's clock says when an answer is late."""
    schedule = schedule_of(CONFIG, digits, 300, 1)
    with SimulatedBoard(CONFIG, noise=5e-4, seed=20263) as board:
        line = DirectLine(board)
        device = Device(SerialTransport(line, line.seconds), CONFIG, TIMEOUT)
        assert learned(schedule, compare_device(device, schedule), 300)
        counted = device.link_counters()
    assert sum(counted[event] for event in list(LinkEvent)[2:] if event != LinkEvent.BUSY) > 0
    assert device.session.repeats > 0


@pytest.mark.parametrize("samples", [1, 2])
def test_samples_one_by_one_are_the_same_training(samples: int, board, digits) -> None:
    schedule = schedule_of(CONFIG, digits, 40, 1)
    line = Counted(board)
    result = compare_device(Device(SerialTransport(line), CONFIG, samples_per_frame=samples), schedule)
    assert result.mismatch == ""
    assert result.compared["results"] == 40
    assert line.kinds.count(Request.SAMPLES) == 40 // samples


def test_a_training_leaves_the_checkpoint_of_the_model(toml, tmp_path, capfd) -> None:
    common = ["--config", toml, "--dataset", "random", "--epochs", "2", "--seed", "7", "--out"]
    assert main(["host", "train", "--simulate", *common, str(tmp_path / "device")]) == 0
    assert capfd.readouterr().out.endswith("learning-curve.png; 0 mismatches\n")
    assert main(["train", *common, str(tmp_path / "model")]) == 0
    mine, theirs = ((tmp_path / name / "checkpoint.npz").read_bytes() for name in ("device", "model"))
    assert mine == theirs


def test_weights_are_loaded_and_read_back(device, digits) -> None:
    weights = initial_weights(CONFIG, 9)
    done: list[int] = []
    device.write_weights(weights, done.append)
    assert sum(done) == device.weight_words
    assert weight_difference(weights, device.read_weights()) == ""
    weights[1][3, 2] += 1
    assert weight_difference(weights, device.read_weights()).startswith("weight of layer 2, row 3, unit 2: expected ")


def test_weights_are_summed_up_by_the_device(device, monkeypatch) -> None:
    """In one request, in several whose sums are joined, and where one bit of a weight is another."""
    weights = lively_weights(CONFIG, 5)
    device.write_weights(weights)
    # What is read from the device, summed up here by hand.
    expected = []
    for layer in CONFIG.weight_layers:
        device.write("WEIGHT_LAYER", layer.number)
        for name in ("WEIGHT_ROW", "WEIGHT_WORD", "WEIGHT_LANE"):
            device.write(name, 0)
        words = [device.read_many("WEIGHT_DATA", layer.row_lanes) for _ in range(layer.rows)]
        expected.append(zlib.crc32(np.concatenate(words).astype("<u4").tobytes()))
    assert list(map(window_checksum, CONFIG.weight_layers, weights)) == expected
    assert device.weight_checksums() == expected
    monkeypatch.setattr("backspike.fpga.link.device.CHECKSUM_WORDS", 300)
    assert device.weight_checksums() == expected
    device.write("WEIGHT_LAYER", 2)
    device.write("WEIGHT_ROW", 3)
    device.write("WEIGHT_WORD", 1)
    device.write("WEIGHT_LANE", 2)
    device.write("WEIGHT_DATA", weights[1][3, 7] ^ 1)
    first, second = device.weight_checksums()
    assert first == expected[0]
    assert second != expected[1]


def test_as_many_values_are_summed_up_as_there_may_be(device) -> None:
    values = np.full(1 << 16, IDENTITY, dtype="<u4")
    assert device.checksum("IDENTITY", 1 << 16) == zlib.crc32(values.tobytes())
    assert device.checksum("IDENTITY", (1 << 16) - 1) == zlib.crc32(values[1:].tobytes())


def test_accuracy_is_that_of_the_model(device, digits) -> None:
    network = Network(CONFIG, initial_weights(CONFIG, 9))
    device.write_weights(network.weights)
    wins = network.run_samples(digits.test_values, digits.test_labels, np.arange(70), False)
    values, labels = digits.test_values[:70], digits.test_labels[:70]
    found = evaluate_device(device, values, labels)
    assert found.accuracy == np.mean(wins.argmax(axis=1) == labels)
    assert np.array_equal(found.confusion, Evaluation.of(wins.argmax(axis=1), labels, 10).confusion)


def test_a_model_learns_and_answers_on_a_device_as_in_the_engine(device, digits) -> None:
    """Whatever the device has done before."""
    device.show(digits.train_values[:3], digits.train_labels[:3], True)
    values, labels = digits.train_values[:25], digits.train_labels[:25]
    mine, theirs = (Model(CONFIG, epochs=2, seed=7, engine=engine).fit(values, labels) for engine in (device, "fast"))
    assert all(np.array_equal(*pair) for pair in zip(mine.network_.weights, theirs.network_.weights, strict=True))
    assert weight_difference(theirs.network_.weights, device.read_weights()) == ""
    assert any((mine.network_.weights[1] != Network(CONFIG.replace(seed=7)).weights[1]).ravel())
    tests = digits.test_values[:20]
    assert np.array_equal(mine.wins(tests, seed=3), theirs.wins(tests, seed=3))
    assert np.array_equal(mine.wins(tests), theirs.wins(tests, seed=7))
    # Anew, after answers that have moved the device's LFSRs on.
    assert np.array_equal(mine.fit(values, labels).network_.weights[0], theirs.network_.weights[0])
    with pytest.raises(BackspikeError, match=r"^a device cannot go on where it was"):
        mine.partial_fit(values, labels)
    with pytest.raises(BackspikeError, match=r"^the device is of another configuration \(host_test\): its layers is "):
        Model("digits", engine=device).fit(values, labels)


def test_a_model_streams_on_a_device_as_in_the_engine(device, digits) -> None:
    """Learning goes on from what was learned before, if the LFSRs are seeded for both."""
    values, labels = digits.train_values[:12], digits.train_labels[:12]
    mine, theirs = (Model(CONFIG, epochs=1, engine="fast").fit(values, labels) for _ in range(2))
    mine.set_params(engine=device)
    for learn, samples in ((True, list(zip(values, labels, strict=True))), (False, digits.test_values[:6])):
        answers = [list(model.stream(iter(samples), learn=learn, seed=5)) for model in (mine, theirs)]
        assert len(answers[0]) == len(samples)
        assert all(np.array_equal(one.wins, other.wins) for one, other in zip(*answers, strict=True))
    assert weight_difference(theirs.network_.weights, device.read_weights()) == ""
    with pytest.raises(BackspikeError, match=r"^a device cannot go on where it was: .*; give a seed$"):
        next(mine.stream(zip(values, labels, strict=True), learn=True))


def test_a_device_shows_a_stream(device, digits) -> None:
    values, labels = digits.test_values[:6], digits.test_labels[:6]
    device.reseed(3)
    expected = device.show(values, labels, False).tolist()
    device.reseed(3)
    stream = device.stream(cycle(zip(values, labels.tolist(), strict=True)), learn=False)
    assert [list(next(stream)) for _ in range(6)] == expected
    stream.close()
    for wrong, sentence in (
        ((values[0][:7], 0), r"sample 1: a sample must be uint8 of shape \(64,\), not uint8 of shape \(7,\)"),
        ((values[0], 10), "sample 1: a label must be from 0 to 9, not 10"),
    ):
        with pytest.raises(BackspikeError, match=f"^{sentence}$"):
            list(device.stream([(values[0], 0), wrong], learn=True))


def test_a_device_that_answers_otherwise_than_the_model_is_told(device, digits, monkeypatch) -> None:
    model = Model(CONFIG, epochs=1).fit(digits.train_values[:5], digits.train_labels[:5])
    model.set_params(engine=device)
    show = Device.show

    def wrong(*arguments, **more):
        results = show(*arguments, **more)
        results[2, 1] += 1
        return results

    monkeypatch.setattr(Device, "show", wrong)
    with pytest.raises(MismatchError, match=r"^sample 2: expected class \d+ with \d+ wins, got class "):
        model.predict(digits.test_values[:4])


def test_checkpoints_go_in_and_out(toml, tmp_path, capfd) -> None:
    """A simulated board is a new one in each command."""
    path = tmp_path / "checkpoint.npz"
    Checkpoint.capture(Network(CONFIG, initial_weights(CONFIG, 5))).save(path)
    on_device = ["--simulate", "--config", toml]
    assert main(["host", "load", *on_device, "--checkpoint", str(path)]) == 0
    assert capfd.readouterr().out == f"loaded {path}, read back: 0 mismatches\n"
    words = ["--dataset", "digits", "--checkpoint", str(path)]
    assert main(["host", "evaluate", *on_device, *words, "--samples", "20"]) == 0
    assert re.match(r"\d+\.00% of 20 samples\n\nclass ", capfd.readouterr().out)
    assert main(["host", "compare", *on_device, *words, "--samples", "20", "--inference"]) == 0
    assert capfd.readouterr().out.endswith("0 mismatches\n")
    assert main(["host", "read", *on_device, "--out", str(tmp_path / "read.npz")]) == 0
    assert capfd.readouterr().out == f"written to {tmp_path}/read.npz\n"
    Checkpoint.load(tmp_path / "read.npz").require(CONFIG)
    before = path.read_bytes()
    sentence = f"{path} is there already; --force overwrites it"
    assert refused(["read", *on_device, "--out", str(path)], capfd) == sentence
    with locked(tmp_path):
        sentence = f"another process writes to {tmp_path}; wait for it, or choose another folder"
        assert refused(["read", *on_device, "--force", "--out", str(path)], capfd) == sentence
    assert path.read_bytes() == before
    # A new board has weights of 0; those of a layer are 4 bytes each, in rows of whole words.
    zeros = [zlib.crc32(bytes(4 * layer.rows * layer.row_lanes)) for layer in CONFIG.weight_layers]
    lines = [f"layer {number}: {found:08x}" for number, found in enumerate(zeros, start=1)]
    assert main(["host", "checksum", *on_device]) == 0
    assert capfd.readouterr().out.splitlines() == lines
    same = tmp_path / "read.npz"
    assert main(["host", "checksum", *on_device, "--checkpoint", str(same)]) == 0
    assert capfd.readouterr().out.splitlines() == [*lines, f"weights of {same}: 0 mismatches"]
    assert main(["host", "checksum", *on_device, "--checkpoint", str(path)]) == 1
    sentence = f"other weights than {path} in layers 1, 2"
    assert capfd.readouterr().out.splitlines() == [*lines, f"mismatch: {sentence}"]
    assert main(["host", "checksum", *on_device, "--checkpoint", str(path), "--json"]) == 1
    told = {"checksums": [f"{found:08x}" for found in zeros], "compared": f"weights of {path}", "mismatch": sentence}
    assert json.loads(capfd.readouterr().out) == told
    assert main(["host", "identify", *on_device]) == 0
    assert f"64-12-10, configuration {CONFIG.hash[:8]}" in capfd.readouterr().out


def test_what_an_interrupted_host_has_left_does_no_harm(board, digits) -> None:
    """A request cut in the middle, samples without an end, and results that nobody has fetched."""
    line = DirectLine(board)
    first = Device(SerialTransport(line), CONFIG)
    part = (0xC000).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes((1, 255))
    line.write(encode_line(Frame(first.session.sequence + 1, Request.SAMPLES, part)))
    line.write(encode_line(Frame(first.session.sequence + 2, Request.WRITE, b"\0" * 50))[:-9])
    assert compare_device(Device(SerialTransport(line), CONFIG), schedule_of(CONFIG, digits, 20, 3)).mismatch == ""


def test_ctrl_c_leaves_whole_files(toml, tmp_path) -> None:
    out = tmp_path / "out"
    arguments = ["--simulate", "--config", toml, "--dataset", "random", "--epochs", "1000", "--out", str(out)]
    command = [sys.executable, "-m", "backspike", "host", "train", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("epoch 1/"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert re.search(
        r"^error: interrupted; .* is whole up to .*epoch \d+.*; `backspike train --resume` goes on from there\n\Z",
        errors,
        re.MULTILINE,
    )
    assert Checkpoint.load(out / "checkpoint.npz").epoch > 0


class Unplugged(DirectLine):
    """A board at a serial port, which is pulled out when a training has written its second epoch."""

    def __init__(self, board: SimulatedBoard, checkpoint: Path) -> None:
        super().__init__(board)
        self.checkpoint = checkpoint

    def __enter__(self) -> Unplugged:
        return self

    def __exit__(self, *_: object) -> None: ...

    def set_low_latency_mode(self, low: bool) -> None: ...

    def write(self, content: bytes, /) -> int:
        if self.checkpoint.exists() and Checkpoint.load(self.checkpoint).epoch == 2:
            raise serial.SerialException("write failed: [Errno 5] Input/output error")
        return super().write(content)


def test_a_device_that_vanishes_leaves_the_last_checkpoint(board, toml, tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("serial.Serial", lambda *arguments, **options: Unplugged(board, out / "checkpoint.npz"))
    arguments = ["--config", toml, "--dataset", "random", "--epochs", "3", "--seed", "5", "--out"]
    assert main(["host", "train", "--port", "/dev/ttyUSB9", *arguments, str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1].startswith("epoch 2/3: ")
    assert re.search(r"stopped after [0-9,]+ samples; \S+checkpoint.npz is of the last whole epoch", captured.err)
    assert captured.err.endswith("error: lost serial port /dev/ttyUSB9: write failed: [Errno 5] Input/output error\n")
    # And what is said of it is true.
    assert main(["train", *arguments, str(out), "--resume"]) == 0
    assert main(["train", *arguments, str(tmp_path / "whole")]) == 0
    mine, whole = ((folder / "checkpoint.npz").read_bytes() for folder in (out, tmp_path / "whole"))
    assert mine == whole


def refused(arguments: list[str], capsys) -> str:
    """Run a command that is to be refused; return its sentence."""
    assert main(["host", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1].removeprefix("error: ")


def test_another_configuration_is_refused(board) -> None:
    other = CONFIG.replace(temperature=2.0)
    sentence = f"its hash begins with {CONFIG.hash[:8]}, that of host_test with {other.hash[:8]}; --config has to be "
    with pytest.raises(BackspikeError, match=f"^the device is built from another configuration: {sentence}"):
        Device(SerialTransport(DirectLine(board)), other)


@pytest.mark.parametrize("failure", [None, ValueError("no such flag"), NotImplementedError()])
def test_answers_are_not_held_back_where_the_port_can_do_that(failure, monkeypatch) -> None:
    asked = []

    def set_mode(_: object, low: bool) -> None:
        asked.append(low)
        if failure:
            raise failure

    monkeypatch.setattr("serial.Serial.set_low_latency_mode", set_mode)
    master, slave = os.openpty()
    try:
        with open_port(os.ttyname(slave), USUAL_BAUD) as line:
            os.write(master, b"x")
            assert line.read() == b"x"
    finally:
        os.close(slave)
        os.close(master)
    assert asked == [True]


def test_a_port_that_is_not_there_is_one_sentence(capsys) -> None:
    sentence = "cannot open serial port /dev/nothing: No such file or directory"
    assert refused(["identify", "--config", "tiny", "--port", "/dev/nothing"], capsys) == sentence


def test_a_port_in_use_is_one_sentence(capsys) -> None:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    try:
        with open_port(path, USUAL_BAUD):
            assert refused(["identify", "--config", "tiny", "--port", path], capsys) == (
                f"cannot open serial port {path}: it is in use"
            )
    finally:
        os.close(slave)
        os.close(master)


def test_a_port_that_takes_nothing_is_one_sentence() -> None:
    """Nobody reads at the other end, and more is written than a terminal holds."""
    master, slave = os.openpty()
    path = os.ttyname(slave)

    def fill() -> None:
        with open_port(path, USUAL_BAUD, write_timeout=0.05) as line:
            line.write(bytes(1 << 20))

    try:
        with pytest.raises(BackspikeError, match=f"^serial port {path} has not taken a request in 0.05 seconds$"):
            fill()
    finally:
        os.close(slave)
        os.close(master)


@pytest.mark.parametrize("where", [[], ["--simulate", "--port", "/dev/nothing"]])
def test_one_device_has_to_be_named(where, capsys) -> None:
    sentence = "either --port or --simulate says where the device is"
    assert refused(["identify", "--config", "tiny", *where], capsys) == sentence


def test_a_bit_rate_needs_a_port(capsys) -> None:
    assert refused(["identify", "--config", "tiny", "--simulate", "--baud", "9600"], capsys) == "--baud needs --port"


def test_silence_is_one_sentence() -> None:
    master, slave = os.openpty()
    try:
        with (
            open_port(os.ttyname(slave), USUAL_BAUD) as line,
            pytest.raises(NoAnswerError, match=r"^no answer .* to HELLO.* 5 times; is it the .* --baud "),
        ):
            Device(SerialTransport(line), PRESETS["tiny"], 0.01)
    finally:
        os.close(slave)
        os.close(master)


@pytest.mark.parametrize(
    "step",
    [
        lambda line: line.in_waiting,
        lambda line: line.read(),
        lambda line: line.write(b"x"),
        lambda line: line.send_break(),
    ],
)
def test_a_lost_port_is_one_sentence(step) -> None:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.close(slave)

    def use() -> None:
        with open_port(path, USUAL_BAUD) as line:
            os.close(master)
            step(line)

    with pytest.raises(BackspikeError, match=f"^lost serial port {path}: "):
        use()


class Scripted:
    """A line on which every request gets the answer that a script gives: sequence, kind and what is after them."""

    def __init__(self, answer) -> None:
        self.answer, self.heard, self.requests, self.breaks = answer, b"", 0, 0

    @property
    def in_waiting(self) -> int:
        return len(self.heard)

    def read(self, size: int = 1) -> bytes:
        found, self.heard = self.heard[:size], self.heard[size:]
        return found

    def write(self, content: bytes, /) -> int:
        self.requests += 1
        self.heard += self.answer(decode_line(content.strip(b"\0")), self.requests)
        return len(content)

    def send_break(self, duration: float = 0.25) -> None:
        self.breaks += 1


def hello(version: int = PROTOCOL_VERSION):
    def answer(request: Frame, number: int) -> bytes:
        body = bytes((0, version)) + greeting()[1:] if request.kind == Request.HELLO else bytes((0, 1, 2, 3, 4))
        return encode_line(Frame(request.sequence, request.kind | ANSWER, body))

    return answer


def test_a_break_brings_back_what_answers_no_greeting() -> None:
    """The first five are not heard, as by a device that hangs; then the break, and the sixth."""
    line = Scripted(lambda request, number: answer(request, number) if number > GREETINGS else b"")
    answer = hello()
    with pytest.raises(BackspikeError, match="no Backspike network"):
        Device(SerialTransport(line), CONFIG, 0.01)
    assert line.breaks == 1
    # A greeting, and two registers.
    assert line.requests == GREETINGS + 3


def test_no_break_is_sent_to_what_answers() -> None:
    line = Scripted(hello())
    with pytest.raises(BackspikeError, match="no Backspike network"):
        Device(SerialTransport(line), CONFIG, 0.01)
    assert line.breaks == 0


def test_another_protocol_is_refused() -> None:
    sentence = r"^the device speaks version 9 of the protocol, and this is version 5$"
    with pytest.raises(BackspikeError, match=sentence):
        Device(SerialTransport(Scripted(hello(9))), CONFIG)


def test_a_stranger_is_refused() -> None:
    with pytest.raises(BackspikeError, match=r"^the device is no Backspike network: its identity is 0x04030201$"):
        Device(SerialTransport(Scripted(hello())), CONFIG)


def test_foreign_and_damaged_answers_are_passed_over(device, board) -> None:
    """Ahead of each answer: noise, an answer to something else, and one that is damaged."""
    line = DirectLine(board)

    def answer(request: Frame, number: int) -> bytes:
        line.write(encode_line(request))
        other = encode_line(Frame((request.sequence + 1) % 256, request.kind | ANSWER, b"\0"))
        wrong = encode_line(Frame(request.sequence, request.kind, b"\0"))
        if number % 5 == 0:
            line.read(line.in_waiting)
        return b"noise\0" + other + wrong + line.read(line.in_waiting)

    troubled = Device(SerialTransport(Scripted(answer)), CONFIG, 0.01)
    assert troubled.read("TICKS") == 0
    assert troubled.session.repeats > 0


@pytest.mark.parametrize("label", [10, 15, 16, 26, 256, 16_383])
@pytest.mark.parametrize("whole", [False, True])
def test_a_label_that_is_no_class_is_refused_by_the_device(label: int, whole: bool, device) -> None:
    """What another host than this driver may send: after a good list, and nothing of it has an effect."""
    weights = lively_weights(CONFIG, 3)
    device.write_weights(weights)
    entries = (64).to_bytes(2, "little") + bytes((1, 255)) * 64
    flags = [
        (number | 1 << 15 | goes_on << 14).to_bytes(2, "little") for number, goes_on in ((3, 0), (label, not whole))
    ]
    with pytest.raises(BackspikeError, match=r"^the device refuses a label that is no class \(SAMPLES\)$"):
        device.session.ask(Request.SAMPLES, flags[0] + entries + flags[1] + entries)
    assert weight_difference(weights, device.read_weights()) == ""
    assert device.counters()["SAMPLES"] == 0


def test_a_window_on_no_layer_is_answered(device) -> None:
    """Read as 0, and nothing is written."""
    weights = lively_weights(CONFIG, 3)
    device.write_weights(weights)
    for layer in (0, 3, 4, 257, 0xFFFF, 1 << 16, (1 << 16) + 1):
        device.write("WEIGHT_LAYER", layer)
        for name in ("WEIGHT_ROW", "WEIGHT_WORD", "WEIGHT_LANE"):
            device.write(name, 0)
        assert device.read("WEIGHT_DATA") == 0
        device.write("WEIGHT_DATA", -1)
    assert weight_difference(weights, device.read_weights()) == ""


ROW = np.zeros((1, 64), dtype=np.uint8)
CLASS = np.zeros(1, dtype=np.int64)


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda device: device.show(ROW, CLASS + 10, True), "a label must be from 0 to 9, not 10"),
        (lambda device: device.show(ROW, CLASS - 1, False), "a label must be from 0 to 9, not -1"),
        (lambda device: device.show(ROW, CLASS + 16_384, True), "a label must be from 0 to 9, not 16384"),
        (lambda device: device.show(ROW, CLASS + 1.5, True), "labels must be whole numbers, not float64 "),
        (lambda device: device.show(ROW, np.zeros(2, dtype=np.int64), True), "there must be one label per sample: 1"),
        (lambda device: device.show(ROW, CLASS, np.ones(2, dtype=bool)), "learn must be one truth value, or 1, not 2"),
        (lambda device: device.show(ROW[:, 1:], CLASS, True), "a sample must be uint8 of shape "),
        (lambda device: device.show(ROW.astype(np.int64), CLASS, True), "a sample must be uint8 of shape "),
        (lambda device: device.write_weights([]), "weights must have the shapes "),
        (lambda device: device.write_weights([w + 500 for w in initial_weights(CONFIG, 1)]), "weights of layer 1 must"),
        (lambda device: device.write("WEIGHT_ROW", 1, 1 << 32), "a register's value must be from "),
        (lambda device: device.checksum("IDENTITY", 0), "values that are summed up must be 1 to 65536, not 0"),
        (lambda device: device.checksum("IDENTITY", 65_537), "values that are summed up must be 1 to 65536, not 65537"),
        (lambda device: device.write("IDENTITY", 1), "register IDENTITY cannot be written"),
        (lambda device: device.set_rates([1, 257]), "a rate must be a whole number from 0 to 256, not 257"),
        (lambda device: device.set_rates([1]), "there must be 2 rates, one per weight layer, not "),
        (lambda device: device.reseed(0), "seed must be from 1 to "),
        (lambda device: Device(None, CONFIG, samples_per_frame=0), "samples per frame must be at least 1, not 0"),
    ],
)
def test_what_a_device_would_cut_is_refused_before_it_is_sent(use, sentence, device, monkeypatch) -> None:
    monkeypatch.setattr(DirectLine, "write", lambda *arguments: pytest.fail("something was sent"))
    with pytest.raises(BackspikeError, match=f"^{sentence}"):
        use(device)


def test_a_device_without_weights_is_not_evaluated(toml, capsys) -> None:
    arguments = ["evaluate", "--simulate", "--config", toml, "--dataset", "digits"]
    sentence = "the device has no weights yet; --checkpoint loads those of a training"
    assert refused(arguments, capsys) == sentence
    assert refused([*arguments, "--samples", "361"], capsys) == (
        "--samples must be at most 360, as many as are tested, not 361"
    )


def test_weights_that_are_not_whole_leave_a_file_as_it_is(toml, tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "good.npz"
    path.write_bytes(b"good")
    honest = Device.read_many

    def read(device: Device, name: str, count: int):
        if name == "WEIGHT_DATA" and count < 64:
            raise BackspikeError("gone")
        return honest(device, name, count)

    monkeypatch.setattr(Device, "read_many", read)
    words = ["read", "--simulate", "--config", toml, "--force", "--out", str(path)]
    assert refused(words, capsys) == "gone"
    assert [file.name for file in tmp_path.iterdir() if "good" in file.name] == ["good.npz"]
    assert path.read_bytes() == b"good"


def test_a_mismatch_has_exit_status_1(toml, monkeypatch, capsys) -> None:
    honest = Device.read_weights

    def wrong(*arguments):
        weights = honest(*arguments)
        weights[0][5, 1] += 1
        return weights

    monkeypatch.setattr(Device, "read_weights", wrong)
    common = ["--simulate", "--config", toml, "--dataset", "random"]
    assert main(["host", "compare", *common, "--samples", "5"]) == 1
    assert capsys.readouterr().out.startswith("mismatch: weight of layer 1, row 5, unit 1: expected ")


def test_a_training_that_differs_stops(device, digits) -> None:
    engine, network = DeviceEngine(device), Network(CONFIG)
    values, labels = digits.train_values, digits.train_labels
    engine(network, values, labels, np.arange(5), True)
    device.write("WEIGHT_LAYER", 2)
    device.write("WEIGHT_ROW", 12)
    device.write("WEIGHT_DATA", -100)
    with pytest.raises(MismatchError, match=r"^after 5 samples: weight of layer 2, row 12, unit 0: expected .*-100$"):
        engine(network, values, labels, np.arange(5), False)


@pytest.mark.parametrize(
    ("config", "board", "options", "baud"),
    [
        ("config.toml", None, [], 2_000_000),
        ("other.toml", None, [], USUAL_BAUD),
        ("tiny", "icebreaker", [], 3_000_000),
        ("tiny", "hx8k", [], USUAL_BAUD),
        ("config.toml", None, ["--baud", "115200"], 115_200),
    ],
)
def test_the_rate_of_the_line_is_that_of_the_build(config, board, options, baud, tmp_path, monkeypatch, capsys) -> None:
    """With its report beside it; else the board's."""
    for name, folder in (("config.toml", tmp_path / "build"), ("other.toml", tmp_path)):
        folder.mkdir(exist_ok=True)
        PRESETS["tiny"].save(folder / name)
    (tmp_path / "build" / "report.json").write_text('{"baud": 1999999.7}')
    opened = []

    def open_transport(port, bits):
        opened.append(bits)
        raise BackspikeError("that is all")

    monkeypatch.setattr("backspike.fpga.link.port.open_transport", open_transport)
    path = {"config.toml": tmp_path / "build" / config, "other.toml": tmp_path / config}.get(config, config)
    chosen = ["--board", board] if board else []
    assert main(["host", "identify", "--config", str(path), "--port", "/dev/null", *chosen, *options]) == 2
    assert (opened, capsys.readouterr().err) == ([baud], "error: that is all\n")


@pytest.mark.parametrize(
    ("options", "report", "way"),
    [
        ([], '{"link": "usb", "baud": null}', "usb"),
        (["--usb"], '{"link": "serial line", "baud": 1000000}', "usb"),
        (["--baud", "9600"], '{"link": "usb", "baud": null}', 9600),
        (["--usb", "--baud", "9600"], "{}", None),
    ],
)
def test_the_way_to_a_device_is_that_of_the_build(options, report, way, tmp_path, monkeypatch, capsys) -> None:
    PRESETS["tiny"].save(tmp_path / "config.toml")
    (tmp_path / "report.json").write_text(report)
    opened = []

    def open_line(port, bits):
        opened.append(bits)
        raise BackspikeError("that is all")

    monkeypatch.setattr("backspike.fpga.link.port.open_transport", open_line)
    monkeypatch.setattr("backspike.fpga.link.port.open_usb", lambda port: open_line(port, "usb"))
    command = ["host", "identify", "--config", str(tmp_path / "config.toml"), "--port", "/dev/null"]
    for board in ([], ["--board", "ulx3s-12f"]):
        opened.clear()
        assert main([*command, *board, *options]) == 2
        said = "that is all" if way else "--usb and --baud exclude each other: there is no line that would have a rate"
        assert (opened, capsys.readouterr().err) == ([way] if way else [], f"error: {said}\n")


def test_usb_without_a_port_is_one_sentence(capsys) -> None:
    assert refused(["identify", "--config", "tiny", "--simulate", "--usb"], capsys) == "--usb needs --port"
