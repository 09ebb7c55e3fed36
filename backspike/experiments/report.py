"""The results page: tables and pictures, made of the files in ``results/`` and nothing else."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

from backspike.errors import BackspikeError
from backspike.files import write_atomic
from backspike.training.trained_out import (
    BATCHES,
    LARGE,
    MOST_EPOCHS,
    PATIENCE,
    RATE_DECAY,
    RATES,
    SMOOTHED,
    VALIDATION,
)

from .definitions import Cell, Experiment, Sweep, load_experiments, load_scenarios, load_sweeps
from .plots import (
    Curve,
    Line,
    ScenarioLine,
    curves_picture,
    rates_picture,
    scenario_picture,
    softmax_picture,
    study_picture,
    updates_picture,
    upsets_picture,
)
from .results import read_result, sweep_results
from .scenario import NETWORKS
from .softmax import read_softmax, softmax_path
from .spikes import CORRELATED_DRAWS, LAGS, RATE_VALUES, read_spikes, spikes_path
from .trained_out import TrainedOutRecord
from .upsets import read_upsets, upsets_path
from .work import dense_work, inference_work, training_work

__all__ = ["write_report"]

BEST = 12
"""Points of a search that the page shows."""

HELD_OUT = "samples that were held out of those to train on"

Results = list[dict[str, Any]]


def write_report(experiments: Path, results: Path, docs: Path) -> list[Path]:
    """Write ``results.md`` and its pictures in ``images/``; return the files.

    Parameters
    ----------
    experiments : Path
        Folder of the experiments' files, which give titles, goals and grids.
    results : Path
        Folder of their results.
    docs : Path
        Folder for the page.

    Raises
    ------
    BackspikeError
        A file cannot be read, is damaged, or cannot be written.
    """
    page = _Page(docs)
    trained_out = TrainedOutRecord(results)
    found_rows = [
        _Row(
            found,
            [r for seed in found.seeds if (r := read_result(results, found, seed))],
            trained_out.beside([found.task(seed) for seed in found.seeds]),
        )
        for found in [*load_experiments(experiments), *load_scenarios(experiments)]
    ]
    rows = [row for row in found_rows if "scenario" not in row.experiment.tables]
    scenarios = [row for row in found_rows if "scenario" in row.experiment.tables]
    sweeps = [(sweep, _points(sweep, results, trained_out)) for sweep in load_sweeps(experiments)]
    page.add(
        "# Results",
        f"Made by `backspike experiment report` from `{results.resolve().name}/`; not written by hand. "
        "All accuracies are those of the test samples after the last epoch, unless it says otherwise, of the golden "
        "model, whose integers are the hardware's; `±` is the standard deviation over the seeds. There are two float "
        "networks of the same layers beside a spiking one. That of **equal epochs** has the same dropout, samples, "
        "order and epochs, and a search of its own, shown below. The one that is **trained out** learns on a schedule "
        "of its own, for as long as a validation part gains by it.",
    )
    _accuracies(page, rows, relpath(experiments, docs))
    _trained_out(page, rows)
    _work(page, rows)
    _studies(page, [(sweep, points) for sweep, points in sweeps if sweep.x and points])
    _scenarios(page, scenarios, relpath(experiments, docs))
    _softmax(page, results)
    _spikes(page, results)
    _upsets(page, results)
    _searches(page, [(sweep, points) for sweep, points in sweeps if not sweep.x and points])
    _origin(
        page,
        [
            *(result for row in found_rows for result in row.results),
            *(result for _, points in sweeps for point in points for result in point.results),
            *{r["key"]: r for row in found_rows for r in row.trained_out}.values(),
        ],
    )
    return page.write()


class _Page:
    """Paragraphs and pictures, written in the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paragraphs: list[str] = []
        self._pictures: dict[str, bytes] = {}

    def add(self, *paragraphs: str) -> None:
        self._paragraphs += [paragraph for paragraph in paragraphs if paragraph]

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        lines = [head, ["---"] * len(head), *rows]
        self.add("\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines))

    def picture(self, name: str, caption: str, content: bytes) -> None:
        self._pictures[f"{name}.svg"] = content
        self.add(f"![{caption}](images/{name}.svg)")

    def write(self) -> list[Path]:
        written = []
        for name, content in self._pictures.items():
            written.append(self._folder / "images" / name)
            write_atomic(written[-1], content)
        written.append(self._folder / "results.md")
        write_atomic(written[-1], ("\n\n".join(self._paragraphs) + "\n").encode())
        return written


@dataclass(frozen=True)
class _Row:
    """An experiment and the results of its seeds."""

    experiment: Experiment
    results: Results
    trained_out: Results

    def values(self, key: str) -> list[float]:
        return [result[key] for result in self.results]

    @property
    def curves(self) -> list[list[float]]:
        return [result["test_curve"] for result in self.results]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values("test_accuracy"))

    @property
    def float_mean(self) -> float:
        return statistics.fmean(self.values("float_accuracy"))

    @property
    def trained_out_mean(self) -> float | None:
        return _mean_accuracy(self.trained_out)


def _accuracies(page: _Page, rows: Sequence[_Row], folder: str) -> None:
    page.add("## Accuracy")
    by_name = {row.experiment.name: row for row in rows}
    table = []
    for row in rows:
        experiment, network = row.experiment, row.experiment.task(row.experiment.seeds[0]).network
        cells = [
            f"{experiment.title} ([`{experiment.name}`]({folder}/{experiment.name}.toml))",
            f"{network.weight_bits} bits",
            str(network.ticks),
            str(experiment.task(experiment.seeds[0]).epochs),
        ]
        if row.results:
            cells += [
                _with_deviation(row.values("test_accuracy")),
                _with_deviation(row.values("float_accuracy")),
                f"{100 * (row.mean - row.float_mean):+.2f}",
                *_beside_trained_out(row.mean, row.trained_out),
                f"{statistics.median(s for result in row.results for s in result['epoch_seconds']):.1f}",
                _count(row),
                _verdict(row, by_name),
            ]
        else:
            cells += ["", "", "", *_beside_trained_out(None, row.trained_out), "", _count(row), "not run"]
        table.append([*cells, experiment.chosen_on])
    page.table(
        [
            "data, network", "weights", "T", "epochs", "spiking, %", "float, equal epochs, %", "difference",
            "float, trained out, %", "difference", "seconds per epoch", "seeds", "goal", "settings chosen on",
        ],
        table,
    )  # fmt: skip
    if any(row.experiment.chosen_on for row in rows):
        page.add(
            "Settings that were chosen on test samples flatter a row, and the search of the float network of equal "
            "epochs looked at them too. The schedules of the float networks that are trained out were not chosen on "
            "them.",
        )
    page.add("\n".join(f"- `{row.experiment.name}`: {row.experiment.note}" for row in rows if row.experiment.note))
    finished = [row for row in rows if row.results]
    if finished:
        curves = [
            Curve(
                row.experiment.title,
                row.curves,
                row.float_mean,
                row.trained_out_mean,
            )
            for row in finished
        ]
        page.picture("curves", "Test accuracy against epochs: mean and range over the seeds", curves_picture(curves))


def _verdict(row: _Row, by_name: Mapping[str, _Row]) -> str:
    """Say of each part of the goal whether it is met; in the mean of the seeds there are."""
    goal = row.experiment.goal
    parts: list[tuple[str, bool | None]] = []
    if goal.accuracy is not None:
        parts.append((f"≥ {100 * goal.accuracy:g} %", row.mean >= goal.accuracy))
    if goal.below_float is not None:
        difference = row.float_mean - row.mean
        parts.append((f"≤ {100 * goal.below_float:g} below float", difference <= goal.below_float))
    if goal.below_both_floats is not None:
        best = row.trained_out_mean
        met = None if best is None else max(best, row.float_mean) - row.mean <= goal.below_both_floats
        parts.append((f"≤ {100 * goal.below_both_floats:g} below both floats", met))
    if goal.not_below is not None:
        other = by_name.get(goal.not_below)
        if other is None:
            raise BackspikeError(f"experiment {row.experiment.name}: there is no experiment {goal.not_below!r}")
        parts.append((f"≥ `{goal.not_below}`", row.mean >= other.mean if other.results else None))
    said = {True: "met", False: "**missed**", None: "not known"}
    return ", ".join(f"{part}: {said[met]}" for part, met in parts)


def _beside_trained_out(mean: float | None, found: Results) -> list[str]:
    """Return the accuracy of float networks that are trained out, and how far another mean is from theirs."""
    best = _mean_accuracy(found)
    if best is None:
        return ["", ""]
    accuracies = _with_deviation([result["test_accuracy"] for result in found])
    return [accuracies, "" if mean is None else f"{100 * (mean - best):+.2f}"]


def _mean_accuracy(found: Results) -> float | None:
    return statistics.fmean(result["test_accuracy"] for result in found) if found else None


def _trained_out(page: _Page, rows: Sequence[_Row]) -> None:
    networks: dict[str, tuple[list[str], Results]] = {}
    for row in rows:
        for result in row.trained_out:
            names, found = networks.setdefault(json.dumps({**result["task"], "seed": 0}), ([], []))
            if row.experiment.name not in names:
                names.append(row.experiment.name)
            if result not in found:
                found.append(result)
    if not networks:
        return
    page.add(
        "## Float networks trained out",
        "`backspike experiment float` trains them: ReLU, up to "
        f"{BATCHES[1]} samples a step, the rate times {RATE_DECAY:g} an epoch. One in {VALIDATION} of the samples to "
        f"train on is held out. On the others a network learns until the accuracy on these, the mean of {SMOOTHED} "
        f"epochs, has not improved for {PATIENCE}, and for {MOST_EPOCHS} at most: by Adam with a rate of "
        f"{RATES['adam']:g}, and twice or half of that for as long as it is better; then with another dropout. Of less "
        f"than {LARGE:,} samples gradient descent with momentum is tried in the same way. The best of these trials "
        "gives the schedule, with which a network for each seed learns all samples to train on. The test samples are "
        "used once, after that.",
    )
    page.table(
        [
            "experiments", "layers", "optimiser, rate, dropout / 256, epochs", "validation, %", "test, %", "seeds",
            "trained on, tested on",
        ],
        [
            [
                ", ".join(f"`{name}`" for name in names),
                "-".join(map(str, found[0]["task"]["layers"])),
                "; ".join(dict.fromkeys(_schedule(result["schedule"]) for result in found)),
                _with_deviation([*{r["chosen_with_seed"]: r["validation_accuracy"] for r in found}.values()]),
                _with_deviation([result["test_accuracy"] for result in found]),
                str(len(found)),
                f"{found[0]['train_samples']:,}, {found[0]['test_samples']:,}",
            ]
            for names, found in networks.values()
        ],
    )  # fmt: skip


def _schedule(schedule: dict[str, Any]) -> str:
    return f"{schedule['optimiser']}, {schedule['rate']:g}, {schedule['dropout']}, {schedule['epochs']}"


def _work(page: _Page, rows: Sequence[_Row]) -> None:
    table = []
    for row in rows:
        if not row.results:
            continue
        layers = row.results[0]["task"]["network"]["layers"]
        dense = dense_work(layers)
        for mode, work, products in (
            ("training", training_work(row.results), dense.training),
            ("inference", inference_work(row.results), dense.inference),
        ):
            table.append(
                [
                    f"`{row.experiment.name}`" if mode == "training" else "",
                    mode,
                    f"{work.ticks:.1f}",
                    f"{100 * work.error_ticks / work.ticks:.1f} %",
                    ", ".join(f"{rows:,.0f}" for rows in work.rows),
                    f"{work.reads:,.0f}",
                    f"{work.writes:,.0f}",
                    f"{products:,}",
                    f"{work.reads / products:.2f}",
                ]
            )
    if not table:
        return
    page.add(
        "## Operations and memory accesses",
        "Counted while the networks above were trained (all epochs) and tested (after the last one), for a sample in "
        "the mean. A row is visited when its unit spikes, or when an error wants it; it is read once, and each synapse "
        "read is one addition of few bits. Beside them the multiplications of the dense float network at batch size 1: "
        "forward in inference; forward, weight gradients and error passed back in training. Each of those reads a "
        "weight too, and training writes every weight once. Counts are not energy: what an access or an addition "
        "costs depends on the chip.",
    )
    page.table(
        [
            "experiment", "mode", "ticks", "of them with an error", "rows visited, by layer", "synapses read",
            "synapses written", "float multiplications", "reads / multiplications",
        ],
        table,
    )  # fmt: skip


@dataclass(frozen=True)
class _Point:
    """A point of a grid: its values by axis, the results of its seeds, and the float networks trained out beside it."""

    values: dict[str, Any]
    results: Results
    trained_out: Results


def _points(sweep: Sweep, results: Path, trained_out: TrainedOutRecord) -> list[_Point]:
    """Return each point of a grid that has results."""
    known = sweep_results(results, sweep)
    cells: dict[str, list[Cell]] = defaultdict(list)
    for cell in sweep.cells():
        cells[json.dumps(cell.values)].append(cell)
    points = []
    for seeds in cells.values():
        found = [known[cell.task.key] for cell in seeds if cell.task.key in known]
        if found:
            best = [] if seeds[0].task.float_only else trained_out.beside([cell.task for cell in seeds])
            points.append(_Point(seeds[0].values, found, best))
    return points


def _studies(page: _Page, studies: Sequence[tuple[Sweep, list[_Point]]]) -> None:
    if studies:
        page.add("## Studies")
    for sweep, points in studies:
        page.add(f"### {sweep.title}", sweep.note, _samples(sweep, points))
        # Axes that move together with x are told by it.
        joined = next(key for key in sweep.grid if sweep.x in [axis.strip() for axis in key.split(",")])
        with_x = [axis.strip() for axis in joined.split(",")]
        others = [axis for axis in sweep.axes if axis not in with_x]
        lines: dict[str, list[_Point]] = defaultdict(list)
        for point in points:
            lines[", ".join(f"{axis} {_value(point.values[axis])}" for axis in others)].append(point)
        drawn = [_line(label, sweep.x, part) for label, part in lines.items()]
        layers = points[0].results[0]["task"]["network"]["layers"]
        dense = dense_work(layers)
        label = sweep.x_label or sweep.x
        page.picture(
            f"study-{sweep.name}",
            f"{sweep.title}: accuracy and synapses read",
            study_picture(sweep.title, label, drawn, (dense.inference, dense.training)),
        )
        table = []
        for point in points:
            found = point.results
            training, inference = training_work(found), inference_work(found)
            table.append(
                [_value(point.values[axis]) for axis in sweep.axes]
                + [
                    _with_deviation([result["test_accuracy"] for result in found]),
                    _with_deviation([result["float_accuracy"] for result in found]),
                    _beside_trained_out(None, point.trained_out)[0],
                    str(len(found)),
                    f"{training.ticks:.1f}",
                    f"{inference.ticks:.1f}",
                    f"{training.reads:,.0f}",
                    f"{training.writes:,.0f}",
                    f"{inference.reads:,.0f}",
                ]
            )
        head = [f"`{axis}`" for axis in sweep.axes]
        page.table(
            [
                *head, "spiking, %", "float, equal epochs, %", "float, trained out, %", "seeds", "ticks, training",
                "ticks, inference", "synapses read, training", "written, training", "read, inference",
            ],
            table,
        )  # fmt: skip


def _line(label: str, x: str, points: Sequence[_Point]) -> Line:
    values = [point.values[x] for point in points]
    found = [point.results for point in points]
    return Line(
        label,
        [value if isinstance(value, int | float) else _value(value) for value in values],
        [statistics.fmean(r["test_accuracy"] for r in seeds) for seeds in found],
        [_deviation([r["test_accuracy"] for r in seeds]) for seeds in found],
        [statistics.fmean(r["float_accuracy"] for r in seeds) for seeds in found],
        [_mean_accuracy(point.trained_out) for point in points],
        [training_work(seeds).reads for seeds in found],
        [inference_work(seeds).reads for seeds in found],
    )


def _scenarios(page: _Page, rows: Sequence[_Row], folder: str) -> None:
    if not rows:
        return
    page.add(
        "## Learning on, on the chip",
        "Networks that meet a change after their training, and learn on from one sample at a time: the spiking one in "
        "the integers of the hardware, and the float network beside it, with a step of its own for each sample. What "
        "this shows, and what it does not, is in [on_chip.md](on_chip.md). The numbers are accuracies in %, in the "
        "mean of the seeds with their standard deviation; **trained** is before the change, on the classes that were "
        "trained, **frozen** is with the change and nothing learned since, at the last test; then after so many "
        "samples.",
    )
    for row in rows:
        experiment = row.experiment
        task = experiment.task(experiment.seeds[0])
        assert task.scenario
        # No link in the heading: Sphinx takes it for one of its table of contents.
        link = f"Experiment [`{experiment.name}`]({folder}/{experiment.name}.toml)."
        page.add(f"### {experiment.title}", link, experiment.note)
        if not row.results:
            page.add(f"Not run: `backspike experiment run {experiment.name}`.")
            continue
        after = task.scenario.after
        page.add(
            f"{task.dataset}, {'-'.join(map(str, task.network.layers))}, trained for {task.epochs} epochs; seeds: "
            f"{_count(row)}. Learning rates since the change are {', '.join(map(str, task.scenario.rates))} of 256, "
            f"and a step of {task.scenario.float_rate:g} for the float network."
        )
        lines, table = [], []
        for number, case in enumerate(task.scenario.cases):
            for test in task.scenario.tests(case):
                for network in NETWORKS:
                    found = [result["scenario"]["cases"][number][test] for result in row.results]
                    learning = [list(moment) for moment in zip(*(f["learning"][network] for f in found), strict=True)]
                    frozen = [list(moment) for moment in zip(*(f["frozen"][network] for f in found), strict=True)]
                    lines.append(
                        ScenarioLine(
                            case.label,
                            test,
                            network,
                            [statistics.fmean(moment) for moment in learning],
                            [_deviation(moment) for moment in learning],
                            [statistics.fmean(moment) for moment in frozen],
                        )
                    )
                    before = [result["scenario"]["before"][network][0] for result in row.results]
                    table.append(
                        [
                            case.label,
                            test,
                            network,
                            f"{100 * statistics.fmean(before):.1f}",
                            *(_short(moment) for moment in (frozen[-1], *learning)),
                        ]
                    )
        name = experiment.name.replace("/", "-").replace("_", "-")
        page.picture(
            name,
            f"{experiment.title}: accuracy against samples learned",
            scenario_picture(experiment.title, task.scenario.x_label, after, lines),
        )
        page.table(["case", "test", "network", "trained", "frozen", *map(str, after)], table)


def _short(accuracies: Sequence[float]) -> str:
    return f"{100 * statistics.fmean(accuracies):.1f} ± {100 * _deviation(accuracies):.1f}"


def _softmax(page: _Page, results: Path) -> None:
    if not softmax_path(results).exists():
        return
    content = read_softmax(results)
    page.add(
        "## The winner-take-all as a softmax",
        f"Ten classes at fixed random potentials, {content['draws']:,} races each (seed {content['seed']}, "
        "`backspike experiment softmax`). The distance is the total variation, half the sum of absolute differences: "
        "0 is equal, 1 is disjoint. That of the table is exact, for draws that are equally likely; it is what the grid "
        "of the weights' LSB and of the table's entries costs. That of the draws has the chance of so many "
        "draws in it, which an ideal softmax would have too.",
    )
    page.picture("softmax", "How often each class wins, and its softmax", softmax_picture(content["cases"]))
    page.table(
        ["fraction bits F", "temperature", "distance of the table", "of the draws", "of as many ideal draws"],
        [
            [
                str(case["weight_frac"]),
                f"{case['temperature']:g}",
                f"{case['table_distance']:.5f}",
                f"{case['draws_distance']:.5f}",
                f"{case['ideal_distance']:.5f}",
            ]
            for case in content["cases"]
        ],
    )


def _spikes(page: _Page, results: Path) -> None:
    if not spikes_path(results).exists():
        return
    content = read_spikes(results)
    page.add(
        "## Spike trains",
        f"Of the golden model's LFSRs, seed {content['seed']} (`backspike experiment spikes`). **Rates**: how "
        "far an input's spikes in so many ticks are from its value / 256, beside what independent draws come to, "
        "sqrt(p (1 - p) / T).",
    )
    page.picture("rates", "Error of the rate against its value", rates_picture(content["rates"], RATE_VALUES))
    page.add(
        "**Correlations** of the spikes of eight input LFSRs, at rates of 1/16 and 1/2, with those of the others and "
        f"their own, up to {LAGS} draws later: coefficients in units of 1 / sqrt({CORRELATED_DRAWS:,}), the deviation "
        "of independent draws. Registers of 16 bits run through one sequence of 65,535 states, and these draws are "
        "half of it: those that begin near each other draw the same, some draws later. Of 64 bits, some that are "
        "seeded one after the other are correlated by 0.08, four draws apart and at the rate of 1/16: the polynomials "
        "that seed and run them differ in one exponent. Of the other widths nothing stands out."
    )
    page.table(
        ["`lfsr_bits`", "pairs", "root mean square", "largest", "largest of as many independent ones"],
        [
            [
                str(case["lfsr_bits"]),
                f"{case['pairs']:,}",
                f"{case['rms']:.3f}",
                f"{case['largest']:.2f}",
                f"{case['expected']:.2f}",
            ]
            for case in content["correlations"]
        ],
    )
    page.add(
        "**Updates** beside those of backpropagation in floats: a network that has learned an epoch is shown each of "
        f"{content['samples']} samples with the same weights, which have so many fraction bits that a sample hardly "
        "moves them. What it adds to them a tick is compared with the negative gradient of the network that has rates "
        "in the place of spikes, in the same units: nothing is scaled to fit. The cosine of a sample has the noise of "
        "its ticks. That of the mean update of all samples, the gain along the gradient, and the bias, the distance "
        "from it as a part of its length, are freed of noise by two independent runs: what is left is that a neuron's "
        "gate and the softmax meet a potential that moves from tick to tick. It is less where the membrane averages "
        "longer, if there are ticks enough for it to do so; with very many ticks, a sample does move its weights. Some "
        "noise is left in an estimate of so many samples: it can make a cosine come out above 1."
    )
    page.picture("updates", "Updates and the gradient, against ticks", updates_picture(content["updates"]))
    page.table(
        ["data", "leak", "T", "layer", "cosine, a sample", "cosine, mean", "gain", "bias"],
        [
            [
                case["dataset"],
                str(case["leak"]),
                str(case["ticks"]),
                str(number),
                *(f"{layer[key]:.3f}" for key in ("cosine", "mean_cosine", "gain", "bias")),
            ]
            for case in content["updates"]
            for number, layer in enumerate(case["layers"], start=1)
        ],
    )


def _upsets(page: _Page, results: Path) -> None:
    if not upsets_path(results).exists():
        return
    content = read_upsets(results)
    page.add(
        "## Upsets",
        f"Accuracy of `{content['preset']}` on {content['dataset']}, trained for {content['epochs']} epochs, seeds "
        f"{', '.join(map(str, content['seeds']))}, when bits flip, as radiation flips them (`backspike experiment "
        "upsets`): a part of all bits of the weights, or of the LFSRs, at once after the training, or one by "
        "one during it. Undisturbed it is "
        f"{100 * content['undisturbed']:.2f} %. What single upsets do to a whole board is in "
        "[verification.md](verification.md).",
    )
    page.picture("upsets", "Accuracy against upsets", upsets_picture(content))
    page.table(
        ["bits flipped", *(line["label"] for line in content["lines"])],
        [
            [
                f"{100 * share:g} %",
                *(
                    f"{100 * line['accuracy'][number]:.2f} ± {100 * line['deviation'][number]:.2f}"
                    for line in content["lines"]
                ),
            ]
            for number, share in enumerate(content["shares"])
        ],
    )


def _searches(page: _Page, searches: Sequence[tuple[Sweep, list[_Point]]]) -> None:
    if searches:
        page.add(
            "## Searches",
            "How settings were found: every point that was tried counts, the best are shown. What was chosen by the "
            "accuracy on test samples is flattered by it; it is said of each search what samples it looked at.",
        )
    for sweep, points in searches:
        key = "float_accuracy" if sweep.tables.get("float_only") else "test_accuracy"
        ranked = sorted(points, key=lambda point: -statistics.fmean(result[key] for result in point.results))
        seeds = sum(len(point.results) for point in points)
        page.add(f"### {sweep.title}", sweep.note, f"{len(points)} points, {seeds} trainings, {_judged(sweep)}.")
        # In a scenario each network has settings of its own.
        shown = (
            {"spiking, %": key, "float, %": "float_accuracy"} if "scenario" in sweep.tables else {"accuracy, %": key}
        )
        page.table(
            [*(f"`{axis}`" for axis in sweep.axes), *shown, "seeds"],
            [
                [_value(point.values[axis]) for axis in sweep.axes]
                + [_with_deviation([result[each] for result in point.results]) for each in shown.values()]
                + [str(len(point.results))]
                for point in ranked[:BEST]
            ],
        )


def _judged(sweep: Sweep) -> str:
    """Say by what samples a search judges."""
    return f"judged by {HELD_OUT if _holds_out(sweep) else 'the **test samples**'}"


def _samples(sweep: Sweep, points: Sequence[_Point]) -> str:
    """Say what samples a study is about, unless it learns all there are to train on, and tests those to test on."""
    settings = [cell.task.dataset_settings for cell in sweep.cells()]
    held_out = _holds_out(sweep)
    if not held_out and not any("train" in each for each in settings):
        return ""
    results = [result for point in points for result in point.results]
    learned = sorted({result["training"]["samples"] // result["task"]["epochs"] for result in results})
    tested = sorted({result["test"]["samples"] for result in results})
    of = HELD_OUT if held_out else "test samples"
    return f"{_range(learned)} samples are learned; accuracies are those of {_range(tested)} {of}."


def _range(counts: Sequence[int]) -> str:
    """Return counts in words: the only one, or the first and the last."""
    return " to ".join(f"{count:,}" for count in dict.fromkeys([counts[0], counts[-1]]))


def _holds_out(sweep: Sweep) -> bool:
    """Return whether no point of a sweep looks at the test samples."""
    return all(cell.task.dataset_settings.get("validation", 0) != 0 for cell in sweep.cells())


def _origin(page: _Page, results: Results) -> None:
    """Say on what all this was computed."""
    machines: dict[str, float] = defaultdict(float)
    for result in results:
        made = result["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
        machines[f"{made['processor']}, {made['cores']} cores, {made['system']}; {versions}"] += result["seconds"]
    if machines:
        page.add(
            "## Machines", "\n".join(f"- {name}: {seconds / 3600:.1f} hours" for name, seconds in machines.items())
        )


def _count(row: _Row) -> str:
    have, want = len(row.results), len(row.experiment.seeds)
    return str(have) if have == want else f"{have} of {want}"


def _with_deviation(accuracies: Sequence[float]) -> str:
    mean = f"{100 * statistics.fmean(accuracies):.2f}"
    return f"{mean} ± {100 * _deviation(accuracies):.2f}" if len(accuracies) > 1 else mean


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "-".join(_value(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
