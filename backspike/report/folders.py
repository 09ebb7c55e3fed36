"""What the folders hold that a report is made of: trainings, their simulation, and builds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backspike.config import NetworkConfig, load_config
from backspike.errors import BackspikeError, shown
from backspike.files import read_json, reading
from backspike.fpga.build import report_rows
from backspike.training.checkpoint import Checkpoint
from backspike.training.identity import network_identity
from backspike.training.metrics import Epoch, read_metrics

__all__ = ["BuildFolder", "Simulation", "TrainingFolder", "read_folders"]

LARGEST = 10**12
"""Greatest count of cells, or clock in MHz, that a report may have."""


@dataclass(frozen=True)
class Simulation:
    """What ``summary.json`` says of a training that was simulated in Verilog, beside the golden model.

    Parameters
    ----------
    path : Path
    mismatches : int
        0 or 1: a comparison stops at the first.
    first : str
        The mismatch, in words; empty if there is none.
    compared : dict
        How many values of each kind were compared and equal.
    cycles_per_sample, cycles_per_tick : float or None
        Clock cycles; None with a mismatch.
    """

    path: Path
    mismatches: int
    first: str
    compared: dict[str, int]
    cycles_per_sample: float | None
    cycles_per_tick: float | None


@dataclass(frozen=True)
class TrainingFolder:
    """A training: account and checkpoint, of which one may be missing.

    Parameters
    ----------
    folder : Path
    config : NetworkConfig
    dataset : str
        Its name; empty where there is no account.
    data : str
        SHA-256 of its samples (`data_digest`); empty where there is no account.
    epochs : list of Epoch
        Those that are done; none where there is no account.
    float_accuracies : list of float
        Test accuracy, 0 to 1, of the float network after each epoch, of those too that are not done.
    checkpoint : Checkpoint or None
    simulation : Simulation or None
    """

    folder: Path
    config: NetworkConfig
    dataset: str
    data: str
    epochs: list[Epoch]
    float_accuracies: list[float]
    checkpoint: Checkpoint | None
    simulation: Simulation | None

    @property
    def sizes(self) -> str:
        """Units of each layer, with dashes between."""
        return "-".join(map(str, self.config.layers))

    @property
    def weights(self) -> int:
        """How many weights the network has, biases included."""
        return sum(layer.shape[0] * layer.shape[1] for layer in self.config.weight_layers)

    @property
    def float_accuracy(self) -> float | None:
        """Test accuracy, 0 to 1, of the float network after as many epochs; None without an epoch."""
        return self.float_accuracies[len(self.epochs) - 1] if self.epochs else None

    @property
    def metrics_path(self) -> Path:
        """Where the account is, or would be."""
        return self.folder / "metrics.json"

    @property
    def checkpoint_path(self) -> Path:
        """Where the checkpoint is, or would be."""
        return self.folder / "checkpoint.npz"


@dataclass(frozen=True)
class BuildFolder:
    """A build for a board.

    Parameters
    ----------
    folder : Path
    board, name : str
        Of the board and of the network.
    layers : list of int
    config : NetworkConfig or None
        The network as it was built; None if the folder has no ``config.toml``.
    timing_met : bool
    device : dict
        For each kind of the device's cells that is used, how many are ``used`` and ``available``.
    clocks : dict
        For each clock what it has ``achieved``, and its ``constraint``, in MHz.
    rows : list of tuple of str
        The report as its table has it, name and value.
    """

    folder: Path
    board: str
    name: str
    layers: list[int]
    config: NetworkConfig | None
    timing_met: bool
    device: dict[str, dict[str, int]]
    clocks: dict[str, dict[str, float]]
    rows: list[tuple[str, str]]

    @property
    def path(self) -> Path:
        """The file that all figures are from."""
        return self.folder / "report.json"


def read_folders(folders: Sequence[Path]) -> tuple[list[TrainingFolder], list[BuildFolder]]:
    """Read the trainings and the builds of some folders, in their order; a folder may hold one of each.

    Raises
    ------
    BackspikeError
        A folder is none, holds neither a training nor a build, or a file in it cannot be read or is damaged; or
        account and checkpoint are not of one training.
    """
    trainings: list[TrainingFolder] = []
    builds: list[BuildFolder] = []
    for folder in {path.resolve(): path for path in folders}.values():
        if not folder.is_dir():
            raise BackspikeError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
        training, build = _read_training(folder), _read_build(folder)
        if training is None and build is None:
            raise BackspikeError(
                f"there is nothing to report in {folder}: neither a training (metrics.json, checkpoint.npz) "
                "nor a build (report.json)"
            )
        trainings += [training] if training else []
        builds += [build] if build else []
    return trainings, builds


def _read_training(folder: Path) -> TrainingFolder | None:
    metrics, saved = folder / "metrics.json", folder / "checkpoint.npz"
    checkpoint = Checkpoint.load(saved) if saved.exists() else None
    if not metrics.exists():
        return TrainingFolder(folder, checkpoint.config, "", "", [], [], checkpoint, None) if checkpoint else None
    with reading(metrics):
        content = read_json(metrics)
        config = NetworkConfig.from_dict(content["config"])
        dataset = content["dataset"]
        identity, training = read_metrics(metrics, config.depth)
        if not isinstance(dataset, str) or not isinstance(identity["data"], str):
            raise TypeError("its dataset is no text")
        if not all(epoch.training["samples"] and epoch.test["samples"] for epoch in training.epochs):
            raise ValueError("an epoch has no samples")
        if len(training.float_accuracies) < len(training.epochs):
            raise ValueError("the float network has fewer accuracies than there are epochs")
    if checkpoint and network_identity(checkpoint.config) != network_identity(config):
        raise BackspikeError(f"checkpoint.npz and metrics.json in {folder} are not of one training")
    return TrainingFolder(
        folder,
        config,
        dataset,
        identity["data"],
        training.epochs,
        training.float_accuracies,
        checkpoint,
        _read_simulation(folder / "summary.json"),
    )


def _read_simulation(path: Path) -> Simulation | None:
    if not path.exists():
        return None
    with reading(path):
        content = read_json(path)
        mismatches = int(content["mismatches"])
        whole = not mismatches
        return Simulation(
            path,
            mismatches,
            "" if whole else str(content["first"]),
            {str(kind): int(count) for kind, count in content["compared"].items()} if whole else {},
            float(content["clocks_per_sample"]) if whole else None,
            float(content["clocks_per_tick"]) if whole else None,
        )


def _read_build(folder: Path) -> BuildFolder | None:
    path, settings = folder / "report.json", folder / "config.toml"
    if not path.exists():
        return None
    config = load_config(str(settings)) if settings.exists() else None
    with reading(path):
        content: dict[str, Any] = read_json(path)
        return BuildFolder(
            folder,
            str(content["board"]),
            str(content["name"]),
            [int(units) for units in content["layers"]],
            config,
            bool(content["timing_met"]),
            {str(cell): _numbers(use, "used", "available") for cell, use in content["device"].items()},
            {str(name): _numbers(found, "achieved", "constraint") for name, found in content["clocks"].items()},
            report_rows(content),
        )


def _numbers(values: dict[str, Any], part: str, whole: str) -> dict[str, Any]:
    """Return the values of these two names: numbers from 0 to `LARGEST`, the second one above 0."""
    for name in (part, whole):
        value = values[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
            raise ValueError(f"{name} is {shown(value)}")
    if not values[whole]:
        raise ValueError(f"{whole} is 0")
    return {name: values[name] for name in (part, whole)}
