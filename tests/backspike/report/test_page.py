"""The page: what is in it, what is said of what is not, and that no name of a user's is more than text."""

from __future__ import annotations

import base64
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.report import training_section
from backspike.report.training_section import CLASSES
from backspike.training.trainer import train
from tests.backspike.test_cli import refused

TRAINING = [
    "In short", "Learning curves", "Beside the float network", "Confusion matrix", "Worst samples",
    "Receptive fields of the hidden units", "Raster of one sample", "Synaptic operations", "Early exit",
]  # fmt: skip
BUILD = ["Resources", "Timing", "The whole report"]


class Page(HTMLParser):
    """What a page has: headings, texts, pictures, and whatever an attribute may load."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.headings: list[str] = []
        self.loaded: list[str] = []
        self.alternatives: list[str | None] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.words = ""
        self.cells: list[list[str]] = []
        self.styles = ""
        self._inside: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes) -> None:
        found = dict(attributes)
        self.tags.append(tag)
        if tag not in ("img", "meta", "link", "br"):
            self._inside.append(tag)
        self.loaded += [found[name] for name in ("src", "data", "srcset", "poster", "action") if name in found]
        if tag == "link":
            self.loaded.append(found["href"])
        elif "href" in found:
            self.targets.append(found["href"])
        if tag == "img":
            self.alternatives.append(found.get("alt"))
        if "id" in found:
            self.ids.append(found["id"])
        if tag in ("h2", "h3"):
            self.headings.append("")
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        self.styles += found.get("style", "")

    def handle_endtag(self, tag) -> None:
        assert self._inside.pop() == tag, "the page's elements are nested"

    def handle_data(self, data) -> None:
        if "style" in self._inside:
            self.styles += data
            return
        self.words += data
        if self._inside[-1:] in (["h2"], ["h3"]):
            self.headings[-1] += data
        if self._inside[-1:] in (["td"], ["th"]):
            self.cells[-1][-1] += data

    @property
    def pictures(self) -> list[bytes]:
        """Contents of all SVGs."""
        start = "data:image/svg+xml;base64,"
        return [base64.b64decode(link.removeprefix(start)) for link in self.loaded if link.startswith(start)]


def report(tmp_path: Path, *arguments: object) -> Page:
    """Make a page, and check what holds for every one: it loads nothing, and each picture has its words."""
    out = tmp_path / "new" / "page.html"
    assert main(["report", *map(str, arguments), "--out", str(out)]) == 0
    page = Page(out)
    assert all(link.startswith("data:") for link in page.loaded)
    assert "script" not in page.tags
    assert "@import" not in page.styles
    assert "url(" not in page.styles
    for svg in page.pictures:
        for element in ElementTree.fromstring(svg).iter():
            for name, value in element.attrib.items():
                assert not (name.endswith("href") and not value.startswith(("#", "data:image/png")))
                assert all(link.startswith("#") for link in re.findall(r"url\(([^)]*)\)", value))
    assert all(page.alternatives)
    assert len(page.ids) == len(set(page.ids))
    assert {target.removeprefix("#") for target in page.targets} <= set(page.ids)
    assert "default-src 'none'" in out.read_text()
    return page


def changed(training: Path, tmp_path: Path, **values: object) -> Path:
    """Return a copy of a training whose account has other values."""
    copy = tmp_path / "copy"
    shutil.copytree(training, copy)
    metrics = json.loads((copy / "metrics.json").read_text())
    (copy / "metrics.json").write_text(json.dumps(metrics | values))
    return copy


def test_a_page_has_all_sections_and_the_figures_of_the_training(training, build, tmp_path, capsys) -> None:
    page = report(tmp_path, training, build)
    assert page.headings == [
        "tiny, 8-4-3 on random, seed 5", *TRAINING, "tiny, 8-4-3, built for icebreaker", *BUILD
    ]  # fmt: skip
    metrics = json.loads((training / "metrics.json").read_text())
    assert ["test accuracy", f"{metrics['test_accuracy']:.2%}"] in page.cells
    assert ["test accuracy after 2 epochs", f"{metrics['test_accuracy']:.2%}", f"{metrics['float_accuracy']:.2%}"] in (
        page.cells
    )
    # Each row of the confusion matrix has its label's samples, and the right answers make the accuracy.
    rows = [list(map(int, row)) for row in page.cells if len(row) == 4 and all(map(str.isdecimal, row))]
    matrix = np.array(rows)[-3:, 1:]
    labels = load_dataset("random", PRESETS["tiny"], 5).test_labels
    assert matrix.sum(axis=1).tolist() == np.bincount(labels, minlength=3).tolist()
    assert matrix.trace() == round(metrics["test_accuracy"] * 64)
    # 24 samples; curves, fields, raster and work.
    assert len(page.alternatives) == 24 + 4
    assert len(page.pictures) == 3
    assert ["ICESTORM_LC", "1,320", "5,280", "25.0%"] in page.cells
    assert ["clk", "31.5 MHz", "24.0 MHz", "1.31"] in page.cells
    assert "Timing is met." in page.words
    assert f"It is the network that was trained in {training}." in page.words
    assert "The 8 inputs make no square" in page.words
    assert "--image HEIGHTxWIDTH says how they lie" in page.words
    for name in ("metrics.json", "checkpoint.npz"):
        assert f"Source: {training / name}" in page.words
    assert f"Source: {build / 'report.json'}: device" in page.words
    out = capsys.readouterr().out
    assert out == f"written to {tmp_path / 'new' / 'page.html'}: {out.split()[-2]} MB\n"


def test_a_page_made_again_is_the_same_and_leaves_the_training_alone(training, tmp_path) -> None:
    before = {path.name: path.read_bytes() for path in training.iterdir()}
    for name in ("one", "two"):
        report(tmp_path / name, training)
    pages = [(tmp_path / name / "new" / "page.html").read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]
    assert {path.name: path.read_bytes() for path in training.iterdir()} == before


def test_the_worst_samples_come_first_and_the_raster_is_the_worst_ones(training, tmp_path) -> None:
    from backspike.report.folders import read_folders
    from backspike.report.tested import show_test

    ((found,), _) = read_folders([training])
    dataset = load_dataset("random", found.config, 5)
    tested = show_test(found.checkpoint, dataset)
    wins = tested.answers.wins
    margins = [
        int(row[label]) - max(int(count) for unit, count in enumerate(row) if unit != label)
        for row, label in zip(wins, dataset.test_labels, strict=True)
    ]
    order = sorted(range(64), key=lambda index: margins[index])
    page = report(tmp_path, training)
    shown = [int(match) for match in re.findall(r"Test sample (\d+), a", " ".join(page.alternatives[1:25]))]
    assert shown == order[:24]
    assert f"Test sample {order[0]}, a {dataset.test_labels[order[0]]}, while a copy" in page.words
    # All eight ticks that a sample of tiny takes, without patience.
    assert tested.ticks.tolist() == [8] * 64


def test_the_raster_is_of_the_sample_that_is_asked_for(training, tmp_path) -> None:
    label = load_dataset("random", PRESETS["tiny"], 5).test_labels[9]
    assert f"Test sample 9, a {label}, while a copy" in report(tmp_path, training, "--sample", 9).words


def test_a_raster_too_large_is_not_recorded(training, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(training_section, "LONGEST", 8 * 15 - 1)
    assert "Not shown: 8 ticks of 15 units are too many to be recorded." in report(tmp_path / "one", training).words
    monkeypatch.setattr(training_section, "LONGEST", 8 * 15)
    assert "are too many" not in report(tmp_path / "other", training).words


def test_the_size_of_an_image_is_taken(training, tmp_path) -> None:
    words = report(tmp_path, training, "--image", "2x4").words
    assert "each as an image of 2x4 pixels" in words
    assert "make no square" not in words


def test_several_trainings_are_compared(training, tmp_path) -> None:
    config = PRESETS["tiny"]
    other = tmp_path / "other"
    train(config, load_dataset("random", config, seed=6), 2, 6, other)
    page = report(tmp_path, training, other, training / ".." / "run")
    assert page.headings[0] == "All trainings"
    assert page.headings.count("Learning curves") == 2
    accuracies = [100 * json.loads((out / "metrics.json").read_text())["test_accuracy"] for out in (training, other)]
    mean, deviation = np.mean(accuracies), abs(accuracies[0] - accuracies[1]) / 2**0.5
    assert f"tiny (8-4-3) on random, seeds 5, 6: {mean:.2f} ± {deviation:.2f} % of the test samples" in page.words
    assert [row[:5] for row in page.cells if row and row[0] in ("1: run", "2: other")] == [
        ["1: run", "8-4-3", "random", "5", "2"],
        ["2: other", "8-4-3", "random", "6", "2"],
    ]


def test_early_exit_is_drawn_where_there_is_patience(tmp_path) -> None:
    config = PRESETS["tiny"].replace(patience=2)
    train(config, load_dataset("random", config, seed=1), 1, 1, tmp_path / "run")
    page = report(tmp_path, tmp_path / "run")
    assert len(page.pictures) == 4
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    mean = metrics["epochs"][-1]["test"]["ticks"] / 64
    assert f"in the mean they took {mean:.1f} of 8 ticks" in page.words


def test_recorded_spikes_and_a_single_layer(tmp_path) -> None:
    config = PRESETS["tiny"].replace(layers=(18, 3), lanes=(), rates=(), input="spikes")
    train(config, load_dataset("random", config, seed=1), 1, 1, tmp_path / "run")
    page = report(tmp_path, tmp_path / "run")
    assert "Receptive fields of the output units" in page.headings
    assert "2 images of 3x3 pixels beside each other" in page.words


def test_a_matrix_of_many_classes_is_an_image(tmp_path) -> None:
    config = PRESETS["tiny"].replace(layers=(8, 4, CLASSES + 1), lanes=(), rates=())
    train(config, load_dataset("random", config, seed=1), 1, 1, tmp_path / "run")
    page = report(tmp_path, tmp_path / "run")
    assert f"Confusion matrix of {CLASSES + 1} classes as an image." in page.alternatives


def test_what_was_simulated_is_said(training, tmp_path) -> None:
    copy = changed(training, tmp_path)
    summary = {
        "mismatches": 0, "compared": {"samples": 12, "weights": 3456}, "clocks_per_sample": 70.4, "clocks_per_tick": 8.8
    }  # fmt: skip
    (copy / "summary.json").write_text(json.dumps(summary))
    page = report(tmp_path / "good", copy)
    assert "0 mismatches. A sample took 70 clock cycles, a tick 8.8." in page.words
    assert ["weights", "3,456"] in page.cells
    (copy / "summary.json").write_text(json.dumps({"mismatches": 1, "first": "layer 1, unit 2"}))
    assert "differs from the golden model: layer 1, unit 2" in report(tmp_path / "bad", copy).words


HOSTILE = "</title><script>alert(1)</script><img src=http://x onerror='alert(2)'>\"&amp;"


def test_names_are_text(training, build, tmp_path) -> None:
    folder = tmp_path / HOSTILE.replace("/", "")
    copy = changed(training, tmp_path, dataset=HOSTILE)
    copy.rename(folder)
    other = tmp_path / "board"
    shutil.copytree(build, other)
    content = json.loads((other / "report.json").read_text())
    names = {"board": HOSTILE, "name": HOSTILE, "training_unknown_because": HOSTILE}
    clocks = {HOSTILE: content["clocks"]["clk"]}
    device = {HOSTILE: content["device"]["ICESTORM_LC"]}
    (other / "report.json").write_text(json.dumps(content | names | {"clocks": clocks, "device": device}))
    page = report(tmp_path, folder, other)
    assert page.tags.count("img") == 3, "no dataset of that name: curves, fields and work alone"
    assert HOSTILE in page.words
    assert folder.name in page.words


def test_a_name_that_is_no_text(training, tmp_path) -> None:
    folder = tmp_path / "\udcff\x01 $x$ {{ 7 * 7 }}"
    shutil.copytree(training, folder)
    assert "{{ 7 * 7 }}" in report(tmp_path, folder, training).words


@pytest.mark.parametrize(
    ("removed", "sentences"),
    [
        (["checkpoint.npz"], ["there is no checkpoint.npz"]),
        (
            ["metrics.json"],
            [
                "there is no metrics.json",
                "the samples are not to be had: without metrics.json nothing says which they are; --dataset does",
            ],
        ),
    ],
)
def test_what_is_missing_is_said(removed, sentences, training, tmp_path, capsys) -> None:
    copy = changed(training, tmp_path)
    for name in removed:
        (copy / name).unlink()
    page = report(tmp_path, copy)
    assert [heading for heading in page.headings if heading in TRAINING] == TRAINING
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [f"{copy}: {sentence}" for sentence in sentences]
    for sentence in sentences:
        assert f"Not shown: {sentence}." in page.words


def test_a_checkpoint_alone_is_shown_samples_that_are_named(training, tmp_path, capsys) -> None:
    copy = changed(training, tmp_path)
    (copy / "metrics.json").unlink()
    page = report(tmp_path, copy, "--dataset", "random")
    assert "test samples are right" in page.words
    assert capsys.readouterr().out.splitlines()[:-1] == [f"{copy}: there is no metrics.json"]


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        ("my digits.npz", "cannot read my digits.npz: No such file or directory; --dataset says which they are."),
        ("letters", "'letters' is not a dataset; known are digits"),
        ("mnist", "dataset mnist is not on this machine; --dataset mnist downloads it"),
        ("digits", "dataset digits has samples of shape (64,) in 10 classes, but network tiny takes shape (8,)"),
    ],
)
def test_samples_that_are_not_there_are_said(dataset, reason, training, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path))
    monkeypatch.delenv("BACKSPIKE_DATA", raising=False)
    monkeypatch.setattr("backspike.datasets.files.DEBIAN", tmp_path)
    copy = changed(training, tmp_path, dataset=dataset)
    assert f"Not shown: the samples are not to be had: {reason}" in report(tmp_path, copy).words


def test_other_samples_of_the_same_name_are_not_shown(training, tmp_path) -> None:
    identity = json.loads((training / "metrics.json").read_text())["identity"]
    copy = changed(training, tmp_path, identity=identity | {"data": "0" * 64})
    assert f"those of dataset random are not the ones that {copy} was trained and tested on" in (
        report(tmp_path, copy).words
    )


def test_an_interrupted_training_is_reported(training, tmp_path) -> None:
    """Before its first epoch was done, there is nothing but the float network's account."""
    page = report(tmp_path, changed(training, tmp_path, epochs=[]))
    assert "Not shown: no epoch is done." in page.words
    assert "test samples are right" in page.words


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["file"], "file is not a folder"),
        (["empty"], "there is nothing to report in empty: neither a training (metrics.json, checkpoint.npz) nor a "
         "build (report.json)"),
        (["run", "empty"], "there is nothing to report in empty: neither"),
        (["run", "--sample", "64"], "--sample must be from 0 to 63, the test samples of random, not 64"),
        (["run", "--image", "8"], "an image's size must be HEIGHTxWIDTH, such as 28x28, not '8'"),
        (["run", "--image", "3x3"], "an image of 3x3 does not divide the 8 inputs of the network"),
        (["run", "--dataset", "digits"], "dataset digits has samples of shape (64,) in 10 classes, but network tiny"),
        (["run", "--dataset", "letters"], "'letters' is not a dataset; known are digits"),
        (["run", "--dataset-setting", "pool=2"], "dataset random has no settings, so 'pool' cannot be set"),
        (["run", "--data-dir", "nowhere"], "the folder given for datasets does not exist: nowhere"),
        (["two"], "checkpoint.npz and metrics.json in two are not of one training"),
    ],
)  # fmt: skip
def test_what_cannot_be_reported_is_refused(arguments, sentence, training, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(training, "run")
    shutil.copytree(training, "two")
    config = PRESETS["tiny"].replace(leak=1)
    train(config, load_dataset("random", config, seed=5), 1, 5, tmp_path / "third")
    (tmp_path / "third" / "checkpoint.npz").replace("two/checkpoint.npz")
    Path("empty").mkdir()
    Path("file").write_text("")
    assert refused(["report", *arguments, "--out", "page.html"], capsys).startswith(sentence)
    assert not Path("page.html").exists()


def test_a_folder_is_no_page(training, tmp_path, capsys) -> None:
    sentence = refused(["report", str(training), "--out", str(tmp_path)], capsys)
    assert sentence == f"--out must be a file to be written, and {tmp_path} is a folder"


def _without(name):
    return lambda content: {key: value for key, value in content.items() if key != name}


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *(("metrics.json", _without(name)) for name in ("config", "dataset", "epochs", "float_accuracies", "identity")),
        ("metrics.json", lambda content: []),
        ("metrics.json", lambda content: content | {"dataset": 5}),
        ("metrics.json", lambda content: content | {"identity": content["identity"] | {"data": None}}),
        ("metrics.json", lambda content: content | {"config": {"layers": "many"}}),
        (
            "metrics.json",
            lambda content: (
                content | {"epochs": [epoch | {"test": epoch["test"] | {"samples": 0}} for epoch in content["epochs"]]}
            ),
        ),
        *(
            ("report.json", _without(name))
            for name in ("board", "name", "layers", "device", "clocks", "seeds", "cells")
        ),
        ("report.json", lambda content: 7),
        ("report.json", lambda content: content | {"device": {"LC": {"used": 1, "available": 0}}}),
        ("report.json", lambda content: content | {"device": {"LC": {"used": "a", "available": 9}}}),
        ("report.json", lambda content: content | {"clocks": {"clk": {"achieved": None, "constraint": 1}}}),
        ("report.json", lambda content: content | {"clocks": []}),
        ("report.json", lambda content: content | {"layers": 5}),
        ("summary.json", lambda content: {"mismatches": 0}),
        ("summary.json", lambda content: {"mismatches": "many"}),
        ("summary.json", lambda content: {"mismatches": 0, "compared": [], "clocks_per_sample": 1}),
    ],
)
def test_a_damaged_file_is_named(file, damage, training, build, tmp_path, capsys) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(build if file == "report.json" else training, folder)
    content = json.loads((folder / file).read_text()) if file != "summary.json" else {}
    (folder / file).write_text(json.dumps(damage(content)))
    sentence = refused(["report", str(folder), "--out", str(tmp_path / "page.html")], capsys)
    assert sentence.startswith(str(folder / file))
    assert not (tmp_path / "page.html").exists()
