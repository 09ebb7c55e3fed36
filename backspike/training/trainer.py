"""Training with the golden model: the order of samples, the schedule of rates, and a record of how it went."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.datasets import Dataset
from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic
from backspike.interrupts import Terminated, held_interrupts
from backspike.locks import locked
from backspike.model.network import Counters, Network
from backspike.progress import announced, progress_bar

from .answers import scratch_copy
from .baseline import FloatSettings, train_float
from .checkpoint import Checkpoint
from .engines import DEFAULT_ENGINE, Engine, load_engine, show_chunks
from .identity import differences, network_identity, training_identity
from .learning_curve import learning_curve
from .metrics import Epoch, Training, read_metrics, write_metrics
from .order import sample_order

BOARD_ACCOUNT = "board.json"
"""The account of a training whose samples lay in the board's memory (`training.on_board`)."""

FILES = ("checkpoint.npz", "metrics.json", "learning-curve.png", BOARD_ACCOUNT)
"""What a training leaves in its folder, of whichever kind."""

# Points of a sweep that differ in their spikes alone have the same float network, which takes a third of their time.
_float_trainings: dict[str, list[float]] = {}

__all__ = [
    "BOARD_ACCOUNT",
    "Epoch",
    "Training",
    "clear_training",
    "evaluate",
    "evaluate_training",
    "rates_of_epoch",
    "require_no_training",
    "sample_order",
    "train",
]


def rates_of_epoch(config: NetworkConfig, epoch: int) -> list[int]:
    """Return the learning rate of each weight layer in an epoch, counted from 0.

    ``round(rate * rate_decay**epoch)`` in 1/256, halves to even, but never below 1: a layer stops learning only if its
    configured rate is 0.
    """
    return [max(1, round(rate * config.rate_decay**epoch)) if rate else 0 for rate in config.rates]


def evaluate(network: Network, dataset: Dataset, engine: str | Engine = DEFAULT_ENGINE) -> float:
    """Return the accuracy on the test samples, 0 to 1, learning off.

    It runs on a copy: inference draws from the same LFSRs as training does, so evaluating the network itself
    would change what it learns next, and a training would depend on how often it was looked at.
    """
    samples = np.arange(len(dataset.test_labels))
    return _answer(network, dataset.test_values, dataset.test_labels, samples, load_engine(engine), "test", True)[0]


def evaluate_training(network: Network, dataset: Dataset, engine: str | Engine = DEFAULT_ENGINE) -> float:
    """Return the accuracy, 0 to 1, that `Epoch.training_accuracy` is: on training samples, learning off, on a copy."""
    part, show = _training_part(network.config, dataset), load_engine(engine)
    return _answer(network, dataset.train_values, dataset.train_labels, part, show, "training samples", True)[0]


def train(
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    seed: int,
    out: Path,
    report: Callable[[str], None] | None = None,
    engine: str | Engine = DEFAULT_ENGINE,
    resume: bool = False,
    baseline: FloatSettings | None = None,
    force: bool = False,
    picture: bool = False,
) -> Training:
    """Train the golden model and a float network on the same samples for as many epochs, and write down how it went.

    After each epoch `out` has a whole ``checkpoint.npz`` (`Checkpoint`) and ``metrics.json`` (`write_metrics`). Ctrl-C,
    SIGTERM and SIGHUP leave a checkpoint of the very sample that they came after, and what is resumed from there gives
    the same weights and the same account as what was never interrupted, to the last bit. Where Ctrl-C is ignored, as in
    the background of a script, the training goes on to its end.

    Parameters
    ----------
    config : NetworkConfig
        Its seed is replaced.
    dataset : Dataset
    epochs : int
        At least 1; with `resume`, those before it are counted too.
    seed : int
        Seed of initial weights, LFSRs, order of samples and float network.
    out : Path
        Directory of the files; made if it is missing, and locked while it is written to.
    report : callable, optional
        Takes a line of text for each result; with it, a progress bar goes to the standard error stream if that is a
        terminal.
    engine : str or Engine
        One of `ENGINES`, or another; the result is the same with each.
    resume : bool
        Whether to go on from what a training left in `out`. It must be the same in all that decides its results
        (`training_identity`), but for the number of epochs, which may be greater.
    baseline : FloatSettings, optional
        How the float network learns.
    force : bool
        Whether to overwrite a training that is in `out`.
    picture : bool
        Whether to draw ``learning-curve.png`` in the end; it takes a second or two, longer than a small training.

    Raises
    ------
    BackspikeError
        The dataset does not fit the network; there is a training in `out`, and neither `resume` nor `force` is set;
        there is none to resume, or another one; another process writes there; a file cannot be written.
    KeyboardInterrupt, Terminated
        Ctrl-C, or a signal that asks the process to end. The text says from where the training can be resumed, if it
        can.
    """
    if resume and force:
        raise BackspikeError("a training is either gone on with (--resume) or overwritten (--force), not both")
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise BackspikeError(f"epochs must be a whole number from 1, not {epochs!r}")
    config = config.replace(seed=seed)
    show = load_engine(engine)
    network = Network(config)
    dataset.check(config)
    with announced("looking at the samples"):
        identity = training_identity(config, dataset, baseline or FloatSettings())
    tell = report or (lambda line: None)
    out = Path(out)  # also of text, as many a caller has it
    make_directory(out)
    with locked(out):
        record = _Record(out, dataset, identity, Training([], []), Checkpoint.capture(network))
        if resume:
            record.resume(network, epochs)
            left = record.latest.epoch < epochs
            tell(
                f"going on from epoch {record.latest.epoch + 1}, sample {record.latest.shown}"
                if left
                else f"nothing is left to train of {epochs} epoch{'s' if epochs > 1 else ''}"
            )
        elif not force:
            require_no_training(out)
        # A float network of fewer epochs than are asked for is trained anew: it takes the same steps again.
        accuracies = record.training.float_accuracies
        if len(accuracies) < epochs:
            with progress_bar(epochs, "epochs", f"float network {_sizes(config)}", silent=not report) as bar:
                accuracies[:] = _float_accuracies(
                    config, dataset, epochs, identity, baseline, lambda *done: bar.update()
                )
        del accuracies[epochs:]
        if not resume:
            clear_training(out)
        try:
            record.save(record.latest)
            tell(
                f"float network {_sizes(config)} on the same samples: test {record.training.float_accuracy:.2%} "
                f"after {epochs} epoch{'s' if epochs > 1 else ''}"
            )
            # Held for all epochs: what a signal raises is lost where it comes while Python collects an object.
            with held_interrupts() as interrupted:
                for epoch in range(record.latest.epoch, epochs):
                    done = _epoch(network, record, show, epoch, f"epoch {epoch + 1}/{epochs}", not report, interrupted)
                    if done is None:
                        break
                    tell(
                        f"epoch {epoch + 1}/{epochs}: training {done.training_accuracy:.2%}, "
                        f"test {done.test_accuracy:.2%}, {done.seconds:.1f} s, "
                        f"rates {', '.join(f'{rate}/256' for rate in done.rates)}"
                    )
            if len(record.training.epochs) < epochs:
                # Not every handler of Ctrl-C raises what ends a program; but no epoch that was cut short is one.
                raise KeyboardInterrupt
        except (KeyboardInterrupt, Terminated) as interruption:
            interruption.args = (f"the training in {out} is whole up to {record.latest.place}",)
            raise
        if picture:
            drawn = learning_curve(
                f"{config.name} ({_sizes(config)}) on {dataset.name}, golden model, seed {seed}",
                [epoch.training_accuracy for epoch in record.training.epochs],
                [epoch.test_accuracy for epoch in record.training.epochs],
                record.training.float_accuracy,
            )
            write_atomic(out / "learning-curve.png", drawn)
    return record.training


def _float_accuracies(
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    identity: Mapping[str, Any],
    baseline: FloatSettings | None,
    progress: Callable[[int, float], None],
) -> list[float]:
    """Return the float network's test accuracy after each epoch; this process trains the same one once."""
    dropout = [layer.dropout for layer in config.hidden_layers]
    same = json.dumps([config.layers, dropout, config.seed, epochs, identity["data"], identity["baseline"]])
    if same not in _float_trainings:
        trained = train_float(config, dataset, epochs, config.seed, baseline, progress)
        _float_trainings[same] = trained.test_accuracies
    return _float_trainings[same].copy()


def require_no_training(out: Path) -> None:
    """Raise `BackspikeError` if a training has left a file in a folder; its text says what can be done."""
    for name in FILES:
        if (out / name).exists():
            whole = (out / "checkpoint.npz").exists()
            played = (out / BOARD_ACCOUNT).exists()
            command = "host train --samples-on-board --resume" if played else "train --resume"
            raise BackspikeError(
                f"there is a training in {out} ({name}): `backspike {command}` goes on with it, --force overwrites it"
                if whole
                else f"there is {name} of a training in {out}, but no checkpoint to go on from: --force overwrites it"
            )


def clear_training(out: Path) -> None:
    """Remove the files of another training from a folder, so that none of them is taken for one of this."""
    for name in FILES:
        try:
            (out / name).unlink(missing_ok=True)
        except OSError as error:
            raise BackspikeError(f"cannot overwrite {out / name}: {error.strerror}") from error


@dataclass
class _Record:
    """The files of a training, and what is in them.

    Parameters
    ----------
    out : Path
    dataset : Dataset
    identity : dict
        See `training_identity`.
    training : Training
        The account so far.
    latest : Checkpoint
        The last one.
    """

    out: Path
    dataset: Dataset
    identity: dict[str, Any]
    training: Training
    latest: Checkpoint

    def save(self, checkpoint: Checkpoint) -> None:
        """Write down account and checkpoint: first the account, since `resume` cuts one that is an epoch ahead."""
        write_metrics(self.out / "metrics.json", checkpoint.config, self.dataset, self.identity, self.training)
        self.save_checkpoint(checkpoint)

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write down how far an epoch has come."""
        checkpoint.save(self.out / "checkpoint.npz")
        self.latest = checkpoint

    def resume(self, network: Network, epochs: int) -> None:
        """Put the state that a training has left into the network, and its account here."""
        checkpoint = Checkpoint.load(self.out / "checkpoint.npz")
        config = network.config
        checkpoint.require(config)
        recorded, self.training = read_metrics(self.out / "metrics.json", config.depth)
        differing = differences(recorded, self.identity)
        if differing:
            raise BackspikeError(f"the training in {self.out} is another one: {'; '.join(differing)}")
        if (
            network_identity(checkpoint.config) != network_identity(config)
            or checkpoint.config.seed != config.seed
            or checkpoint.epoch > len(self.training.epochs)
            or checkpoint.shown > len(self.dataset.train_labels)
        ):
            raise BackspikeError(f"checkpoint.npz and metrics.json in {self.out} are not of one training")
        if checkpoint.epoch + (checkpoint.shown > 0) > epochs:
            raise BackspikeError(
                f"the training in {self.out} is whole up to {checkpoint.place}: it cannot go back to "
                f"{epochs} epoch{'s' if epochs > 1 else ''}"
            )
        checkpoint.apply(network)
        del self.training.epochs[checkpoint.epoch :]
        self.latest = checkpoint


def _epoch(
    network: Network,
    record: _Record,
    show: Engine,
    epoch: int,
    title: str,
    silent: bool,
    interrupted: Callable[[], bool],
) -> Epoch | None:
    """Do one epoch, or what is left of it, and write it down; None if it was interrupted."""
    begin = time.perf_counter()
    config, dataset = network.config, record.dataset
    network.rates = rates_of_epoch(config, epoch)
    order = sample_order(len(dataset.train_labels), config.seed, epoch)
    right = _learn(network, record, show, epoch, order, title, silent, interrupted)
    counted = network.counters.to_dict()
    part = _training_part(config, dataset)
    tests = np.arange(len(dataset.test_labels))
    training_accuracy, _ = _answer(
        network,
        dataset.train_values,
        dataset.train_labels,
        part,
        show,
        f"{title}, training samples",
        silent,
        interrupted,
    )
    test_accuracy, test_counted = _answer(
        network, dataset.test_values, dataset.test_labels, tests, show, f"{title}, test samples", silent, interrupted
    )
    if interrupted():
        return None
    seconds = time.perf_counter() - begin
    done = Epoch(network.rates, training_accuracy, test_accuracy, right / len(order), seconds, counted, test_counted)
    record.training.epochs.append(done)
    network.counters = Counters.zero(config.depth)
    record.save(Checkpoint.capture(network, epoch + 1))
    return done


def _learn(
    network: Network,
    record: _Record,
    show: Engine,
    epoch: int,
    order: NDArray[np.int64],
    title: str,
    silent: bool,
    interrupted: Callable[[], bool],
) -> int:
    """Show the training samples that the latest checkpoint has not seen in this epoch; return the right answers so far.

    Whatever comes then, the test or an interruption, what was learned is in a checkpoint.
    """
    values, labels = record.dataset.train_values, record.dataset.train_labels
    shown, right = record.latest.shown, record.latest.right
    for chunk, wins in show_chunks(
        network, values, labels, order[shown:], True, show, title, shown, silent, interrupted
    ):
        right += int(np.sum(wins.argmax(axis=1) == labels[chunk]))
        shown += len(chunk)
    record.save_checkpoint(Checkpoint.capture(network, epoch, shown, right))
    return right


def _training_part(config: NetworkConfig, dataset: Dataset) -> NDArray[np.int64]:
    """Return the training samples that are looked at with learning off.

    As many as there are test samples, so that both accuracies are equally sharp; and always the same ones.
    """
    return sample_order(len(dataset.train_labels), config.seed, 0)[: len(dataset.test_labels)]


def _answer(
    network: Network,
    values: NDArray[np.uint8],
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    show: Engine,
    title: str,
    silent: bool,
    interrupted: Callable[[], bool] = lambda: False,
) -> tuple[float, dict[str, Any]]:
    """Show samples to a copy, learning off; return the accuracy, 0 to 1, and the counts of the work.

    They mean nothing if it was interrupted.
    """
    subject = scratch_copy(network)
    chunks = show_chunks(subject, values, labels, order, False, show, title, silent=silent, interrupted=interrupted)
    right = sum(int(np.sum(wins.argmax(axis=1) == labels[chunk])) for chunk, wins in chunks)
    return right / len(order), subject.counters.to_dict()


def _sizes(config: NetworkConfig) -> str:
    return "-".join(map(str, config.layers))
