"""The files of ``experiments/``: rows of the results table, and grids."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backspike.errors import BackspikeError

from .task import Task
from .toml import read_toml, require_known, take

__all__ = ["Cell", "Experiment", "Goal", "Sweep", "load_experiment", "load_experiments", "load_sweep", "load_sweeps"]

_TASK = ("epochs", "dataset", "network", "baseline", "float_only")


@dataclass(frozen=True)
class Goal:
    """What an experiment is to show, in the mean over its seeds; what is left out is not asked.

    Parameters
    ----------
    accuracy : float
        Least test accuracy, 0 to 1.
    below_float : float
        How far below the float network it may be, 0 to 1.
    not_below : str
        Name of an experiment that it must not be below.
    """

    accuracy: float | None = None
    below_float: float | None = None
    not_below: str | None = None


@dataclass(frozen=True)
class Experiment:
    """A row of the results table.

    Parameters
    ----------
    name : str
        The file's name without its suffix.
    title : str
    note : str
        What a reader must know about the row; may be empty.
    seeds : tuple of int
    goal : Goal
    tables : dict
        What `Task.from_tables` takes.
    """

    name: str
    title: str
    note: str
    seeds: tuple[int, ...]
    goal: Goal
    tables: dict[str, Any]

    def task(self, seed: int) -> Task:
        """Return what is trained for a seed."""
        return Task.from_tables(self.tables, seed)


@dataclass(frozen=True)
class Cell:
    """A point of a sweep's grid with a seed: the values of its axes by name, and what is trained there."""

    values: dict[str, Any]
    task: Task


@dataclass(frozen=True)
class Sweep:
    """A grid of trainings around an experiment: a study if it has an x axis, a search if not.

    Parameters
    ----------
    name : str
        The file's name without its suffix.
    title : str
    note : str
        What a reader must know about it; may be empty.
    seeds : tuple of int
    tables : dict
        What `Task.from_tables` takes, before the grid's values are put in.
    grid : dict
        A list of values for each axis. An axis is a value of ``[network]``, ``epochs``, or a value of another table
        such as ``dataset.pool``; axes joined by commas, such as ``weight_bits, weight_frac``, move together through a
        list of lists.
    x : str
        Axis to plot along; empty for a search.
    x_label : str
        What the x axis is called; the axis' name if it is empty.
    """

    name: str
    title: str
    note: str
    seeds: tuple[int, ...]
    tables: dict[str, Any]
    grid: dict[str, list[Any]]
    x: str = ""
    x_label: str = ""
    axes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(axis for joined in self.grid for axis in _axes(joined)))
        if self.x and self.x not in self.axes:
            raise BackspikeError(f"x must be an axis of the grid ({', '.join(self.axes)}), not {self.x!r}")

    def cells(self) -> Iterator[Cell]:
        """Yield every point of the grid with every seed: all points with the first seed come first.

        Raises
        ------
        BackspikeError
            A point is impossible.
        """
        steps = [[_step(joined, value) for value in values] for joined, values in self.grid.items()]
        for seed in self.seeds:
            for step in itertools.product(*steps):
                values = {axis: value for part in step for axis, value in part.items()}
                yield Cell(values, Task.from_tables(_changed(self.tables, values), seed))


def load_experiments(folder: Path) -> list[Experiment]:
    """Return all experiments of a folder, by name."""
    return [load_experiment(path) for path in _files(folder)]


def load_sweeps(folder: Path) -> list[Sweep]:
    """Return all sweeps of an experiments folder, those in ``studies/`` and those in ``searches/``, by name."""
    return [load_sweep(path) for part in ("studies", "searches") for path in sorted((folder / part).glob("*.toml"))]


def load_experiment(path: Path) -> Experiment:
    """Read the file of an experiment.

    Raises
    ------
    BackspikeError
        It cannot be read, or a value is unknown, missing or impossible; the message names the file.
    """
    values = read_toml(path)
    try:
        require_known(values, ("title", "note", "seeds", "goal", *_TASK), "an experiment")
        goal = take(values, "goal", dict, "an experiment", {})
        require_known(goal, ("accuracy", "below_float", "not_below"), "[goal]")
        experiment = Experiment(
            path.stem,
            take(values, "title", str, "an experiment"),
            take(values, "note", str, "an experiment", "").strip(),
            _seeds(values, "an experiment"),
            Goal(
                **{key: take(goal, key, str if key == "not_below" else float, "[goal]") for key in goal},
            ),
            {key: values[key] for key in _TASK if key in values},
        )
        experiment.task(experiment.seeds[0])
    except BackspikeError as error:
        raise BackspikeError(f"{path}: {error}") from error
    return experiment


def load_sweep(path: Path) -> Sweep:
    """Read the file of a sweep.

    Its base is either an ``experiment``, named by the path of its file, relative to this one, or the tables of one.
    Whatever it gives itself replaces what the experiment gives, in tables value by value.

    Raises
    ------
    BackspikeError
        It cannot be read, or a value is unknown, missing or impossible; the message names the file.
    """
    values = read_toml(path)
    try:
        require_known(values, ("title", "note", "seeds", "grid", "x", "x_label", "experiment", *_TASK), "a sweep")
        base: dict[str, Any] = {}
        if "experiment" in values:
            experiment = load_experiment(path.parent / take(values, "experiment", str, "a sweep"))
            base = {**experiment.tables, "seeds": list(experiment.seeds)}
        for key in ("seeds", *_TASK):
            if key in values:
                both_tables = isinstance(values[key], dict) and isinstance(base.get(key), dict)
                base[key] = {**base[key], **values[key]} if both_tables else values[key]
        grid = take(values, "grid", dict, "a sweep")
        for joined, points in grid.items():
            for value in take(grid, joined, list, "[grid]"):
                _step(joined, value)
            if not points:
                raise BackspikeError(f"{joined} of [grid] must have values")
        sweep = Sweep(
            path.stem,
            take(values, "title", str, "a sweep"),
            take(values, "note", str, "a sweep", "").strip(),
            _seeds(base, "a sweep"),
            {key: base[key] for key in _TASK if key in base},
            grid,
            take(values, "x", str, "a sweep", ""),
            take(values, "x_label", str, "a sweep", ""),
        )
        for _ in sweep.cells():
            pass
    except BackspikeError as error:
        raise BackspikeError(f"{path}: {error}") from error
    return sweep


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BackspikeError(f"there is no folder {folder} of experiments; name another one with --experiments")
    return sorted(folder.glob("*.toml"))


def _seeds(values: Mapping[str, Any], what: str) -> tuple[int, ...]:
    seeds = take(values, "seeds", list, what)
    valid = all(isinstance(seed, int) and not isinstance(seed, bool) and seed > 0 for seed in seeds)
    if not seeds or not valid or len(set(seeds)) < len(seeds):
        raise BackspikeError(f"seeds of {what} must be whole numbers from 1, each once, not {seeds!r}")
    return tuple(seeds)


def _axes(joined: str) -> list[str]:
    return [axis.strip() for axis in joined.split(",")]


def _step(joined: str, value: Any) -> dict[str, Any]:
    """Return the value of each of the axes that move together."""
    axes = _axes(joined)
    if len(axes) == 1:
        return {axes[0]: value}
    if not isinstance(value, list) or len(value) != len(axes):
        raise BackspikeError(f"{joined} of [grid] must have lists of {len(axes)} values, not {value!r}")
    return dict(zip(axes, value, strict=True))


def _changed(tables: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables with a point's values put in."""
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in tables.items()}
    for axis, value in values.items():
        table, _, key = axis.rpartition(".")
        if axis == "epochs":
            result["epochs"] = value
        elif table in ("", "network", "dataset", "baseline"):
            result.setdefault(table or "network", {})[key] = value
        else:
            raise BackspikeError(f"{axis} of [grid] is no value of network, dataset or baseline")
    return result
