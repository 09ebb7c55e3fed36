"""A training whose samples lie in the board's memory: the device plays the epochs by itself (docs/sample_memory.md)."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.datasets import Dataset
from backspike.errors import BackspikeError
from backspike.files import make_directory, read_json, reading, write_atomic
from backspike.fpga.link.device import Device
from backspike.fpga.link.sample_memory import RunState, SampleMemory
from backspike.locks import locked
from backspike.model import Network
from backspike.model.records import ENTRY_WORDS, digest, results_of
from backspike.model.synapses import initial_weights
from backspike.progress import announced, progress_bar

from .baseline import FloatSettings
from .checkpoint import Checkpoint
from .differences import MismatchError, weight_difference
from .engines import load_engine, show_chunks
from .identity import differences, training_identity
from .order import sample_order
from .trainer import BOARD_ACCOUNT as ACCOUNT
from .trainer import clear_training, rates_of_epoch, require_no_training

__all__ = ["BoardEpoch", "BoardTraining", "epoch_seed", "train_on_board"]

CHECKPOINT = "checkpoint.npz"
FORMAT = "backspike-board-training 1"

_READING_SHARE = 0.05
"""Part of the time that reading weights back may take: between two checkpoints goes so much more."""


@dataclass(frozen=True)
class BoardEpoch:
    """How one epoch went on the board.

    Parameters
    ----------
    rates : list of int
        Learning rate of each weight layer in 1/256.
    right_while_learning : float
        Right answers, 0 to 1, to training samples while they are learned; no accuracy (`Epoch`).
    test_accuracy : float
        Right answers, 0 to 1, to all test samples after the epoch, learning off.
    learning_digest, test_digest : int
        CRC-32 over the results of either (docs/sample_memory.md).
    seconds : float
        From the end of the epoch before to the end of this one's test, as the host sees it.
    """

    rates: list[int]
    right_while_learning: float
    test_accuracy: float
    learning_digest: int
    test_digest: int
    seconds: float


@dataclass
class BoardTraining:
    """How a training went on a board.

    Parameters
    ----------
    epochs : list of BoardEpoch
    compared : int
        Epochs, from the first one on, of which results and weights were compared with the golden model's.
    loading_seconds : float
        Time in which the samples came into the memory, the last time that they did.
    """

    epochs: list[BoardEpoch] = field(default_factory=list)
    compared: int = 0
    loading_seconds: float = 0.0


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed, 1 to 2**32 - 1, that all LFSRs start from when an epoch, counted from 0, is learned, and tested.

    An epoch so depends on weights, seed and its number alone: it can be tested on the device without changing what
    the next one learns, and goes on from weights that were kept, as a device's LFSRs cannot be set but by a seed.
    Drawn by NumPy's SeedSequence, whose streams are independent of each other.
    """
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]) or 1


def train_on_board(
    device: Device,
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    seed: int,
    out: Path,
    report: Callable[[str], None],
    *,
    resume: bool = False,
    force: bool = False,
    compare: bool = True,
) -> BoardTraining:
    """Load a dataset into a board's memory once, let the board play the epochs, and compare with the golden model.

    In each epoch, counted from 0, all LFSRs are seeded from `epoch_seed`, the samples are learned in the order of
    `sample_order` at the rates of `rates_of_epoch`, the LFSRs are seeded so again, and the test samples are shown with
    learning off. While an epoch runs the order of the next one is uploaded. In the end the golden model does the same,
    and every digest, every count and all weights have to be equal.

    Leaves in `out` ``checkpoint.npz``, whose LFSRs are seeded for the next epoch, and ``board.json``, the account. Both
    are written in the end, and in between as often as reading the weights takes at most a twentieth of the time.

    Parameters
    ----------
    device : Device
    config : NetworkConfig
        Of the device; its seed is replaced.
    dataset : Dataset
    epochs : int
        At least 1; with `resume`, those before it are counted too.
    seed : int
        Seed of initial weights, orders, and through `epoch_seed` of the LFSRs.
    out : Path
        Directory of the files; made if it is missing, and locked while it is written to.
    report : callable
        Takes a line of text for each result.
    resume, force : bool
        Whether to go on from what is in `out`, or to overwrite it.
    compare : bool
        Whether the golden model is trained as well; without it the board's own figures stand alone.

    Raises
    ------
    MismatchError
        Device and golden model differ.
    BackspikeError
        The device has no sample memory, or the dataset does not fit into it; a record is damaged there; the dataset
        does not fit the network; there is a training in `out`, or none to resume, or another one.
    """
    config = config.replace(seed=seed)
    dataset.check(config)
    with announced("looking at the samples"):
        identity = training_identity(config, dataset, FloatSettings())
    make_directory(out)
    with locked(out):
        training, weights = BoardTraining(), initial_weights(config, seed)
        begun = 0
        if resume:
            training, checkpoint = _resumed(out, config, identity, epochs)
            weights, begun = checkpoint.weights, checkpoint.epoch
            report(f"going on from the end of epoch {begun}")
        elif not force:
            require_no_training(out)
        board = _Board(device, config, dataset)
        training.loading_seconds = board.load()
        report(f"{board.samples:,} samples in the board's memory, checked there, in {training.loading_seconds:.1f} s")
        device.write_weights(weights)
        if not resume:
            clear_training(out)
        record = _Record(out, config, dataset, identity, training, device)
        _run_epochs(board, record, begun, epochs, report)
        if compare:
            _compare(config, dataset, weights, begun, training, record.weights)
            training.compared = epochs if begun <= training.compared else training.compared
            record.save_account()
    return training


class _Board:
    """A dataset in a device's sample memory: records of all samples, two training orders in turn, and the test's.

    Parameters
    ----------
    device : Device
    config : NetworkConfig
    dataset : Dataset

    Raises
    ------
    BackspikeError
        The memory is too small; the message says how many samples it has room for.
    """

    def __init__(self, device: Device, config: NetworkConfig, dataset: Dataset) -> None:
        self.device, self.memory = device, SampleMemory(device)
        self._config, self._dataset = config, dataset
        learned, tested = len(dataset.train_labels), len(dataset.test_labels)
        self.samples = learned + tested
        self._train = self.memory.pack(dataset.train_values, dataset.train_labels)
        self._test = self.memory.pack(dataset.test_values, dataset.test_labels, len(self._train.words))
        first = len(self._train.words) + len(self._test.words)
        room = ENTRY_WORDS * learned
        self._orders = (first, first + room)
        self._test_order = first + 2 * room
        words = self._test_order + ENTRY_WORDS * tested
        self.memory.require_room(words, self.samples, dataset.name)

    def load(self) -> float:
        """Write everything, have the device check it where it lies, and return the seconds that took."""
        seconds = self.device.session.transport.seconds
        begun, memory = seconds(), self.memory
        words = len(self._train.words) + len(self._test.words)
        with progress_bar(words, "words", "loading the samples") as bar:
            memory.write(0, self._train.words, bar.update)
            memory.write(len(self._train.words), self._test.words, bar.update)
        memory.write_order(self._test_order, self._test.addresses)
        memory.write_order(self._orders[0], self._train.addresses)
        for order, labels in (
            (self._orders[0], self._dataset.train_labels),
            (self._test_order, self._dataset.test_labels),
        ):
            found = memory.wait(memory.run(order, len(labels), check=True))
            expected = digest(np.stack([labels, np.zeros_like(labels)], axis=1))
            if found.damaged or found.digest != expected:
                raise BackspikeError(
                    f"the board's memory does not hold what was written to it: {found.damaged:,} of {len(labels):,} "
                    "samples are damaged there"
                )
        return seconds() - begun

    def begin(self, epoch: int) -> tuple[int, int]:
        """Upload an epoch's order, queue its learning and its test, and return the numbers of both runs."""
        config, dataset = self._config, self._dataset
        order = sample_order(len(dataset.train_labels), config.seed, epoch)
        place = self._orders[epoch % 2]
        self.memory.write_order(place, self._train.addresses[order])
        seeding = self.device.registers.seeding(epoch_seed(config.seed, epoch))
        rates = self.device.registers.rates(rates_of_epoch(config, epoch))
        learning = self.memory.run(place, len(order), learn=True, writes={**rates, **seeding})
        return learning, self.memory.run(self._test_order, len(dataset.test_labels), writes=seeding)

    def finish(self, epoch: int, runs: tuple[int, int], progress: Callable[[int], object]) -> tuple[RunState, RunState]:
        """Wait for the runs of an epoch, and return how they went."""
        learned, tested = (self.memory.wait(run, progress) for run in runs)
        damaged = learned.damaged + tested.damaged
        if damaged:
            raise BackspikeError(
                f"epoch {epoch + 1}: {damaged:,} samples were damaged in the board's memory and not shown; "
                "--resume loads them again and goes on from the last checkpoint"
            )
        return learned, tested


@dataclass
class _Record:
    """The files of a training on a board, when they were written, and the weights in them."""

    out: Path
    config: NetworkConfig
    dataset: Dataset
    identity: dict[str, Any]
    training: BoardTraining
    device: Device
    weights: list[NDArray[np.int64]] = field(default_factory=list)
    _saved: float = field(default=-math.inf)
    _took: float = field(default=0.0)

    def due(self, now: float) -> bool:
        """Whether a checkpoint costs no more than `_READING_SHARE` of the time."""
        return now - self._saved >= self._took / _READING_SHARE

    def save(self) -> None:
        """Read the weights, and write both files: first the account, since `resume` cuts one that is ahead."""
        seconds = self.device.session.transport.seconds
        begun = seconds()
        self.weights = self.device.read_weights()
        self.save_account()
        done = len(self.training.epochs)
        network = Network(self.config.replace(seed=epoch_seed(self.config.seed, done)), self.weights)
        checkpoint = Checkpoint.capture(network, done)
        replace(checkpoint, config=self.config).save(self.out / CHECKPOINT)
        self._saved = seconds()
        self._took = self._saved - begun

    def save_account(self) -> None:
        """Write how it went."""
        content = {
            "format": FORMAT,
            "identity": self.identity,
            "config": self.config.to_dict(),
            "train_samples": len(self.dataset.train_labels),
            "test_samples": len(self.dataset.test_labels),
            **asdict(self.training),
        }
        write_atomic(self.out / ACCOUNT, json.dumps(content, indent=2).encode() + b"\n")


def _run_epochs(board: _Board, record: _Record, begun: int, epochs: int, report: Callable[[str], None]) -> None:
    """Play epochs, the next one queued while one is played; checkpoints are written between two of them."""
    training, dataset = record.training, record.dataset
    seconds = board.device.session.transport.seconds
    queued: deque[tuple[int, int]] = deque()
    following = begun
    with progress_bar((epochs - begun) * board.samples, "samples", f"training on the board, {dataset.name}") as bar:
        ended = seconds()
        for epoch in range(begun, epochs):
            due = record.due(seconds())
            while following < epochs and following <= epoch + (not due):
                queued.append(board.begin(following))
                following += 1
            learned, tested = board.finish(epoch, queued.popleft(), bar.update)
            took, ended = seconds() - ended, seconds()
            done = BoardEpoch(
                rates_of_epoch(record.config, epoch),
                learned.right / len(dataset.train_labels),
                tested.right / len(dataset.test_labels),
                learned.digest,
                tested.digest,
                took,
            )
            training.epochs.append(done)
            report(
                f"epoch {epoch + 1}/{epochs}: test {done.test_accuracy:.2%}, {took:.2f} s, "
                f"{board.samples / took:,.0f} samples per second, learned and tested"
            )
            if not queued:
                record.save()
                ended = seconds()


def _compare(
    config: NetworkConfig,
    dataset: Dataset,
    weights: Sequence[NDArray[np.int64]],
    begun: int,
    training: BoardTraining,
    found: Sequence[NDArray[np.int64]],
) -> None:
    """Have the golden model do the same epochs, and raise `MismatchError` at the first that differs."""
    show = load_engine("fast")
    weights = [matrix.copy() for matrix in weights]
    tests = np.arange(len(dataset.test_labels))
    for epoch in range(begun, len(training.epochs)):
        board, title = training.epochs[epoch], f"golden model, epoch {epoch + 1}/{len(training.epochs)}"
        seeded = config.replace(seed=epoch_seed(config.seed, epoch))
        network = Network(seeded, weights)
        network.rates = rates_of_epoch(config, epoch)
        order = sample_order(len(dataset.train_labels), config.seed, epoch)
        train = show_chunks(network, dataset.train_values, dataset.train_labels, order, True, show, title)
        learning = _digest(wins for _, wins in train)
        weights = network.weights
        answering = Network(seeded, [matrix.copy() for matrix in weights])
        test = show_chunks(answering, dataset.test_values, dataset.test_labels, tests, False, show, f"{title}, test")
        answers = _digest(wins for _, wins in test)
        for what, expected, got in (
            ("learned samples", learning, board.learning_digest),
            ("test samples", answers, board.test_digest),
        ):
            if expected != got:
                sentence = f"digest of the results of the {what}: expected {expected:#010x}, got {got:#010x}"
                raise MismatchError(f"epoch {epoch + 1}: {sentence}")
    difference = weight_difference(weights, found)
    if difference:
        raise MismatchError(f"after epoch {len(training.epochs)}: {difference}")


def _digest(chunks: Iterable[NDArray[np.int64]]) -> int:
    """Return the digest of the results that wins of each class, shape (samples, n_L), make."""
    value = 0
    for wins in chunks:
        value = digest(results_of(wins), value)
    return value


def _resumed(
    out: Path, config: NetworkConfig, identity: dict[str, Any], epochs: int
) -> tuple[BoardTraining, Checkpoint]:
    """Return what a training on a board has left in a folder."""
    path = out / ACCOUNT
    with reading(path):
        content = read_json(path)
        if content["format"] != FORMAT:
            raise BackspikeError(f"it has the format {content['format']!r:.40}, and this reads {FORMAT}")
        differing = differences(content["identity"], identity)
        training = BoardTraining(
            [BoardEpoch(**epoch) for epoch in content["epochs"]],
            int(content["compared"]),
            float(content["loading_seconds"]),
        )
    if differing:
        raise BackspikeError(f"the training in {out} is another one: {'; '.join(differing)}")
    checkpoint = Checkpoint.load(out / CHECKPOINT)
    checkpoint.require(config)
    if checkpoint.shown or not 0 < checkpoint.epoch <= len(training.epochs):
        raise BackspikeError(f"{CHECKPOINT} and {ACCOUNT} in {out} are not of one training")
    if checkpoint.epoch >= epochs:
        raise BackspikeError(
            f"nothing is left to train: the training in {out} has {checkpoint.epoch} epochs of {epochs}"
        )
    del training.epochs[checkpoint.epoch :]
    training.compared = min(training.compared, checkpoint.epoch)
    return training, checkpoint
