"""The files of ``experiments/``: rows of the results table, and grids."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from backspike.datasets import locate_dataset
from backspike.errors import BackspikeError
from backspike.toml import read_toml, require_known, take

from .task import SEEDS, Task

__all__ = [
    "Cell",
    "Experiment",
    "Goal",
    "Sweep",
    "load_experiment",
    "load_experiments",
    "load_scenarios",
    "load_sweep",
    "load_sweeps",
]

_TASK = ("epochs", "dataset", "network", "baseline", "float_only", "scenario")

ON_CHIP = "on_chip"
"""Folder of the experiments with a scenario."""

CELLS = 100_000
"""Most trainings of a sweep."""


@dataclass(frozen=True)
class Goal:
    """What an experiment is to show, in the mean over its seeds; what is left out is not asked.

    Parameters
    ----------
    accuracy : float
        Least test accuracy, 0 to 1.
    below_float : float
        How far below the float network of equal epochs it may be, 0 to 1.
    below_both_floats : float
        How far below the better float network it may be, that of equal epochs or the one that is trained out, 0 to 1.
    not_below : str
        Name of an experiment that it must not be below.
    """

    accuracy: float | None = None
    below_float: float | None = None
    below_both_floats: float | None = None
    not_below: str | None = None

    def __post_init__(self) -> None:
        for name in ("accuracy", "below_float", "below_both_floats"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise BackspikeError(f"{name} of [goal] must be a number from 0 to 1, not {value:g}")


@dataclass(frozen=True)
class Experiment:
    """A row of the results table.

    Parameters
    ----------
    name : str
        The file's name without its suffix, after ``on_chip/`` if it is in such a folder.
    title : str
    note : str
        What a reader must know about the row; may be empty.
    chosen_on : str
        On what samples its settings were chosen; may be empty.
    seeds : tuple of int
    goal : Goal
    tables : dict
        What `Task.from_tables` takes.
    """

    name: str
    title: str
    note: str
    chosen_on: str
    seeds: tuple[int, ...]
    goal: Goal
    tables: dict[str, Any]

    def task(self, seed: int) -> Task:
        """Return what is trained for a seed."""
        return Task.from_tables(self.tables, seed)

    def chosen(self, seeds: Sequence[int]) -> tuple[int, ...]:
        """Return seeds of the experiment, each once; all of them if none are named.

        Raises
        ------
        BackspikeError
            A seed is none of the experiment's.
        """
        for seed in seeds:
            if seed not in self.seeds:
                listed = ", ".join(map(str, self.seeds))
                raise BackspikeError(f"seed {seed} is none of experiment {self.name}, which has {listed}")
        return tuple(dict.fromkeys(seeds or self.seeds))


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
        list of lists. What cannot change a result, such as ``lanes``, is no axis, and neither is the seed.
    x : str
        Axis to plot along; empty for a search.
    x_label : str
        What the x axis is called; the axis' name if it is empty.

    Raises
    ------
    BackspikeError
        A point is impossible, or trains the same as another one; the grid has an axis that is none, or too many points.
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
        for joined, values in self.grid.items():
            if not values:
                raise BackspikeError(f"{joined} of [grid] must have values")
            for number, value in enumerate(values):
                _step(joined, value)
                if value in values[:number]:
                    raise BackspikeError(f"{joined} of [grid] has {value!r} more than once")
        object.__setattr__(self, "axes", tuple(axis for joined in self.grid for axis in _axes(joined)))
        places = [_place(axis) for axis in self.axes]
        for axis, place in zip(self.axes, places, strict=True):
            if places.count(place) > 1:
                raise BackspikeError(f"{axis} of [grid] is there more than once")
        if self.x and "scenario" in self.tables:
            raise BackspikeError("x is for studies; of a scenario there are searches alone")
        if self.x and self.x not in self.axes:
            raise BackspikeError(f"x must be an axis of the grid ({', '.join(self.axes)}), not {self.x!r}")
        count = math.prod(map(len, self.grid.values())) * len(self.seeds)
        if count > CELLS:
            raise BackspikeError(f"[grid] must have at most {CELLS:,} points with all seeds, not {count:,}")
        self._check_points()

    def cells(self) -> Iterator[Cell]:
        """Yield every point of the grid with every seed: all points with the first seed come first."""
        for seed in self.seeds:
            yield from self._cells_of_seed(seed)

    def _cells_of_seed(self, seed: int) -> Iterator[Cell]:
        steps = [[_step(joined, value) for value in values] for joined, values in self.grid.items()]
        for step in itertools.product(*steps):
            values = {axis: value for part in step for axis, value in part.items()}
            yield Cell(values, Task.from_tables(_changed(self.tables, values), seed))

    def _check_points(self) -> None:
        """Raise `BackspikeError` unless every axis decides the result, and every point is a training of its own."""
        known: dict[str, Cell] = {}
        for cell in self._cells_of_seed(self.seeds[0]):
            decisive = cell.task.decisive
            for axis in self.axes:
                table, key = _place(axis)
                if table == "network" and key not in ("preset", *decisive):
                    what = "a float network's result" if cell.task.float_only else "a result"
                    raise BackspikeError(
                        f"{axis} of [grid] cannot be an axis, since it does not change {what}; "
                        f"of [network] these do: {', '.join(decisive)}"
                    )
            twin = known.setdefault(cell.task.key, cell)
            if twin is not cell:
                differing = [axis for axis in self.axes if twin.values[axis] != cell.values[axis]]
                one, other = (
                    ", ".join(f"{axis} = {point.values[axis]!r}" for axis in differing) for point in (twin, cell)
                )
                raise BackspikeError(f"{one} and {other} of [grid] are the same training; leave one of them out")


def load_experiments(folder: Path) -> list[Experiment]:
    """Return all experiments of a folder, by name, without those in folders of it."""
    return [load_experiment(path) for path in _files(folder)]


def load_scenarios(folder: Path) -> list[Experiment]:
    """Return the experiments in ``on_chip/`` of an experiments folder, by name: those with a scenario."""
    return [load_experiment(path) for path in sorted((folder / ON_CHIP).glob("*.toml"))]


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
        require_known(values, ("title", "note", "chosen_on", "seeds", "goal", *_TASK), "an experiment")
        goal = take(values, "goal", dict, "an experiment", {})
        require_known(goal, [field.name for field in fields(Goal)], "[goal]")
        experiment = Experiment(
            f"{ON_CHIP}/{path.stem}" if path.parent.name == ON_CHIP else path.stem,
            _title(values, "an experiment"),
            take(values, "note", str, "an experiment", "").strip(),
            _line(take(values, "chosen_on", str, "an experiment", ""), "chosen_on of an experiment"),
            _seeds(values, "an experiment"),
            Goal(
                **{key: take(goal, key, str if key == "not_below" else float, "[goal]") for key in goal},
            ),
            _located({key: values[key] for key in _TASK if key in values}, path.parent),
        )
        scenario = experiment.task(experiment.seeds[0]).scenario
        if scenario and goal:
            raise BackspikeError("a scenario has no goal: [goal] and [scenario] cannot both be given")
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
        values = _located(values, path.parent)
        for key in ("seeds", *_TASK):
            if key in values:
                both_tables = isinstance(values[key], dict) and isinstance(base.get(key), dict)
                base[key] = {**base[key], **values[key]} if both_tables else values[key]
        grid = take(values, "grid", dict, "a sweep")
        for joined in grid:
            grid[joined] = _located_steps(joined, take(grid, joined, list, "[grid]"), path.parent)
        return Sweep(
            path.stem,
            _title(values, "a sweep"),
            take(values, "note", str, "a sweep", "").strip(),
            _seeds(base, "a sweep"),
            {key: base[key] for key in _TASK if key in base},
            grid,
            take(values, "x", str, "a sweep", ""),
            take(values, "x_label", str, "a sweep", ""),
        )
    except BackspikeError as error:
        raise BackspikeError(f"{path}: {error}") from error


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BackspikeError(f"there is no folder {folder} of experiments; name another one with --experiments")
    return sorted(folder.glob("*.toml"))


def _title(values: Mapping[str, Any], what: str) -> str:
    return _line(take(values, "title", str, what), f"title of {what}")


def _line(text: str, what: str) -> str:
    if not text.isprintable():
        raise BackspikeError(f"{what} must be one line of text, not {text!r}")
    return text


def _seeds(values: Mapping[str, Any], what: str) -> tuple[int, ...]:
    seeds = take(values, "seeds", list, what)
    valid = all(isinstance(seed, int) and not isinstance(seed, bool) and seed in SEEDS for seed in seeds)
    if not seeds or not valid or len(set(seeds)) < len(seeds):
        raise BackspikeError(
            f"seeds of {what} must be whole numbers from {SEEDS.start} to {SEEDS.stop - 1}, each once, not {seeds!r}"
        )
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


def _place(axis: str) -> tuple[str, str]:
    """Return the table of an axis, empty for what is in none, and its name there."""
    table, dot, key = axis.rpartition(".")
    if axis == "epochs":
        return "", axis
    if key == "seed" and table in ("", "network"):
        raise BackspikeError(f"{axis} of [grid] cannot be an axis; every point is trained with each of seeds = [...]")
    if not key or (dot and table not in ("network", "dataset", "baseline", "scenario")):
        raise BackspikeError(f"{axis!r} of [grid] is no value of network, dataset, baseline or scenario")
    return table or "network", key


def _located(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the values of a file with the path of its dataset, if it is one, taken from the file's folder."""
    dataset = values.get("dataset")
    if not isinstance(dataset, dict) or not isinstance(dataset.get("name"), str):
        return dict(values)
    return {**values, "dataset": {**dataset, "name": locate_dataset(dataset["name"], folder)}}


def _located_steps(joined: str, steps: list[Any], folder: Path) -> list[Any]:
    """Do what `_located` does for the values of an axis of a grid."""

    def located(axis: str, value: Any) -> Any:
        return locate_dataset(value, folder) if axis == "dataset.name" and isinstance(value, str) else value

    axes = _axes(joined)
    if len(axes) == 1:
        return [located(joined, value) for value in steps]
    # Steps of another kind or length are refused where they are taken.
    return [[*map(located, axes, step), *step[len(axes) :]] if isinstance(step, list) else step for step in steps]


def _changed(tables: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables with a point's values put in."""
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in tables.items()}
    for axis, value in values.items():
        table, key = _place(axis)
        if table:
            result.setdefault(table, {})[key] = value
        else:
            result[key] = value
    return result
