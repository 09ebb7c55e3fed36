"""The unit of work: one network, one dataset, one seed, trained beside its float network."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backspike.config import ARCHITECTURE, PRESETS, NetworkConfig
from backspike.datasets import OF_EVERY_DATASET, Dataset, dataset_identity, find_loader, load_dataset
from backspike.errors import BackspikeError, shown
from backspike.files import make_directory
from backspike.registers import SEMANTICS_VERSION
from backspike.toml import require_known, take
from backspike.training.baseline import FloatSettings, train_float
from backspike.training.engines import DEFAULT_ENGINE
from backspike.training.trainer import train

from .learning_on import learn_on
from .scenario import Scenario

__all__ = ["EPOCHS", "SEEDS", "Task", "digest", "machine", "network_of", "origin", "usable_cores"]

EPOCHS = range(1, 10_001)
"""How many epochs a training may have."""

SEEDS = range(1, 2**32)
"""What a seed may be."""

# How a network is called and built; its seed is the task's.
_NO_PART_OF_A_RESULT = ("name", "seed", *ARCHITECTURE)


def network_of(values: Mapping[str, Any]) -> NetworkConfig:
    """Return the network of a ``[network]`` table: a ``preset`` and what differs from it, or all values.

    Raises
    ------
    BackspikeError
        There is no such preset or value, or a value is impossible: rates and dropout that the preset gives for its
        own number of layers, too, if ``layers`` has another one.
    """
    changes = dict(values)
    preset = changes.pop("preset", None)
    if "seed" in changes:
        raise BackspikeError("seed is no value of [network] here; the seeds to train with are listed: seeds = [...]")
    if preset is None:
        return NetworkConfig.from_dict(changes)
    if not isinstance(preset, str) or preset not in PRESETS:
        raise BackspikeError(f"preset {shown(preset)} is not one of {', '.join(PRESETS)}")
    try:
        return NetworkConfig.from_dict(changes, PRESETS[preset])
    except BackspikeError as error:
        # What is at fault may be the preset's: a value for each of its layers that does not fit the new ones.
        raise BackspikeError(f"preset {preset} with other values: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is trained, and how.

    Parameters
    ----------
    network : NetworkConfig
        Its seed is the task's.
    dataset : str
        Name, or path of data of one's own.
    dataset_settings : dict
        Settings of the dataset by name.
    epochs : int
        At least 1; the float network's too.
    seed : int
        Seed of split, initial weights, LFSRs and order, 1 to 2**32 - 1.
    baseline : FloatSettings
        How the float network learns.
    float_only : bool
        Whether the float network alone is trained.
    scenario : Scenario, optional
        What comes after the training, in which both networks learn on.
    """

    network: NetworkConfig
    dataset: str
    dataset_settings: dict[str, Any] = field(default_factory=dict)
    epochs: int
    seed: int = 1
    baseline: FloatSettings = field(default_factory=FloatSettings)
    float_only: bool = False
    scenario: Scenario | None = None

    def __post_init__(self) -> None:
        if self.epochs not in EPOCHS:
            raise BackspikeError(
                f"epochs must be a whole number from {EPOCHS.start} to {EPOCHS.stop - 1}, not {shown(self.epochs)}"
            )
        known = [*find_loader(self.dataset).settings, *OF_EVERY_DATASET]
        require_known(self.dataset_settings, known, f"dataset {self.dataset}")
        for key, value in self.dataset_settings.items():
            # What JSON has too; whether it is possible, the dataset knows.
            if not isinstance(value, str | int):
                raise BackspikeError(f"{key} of [dataset] must be a whole number or text, not {shown(value)}")
        object.__setattr__(self, "network", self.network.replace(seed=self.seed))
        if self.scenario:
            if self.float_only:
                raise BackspikeError("a scenario is for both networks, so that float_only cannot be set with it")
            self.scenario.require(self.network)

    @classmethod
    def from_tables(cls, values: Mapping[str, Any], seed: int = 1) -> Task:
        """Build a task from the tables of an experiment file.

        Parameters
        ----------
        values : mapping
            ``epochs``, and the tables ``dataset`` (``name`` and settings), ``network`` (`network_of`), and, if there
            are such, ``baseline`` (`FloatSettings`) and ``scenario`` (`Scenario`).
        seed : int

        Raises
        ------
        BackspikeError
            A value is unknown, missing or impossible.
        """
        settings = dict(take(values, "dataset", dict, "an experiment"))
        name = take(settings, "name", str, "[dataset]")
        del settings["name"]
        baseline = take(values, "baseline", dict, "an experiment", {})
        require_known(baseline, [field.name for field in fields(FloatSettings)], "[baseline]")
        return cls(
            network=network_of(take(values, "network", dict, "an experiment")),
            dataset=name,
            dataset_settings=settings,
            epochs=take(values, "epochs", int, "an experiment"),
            seed=seed,
            baseline=FloatSettings(**baseline),
            float_only=take(values, "float_only", bool, "an experiment", False),
            scenario=Scenario.from_dict(take(values, "scenario", dict, "an experiment"))
            if "scenario" in values
            else None,
        )

    @property
    def decisive(self) -> tuple[str, ...]:
        """Names of the network's values that the result depends on."""
        if self.float_only:
            # The ticks decide how recorded spikes are binned.
            return ("layers", "dropout", "input", *(["ticks"] if self.network.input == "spikes" else []))
        return tuple(field.name for field in fields(NetworkConfig) if field.name not in _NO_PART_OF_A_RESULT)

    def to_dict(self) -> dict[str, Any]:
        """Return everything that decides the result, as JSON has it."""
        network = {key: value for key, value in self.network.to_dict().items() if key in self.decisive}
        return {
            **dataset_identity(self.dataset),
            "dataset_settings": self.dataset_settings,
            "network": network,
            "epochs": self.epochs,
            "seed": self.seed,
            "baseline": asdict(self.baseline),
            "float_only": self.float_only,
            "semantics": None if self.float_only else SEMANTICS_VERSION,
            **({"scenario": self.scenario.to_dict()} if self.scenario else {}),
        }

    @property
    def key(self) -> str:
        """SHA-256 of `to_dict`: what a result is recognised by."""
        return digest(self.to_dict())

    def run(
        self,
        out: Path,
        data_dir: Path | None = None,
        engine: str = DEFAULT_ENGINE,
        report: Callable[[str], None] | None = None,
        force: bool = False,
    ) -> dict[str, Any]:
        """Train, and return the result as JSON has it.

        Parameters
        ----------
        out : Path
            Folder for checkpoint and metrics; a training of the same task that was interrupted there is gone on with.
        data_dir : Path, optional
            Folder in which datasets are searched first.
        engine : str
        report : callable, optional
            Takes a line of text for each epoch.
        force : bool
            Whether to begin with the first epoch, whatever is in the folder.

        Returns
        -------
        dict
            ``key``, ``task``, ``float_accuracy``, and unless `float_only` is set ``test_accuracy``, both accuracies
            after each epoch (``test_curve``, ``training_curve``), the counts of the work (`Counters.to_dict`) of all
            training (``training``) and of the last test (``test``), ``epoch_seconds`` and ``config_hash``; accuracies
            are 0 to 1. Of a scenario there are ``scenario`` (`learning_on.learn_on`), and as ``test_accuracy`` and
            ``float_accuracy`` the means over its cases and all its tests but the first, on what each case is about:
            what settings of a scenario are chosen by. Besides the numbers of samples, ``engine``, ``seconds``, ``date``
            and ``machine``.

        Raises
        ------
        BackspikeError
            The dataset is not to be had or does not fit; in the folder is another training; another process writes
            there; or a file cannot be written.
        KeyboardInterrupt, Terminated
            Ctrl-C, or a signal that asks the process to end; what is trained so far is in the folder.
        """
        begin = time.perf_counter()
        make_directory(out)
        dataset = load_dataset(self.dataset, self.network, self.seed, self.dataset_settings, data_dir)
        result: dict[str, Any] = {"key": self.key, "task": self.to_dict()}
        if self.float_only:
            trained = train_float(self.network, dataset, self.epochs, self.seed, self.baseline)
            result |= {"float_accuracy": trained.test_accuracy, "float_curve": trained.test_accuracies}
        elif self.scenario:
            found = learn_on(self.network, dataset, self.epochs, self.baseline, self.scenario, engine)
            result |= {
                "test_accuracy": self.scenario.mean(found, "spiking"),
                "float_accuracy": self.scenario.mean(found, "float"),
                "scenario": found,
            }
        else:
            result |= self._train(dataset, out, engine, report, force)
        return result | {
            "train_samples": len(dataset.train_labels),
            "test_samples": len(dataset.test_labels),
            "engine": engine,
            **origin(begin),
        }

    def _train(
        self, dataset: Dataset, out: Path, engine: str, report: Callable[[str], None] | None, force: bool
    ) -> dict[str, Any]:
        """Train both networks, going on from what the same task left in the folder."""
        # Without a checkpoint nothing has been trained: what else is there was left by a process killed at its start.
        resume = not force and (out / "checkpoint.npz").exists()
        training = train(
            self.network, dataset, self.epochs, self.seed, out, report, engine=engine, resume=resume,
            baseline=self.baseline, force=not resume,
        )  # fmt: skip
        epochs = training.epochs
        counts = _sum([epoch.training for epoch in epochs])
        if len(epochs) != self.epochs or counts["samples"] != self.epochs * len(dataset.train_labels):
            raise BackspikeError(
                f"the training in {out} has shown {counts['samples']} samples in {len(epochs)} epochs, not "
                f"{len(dataset.train_labels)} in each of {self.epochs}: it is no result"
            )
        return {
            "test_accuracy": epochs[-1].test_accuracy,
            "float_accuracy": training.float_accuracy,
            "test_curve": [epoch.test_accuracy for epoch in epochs],
            "training_curve": [epoch.training_accuracy for epoch in epochs],
            "training": counts,
            "test": epochs[-1].test,
            "epoch_seconds": [round(epoch.seconds, 3) for epoch in epochs],
            "config_hash": self.network.hash,
        }


def _sum(counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add counts up, layer by layer where they are of layers."""
    return {
        key: [sum(layer) for layer in zip(*(count[key] for count in counts), strict=True)]
        if isinstance(first, list)
        else sum(count[key] for count in counts)
        for key, first in counts[0].items()
    }


def digest(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of values as JSON has them."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def origin(begin: float) -> dict[str, Any]:
    """Return how a result that was begun at a time of `time.perf_counter` has come about: seconds, date, machine."""
    return {
        "seconds": round(time.perf_counter() - begin, 3),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """Return what a time depends on: processor, cores, system, and versions of what computes."""
    packages = ("backspike", "numpy", "numba")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def usable_cores() -> int:
    """Return how many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """Return the processor's name; on Linux the platform module knows its architecture only."""
    for line in (_content(Path("/proc/cpuinfo")) or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
