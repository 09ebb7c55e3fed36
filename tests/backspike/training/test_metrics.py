"""The account of a training: read as it was written, or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backspike import PRESETS, BackspikeError
from backspike.datasets import load_dataset
from backspike.model.network import Counters
from backspike.training.baseline import FloatSettings
from backspike.training.identity import training_identity
from backspike.training.metrics import Epoch, Training, read_metrics, write_metrics

CONFIG = PRESETS["tiny"]
COUNTS = Counters.zero(2).to_dict()
TRAINING = Training([Epoch([64, 64], 0.5, 0.25, 0.75, 1.5, COUNTS, COUNTS)], [0.5, 1.0])


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.json"
    dataset = load_dataset("random", CONFIG, 1)
    write_metrics(path, CONFIG, dataset, training_identity(CONFIG, dataset, FloatSettings()), TRAINING)
    return path


def refusal(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(BackspikeError) as error:
        read_metrics(path, 2)
    sentence = str(error.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def test_what_was_written_is_read(written) -> None:
    identity, training = read_metrics(written, 2)
    assert training == TRAINING
    assert training.float_accuracy == 1.0
    assert identity == training_identity(CONFIG, load_dataset("random", CONFIG, 1), FloatSettings())


def test_a_file_that_lacks_a_value_or_has_an_impossible_one_is_refused(written) -> None:
    good = json.loads(written.read_text())
    for key in ("identity", "epochs", "float_accuracies"):
        refusal(written, {name: value for name, value in good.items() if name != key})
        for value in (None, 3, "text", True, [], [[]], [1.5], [float("nan")], {"a": 1}):
            if (key, value) != ("epochs", []):
                refusal(written, {**good, key: value})
    for key in good["identity"]:
        refusal(written, {**good, "identity": {name: v for name, v in good["identity"].items() if name != key}})
    for key, values in {
        "training_accuracy": [None, -0.1, 1.1, "1", True],
        "test_accuracy": [None, float("nan"), 1.1],
        "right_while_learning": [None, -1, 1.5536],
        "seconds": [None, -1, float("inf"), "1", True],
        "rates": [None, [], [1], [1, 257], [1, 2.0], [1, 2, 3], "ab"],
        "training": [None, {}, [], {**COUNTS, "samples": -1}],
        "test": [None, {**COUNTS, "more": 1}],
        "unknown": [1],
    }.items():
        for value in values:
            refusal(written, {**good, "epochs": [{**good["epochs"][0], key: value}]})
    for text in ("", "{", "[]", "null", "[" * 100_000, "\x00", '{"epochs": 1e999}'):
        refusal(written, text)


def paths(content: Any, path: tuple = ()) -> list[tuple]:
    """Return the way to every value, nested ones included."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(found for key, value in items for found in paths(value, (*path, key)))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_it_it_is_read_or_refused_in_one_sentence(written, data) -> None:
    content = json.loads(written.read_text())
    *way, last = data.draw(st.sampled_from(paths(content)[1:]))
    inner: Any = content
    for key in way:
        inner = inner[key]
    inner[last] = data.draw(JSON)
    other = written.with_name("changed.json")
    other.write_text(json.dumps(content))
    try:
        _, training = read_metrics(other, 2)
    except BackspikeError:
        return
    assert 0 <= training.float_accuracy <= 1
    assert all(0 <= epoch.test_accuracy <= 1 and len(epoch.rates) == 2 for epoch in training.epochs)
