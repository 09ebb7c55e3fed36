"""Trainings that a board plays out of its own memory: the same bits as the golden model's, and what can go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.datasets import Dataset, load_dataset
from backspike.fpga.link.device import Device
from backspike.fpga.link.sample_memory import SampleMemory
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.model import Network
from backspike.model.records import digest
from backspike.model.synapses import initial_weights
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.training import on_board
from backspike.training.checkpoint import Checkpoint
from backspike.training.differences import MismatchError, weight_difference
from backspike.training.on_board import BoardTraining, epoch_seed, train_on_board
from backspike.training.order import sample_order
from backspike.training.trainer import rates_of_epoch

CONFIG = PRESETS["tiny"].replace(patience=3)
BITS = 13
SEED = 7


@pytest.fixture(scope="module")
def board() -> Iterator[SimulatedBoard]:
    with SimulatedBoard(CONFIG, memory_bits=BITS) as board:
        yield board


@pytest.fixture
def device(board: SimulatedBoard) -> Device:
    line = DirectLine(board)
    return Device(SerialTransport(line, line.seconds), CONFIG, 0.2)


@pytest.fixture(scope="module")
def data() -> Dataset:
    random = load_dataset("random", CONFIG, 1)
    return replace(
        random,
        train_values=random.train_values[:60],
        train_labels=random.train_labels[:60],
        test_values=random.test_values[:20],
        test_labels=random.test_labels[:20],
    )


@pytest.fixture
def run(device: Device, data: Dataset, tmp_path: Path) -> Callable[..., BoardTraining]:
    def start(epochs: int, folder: str = "out", dataset: Dataset = data, **options: Any) -> BoardTraining:
        return train_on_board(device, CONFIG, dataset, epochs, SEED, tmp_path / folder, lambda line: None, **options)

    return start


def by_hand(data: Dataset, epochs: int) -> tuple[list[np.ndarray], list[tuple[int, int]]]:
    """Return weights and digests of the NumPy model: docs/sample_memory.md, without a line of what is tested."""
    weights, digests = initial_weights(CONFIG, SEED), []
    for epoch in range(epochs):
        drawn = int(np.random.SeedSequence([SEED, epoch]).generate_state(1)[0])
        network = Network(CONFIG.replace(seed=drawn), weights)
        network.rates = rates_of_epoch(CONFIG, epoch)
        order = sample_order(len(data.train_labels), SEED, epoch)
        learned = network.run_samples(data.train_values, data.train_labels, order, True)
        weights = network.weights
        tested = Network(CONFIG.replace(seed=drawn), weights).run_samples(
            data.test_values, data.test_labels, np.arange(len(data.test_labels)), False
        )
        results = (np.stack([wins.argmax(axis=1), wins.max(axis=1)], axis=1) for wins in (learned, tested))
        digests.append(tuple(digest(each) for each in results))
    return weights, digests


def test_a_board_plays_what_the_model_computes(run, device, data, tmp_path) -> None:
    training = run(3)
    weights, digests = by_hand(data, 3)
    assert [(epoch.learning_digest, epoch.test_digest) for epoch in training.epochs] == digests
    assert weight_difference(weights, device.read_weights()) == ""
    assert training.compared == 3
    checkpoint = Checkpoint.load(tmp_path / "out" / "checkpoint.npz")
    assert (checkpoint.epoch, checkpoint.shown) == (3, 0)
    assert weight_difference(weights, checkpoint.weights) == ""
    assert all((one != other).any() for one, other in zip(weights, initial_weights(CONFIG, SEED), strict=True))
    account = json.loads((tmp_path / "out" / "board.json").read_text())
    assert [epoch["test_accuracy"] for epoch in account["epochs"]] == [e.test_accuracy for e in training.epochs]
    assert (account["compared"], account["train_samples"], account["test_samples"]) == (3, 60, 20)


def test_what_is_resumed_ends_as_what_was_not_interrupted(run, tmp_path) -> None:
    whole = run(4, "whole")
    run(2)
    # As after a kill: the account is an epoch ahead of the checkpoint.
    account = tmp_path / "out" / "board.json"
    content = json.loads(account.read_text())
    content["epochs"].append(content["epochs"][-1])
    account.write_text(json.dumps(content))
    resumed = run(4, resume=True)
    assert [replace(epoch, seconds=0) for epoch in resumed.epochs] == [replace(e, seconds=0) for e in whole.epochs]
    assert resumed.compared == 4
    one, other = ((tmp_path / name / "checkpoint.npz").read_bytes() for name in ("whole", "out"))
    assert one == other


def test_an_interrupted_training_goes_on_from_its_last_checkpoint(run, tmp_path, monkeypatch) -> None:
    """The host is gone in the middle of the third epoch; the board is greeted anew by the next one."""
    whole = run(4, "whole")
    begin, begun = on_board._Board.begin, []

    def stop(self: Any, epoch: int) -> Any:
        begun.append(epoch)
        if epoch == 3:
            raise KeyboardInterrupt
        return begin(self, epoch)

    monkeypatch.setattr(on_board._Board, "begin", stop)
    with pytest.raises(KeyboardInterrupt):
        run(4)
    monkeypatch.setattr(on_board._Board, "begin", begin)
    done = Checkpoint.load(tmp_path / "out" / "checkpoint.npz").epoch
    assert 0 < done < 4
    resumed = run(4, resume=True)
    assert [epoch.learning_digest for epoch in resumed.epochs] == [epoch.learning_digest for epoch in whole.epochs]


def test_bits_that_flip_are_found_and_learned_from_never(run, device, data, monkeypatch) -> None:
    """In records and in orders, between loading and the second epoch."""
    generator = np.random.default_rng(SEED)
    begin = on_board._Board.begin

    def flip(self: Any, epoch: int) -> Any:
        if epoch == 1:
            # Everything that was begun is over: what the flip does is the second epoch's.
            self.memory.wait(max(self.memory.runs()))
            place = int(generator.integers(self._test_order))
            word = self.memory.read(place, 1)
            runs = begin(self, epoch)
            word ^= np.uint16(1 << int(generator.integers(16)))
            self.memory.write(place, word)
            return runs
        return begin(self, epoch)

    monkeypatch.setattr(on_board._Board, "begin", flip)
    told = []
    for trial in range(3):
        try:
            run(2, f"out{trial}")
        except BackspikeError as error:
            told.append(str(error))
    # A sample that was played before its bit flipped is whole.
    assert told
    assert all("damaged in the board's memory and not shown" in sentence for sentence in told), told


def test_a_memory_that_does_not_hold_what_is_written_is_told(run, monkeypatch) -> None:
    write = SampleMemory.write

    def stuck(self: SampleMemory, address: int, words: np.ndarray, *more: Any) -> None:
        write(self, address, words | (words.size > 200) * np.uint16(4), *more)

    monkeypatch.setattr(SampleMemory, "write", stuck)
    with pytest.raises(BackspikeError, match=r"^the board's memory does not hold what was written to it: \d+ of 60 "):
        run(1)


def test_a_model_that_differs_is_a_mismatch(run, monkeypatch) -> None:
    monkeypatch.setattr(on_board, "rates_of_epoch", lambda config, epoch: [64 - epoch, 64])
    run(1)
    computed = []

    def other(config: Any, epoch: int) -> list[int]:
        computed.append(epoch)
        return [64, 64] if len(computed) < 3 else [0, 0]

    monkeypatch.setattr(on_board, "rates_of_epoch", other)
    with pytest.raises(MismatchError, match=r"^epoch 1: digest of the results of the \w+ samples: expected 0x\w+, got"):
        run(1, force=True)


def test_without_comparison_nothing_is_said_to_be_compared(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(on_board, "_compare", None)
    assert run(1, compare=False).compared == 0
    assert json.loads((tmp_path / "out" / "board.json").read_text())["compared"] == 0


def test_a_set_that_is_too_large_is_told_with_what_fits(run, data) -> None:
    many = replace(data, train_values=np.tile(data.train_values, (20, 1)), train_labels=np.tile(data.train_labels, 20))
    sentence = r"^the 1,220 samples of random and their orders take [\d,]+ words, .* memory has 8,192: about 8\d\d fit$"
    with pytest.raises(BackspikeError, match=sentence):
        run(1, dataset=many)


def test_a_folder_with_a_training_is_left_alone(run, tmp_path) -> None:
    run(1)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(BackspikeError, match=r"^there is a training in .*out"):
        run(1)
    with pytest.raises(BackspikeError, match=r"^nothing is left to train: the training in .* has 1 epochs of 1$"):
        run(1, resume=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_files_of_a_training_of_another_kind_do_not_stay(run, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("checkpoint.npz", "metrics.json"):
        (tmp_path / "out" / name).write_text("")
    with pytest.raises(BackspikeError, match=r"`backspike train --resume` goes on with it, --force overwrites it$"):
        run(1)
    run(1, force=True, compare=False)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["board.json", "checkpoint.npz"]
    with pytest.raises(BackspikeError, match=r"`backspike host train --samples-on-board --resume` goes on with it, "):
        run(1)


def test_results_of_samples_can_be_read(device, data) -> None:
    """Of the test samples, in another order, by the weights that the board has."""
    weights = initial_weights(CONFIG, SEED)
    device.write_weights(weights)
    memory = SampleMemory(device)
    records = memory.pack(data.test_values, data.test_labels)
    order = np.random.default_rng(SEED).permutation(len(data.test_labels))
    place, results = len(records.words), len(records.words) + 2 * len(order)
    memory.write(0, records.words)
    memory.write_order(place, records.addresses[order])
    memory.wait(memory.run(place, len(order), results=results, writes=device.registers.seeding(SEED)))
    wins = Network(CONFIG.replace(seed=SEED), weights).run_samples(data.test_values, data.test_labels, order, False)
    expected = [[int(each.argmax()), int(each.max())] for each in wins]
    assert memory.read_results(results, len(order)).tolist() == expected


def test_another_training_is_not_gone_on_with(run, data) -> None:
    run(1)
    other = replace(data, train_values=data.train_values[::-1].copy())
    with pytest.raises(BackspikeError, match=r"^the training in .*out is another one: its samples are others$"):
        run(2, dataset=other, resume=True)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": "other"}'])
def test_an_account_that_is_damaged_is_one_sentence(content, run, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "board.json").write_text(content)
    with pytest.raises(BackspikeError, match=r"board\.json"):
        run(1, resume=True)


def test_seeds_of_epochs_are_apart_and_never_zero() -> None:
    seeds = [epoch_seed(seed, epoch) for seed in range(1, 40) for epoch in range(40)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) > 0
    assert max(seeds) < 1 << 32


def test_a_device_without_memory_is_told() -> None:
    with SimulatedBoard(PRESETS["tiny"], optimise=False) as board:
        line = DirectLine(board)
        device = Device(SerialTransport(line, line.seconds), PRESETS["tiny"], 0.2)
        with pytest.raises(BackspikeError, match=r"^the device has no sample memory; "):
            SampleMemory(device)


def test_the_command_trains_tells_and_goes_on(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("backspike.sim.board.SimulatedBoard", partial(SimulatedBoard, optimise=False))
    CONFIG.save(tmp_path / "config.toml")
    arguments = ["host", "train", "--config", str(tmp_path / "config.toml"), "--simulate", "--dataset", "random"]
    arguments += ["--out", str(tmp_path / "out"), "--sample-memory", "16", "--samples-on-board"]
    assert main([*arguments, "--epochs", "1"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("320 samples in the board's memory, checked there, in ")
    assert re.fullmatch(r"epoch 1/1: test [\d.]+%, [\d.]+ s, [\d,]+ samples per second, learned and tested", told[1])
    assert told[2] == (
        f"written to {tmp_path / 'out'}: checkpoint.npz, board.json; 1 of 1 epochs compared, 0 mismatches"
    )
    assert main([*arguments, "--epochs", "2", "--resume", "--no-compare"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("; 1 of 2 epochs compared, 0 mismatches")
    assert main([*arguments[:-3], "--epochs", "1", "--resume"]) == 2
    assert "error: --resume needs --samples-on-board" in capsys.readouterr().err
