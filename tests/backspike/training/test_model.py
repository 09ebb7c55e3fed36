"""A model is what `backspike train` makes of the same samples, and what scikit-learn takes for a classifier."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score

from backspike import PRESETS, BackspikeError, BackspikeWarning, Model, NetworkConfig
from backspike.datasets import load_dataset
from backspike.training.answers import answer
from backspike.training.checkpoint import Checkpoint
from backspike.training.engines import ENGINES
from backspike.training.trainer import train

CONFIG = PRESETS["tiny"].replace(rates=(200, 100))
DATA = load_dataset("random", CONFIG, seed=1)
X, Y = DATA.train_values[:60], DATA.train_labels[:60]


def test_fit_is_the_training_of_the_command_line(tmp_path) -> None:
    train(CONFIG, DATA, 2, 5, tmp_path)
    model = Model(CONFIG, seed=5).fit(DATA.train_values, DATA.train_labels, epochs=2)
    model.save(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == (tmp_path / "checkpoint.npz").read_bytes()
    loaded = Model.load(tmp_path / "checkpoint.npz")
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "checkpoint.npz").read_bytes()
    assert np.array_equal(loaded.wins(DATA.test_values), model.wins(DATA.test_values))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_is_the_same_model(engine: str) -> None:
    golden = Model(CONFIG, epochs=2, engine="numpy").fit(X, Y)
    model = Model(CONFIG, epochs=2, engine=engine).fit(X, Y)
    for seed in (None, 8):
        assert np.array_equal(model.wins(DATA.test_values, seed), golden.wins(DATA.test_values, seed))
    one, other = (Checkpoint.capture(of.partial_fit(X[:9], Y[:9]).network_) for of in (model, golden))
    assert np.array_equal(one.lfsrs, other.lfsrs)
    assert all(np.array_equal(*pair) for pair in zip(one.weights, other.weights, strict=True))


def test_answers_are_of_one_piece_and_leave_the_model_as_it_is() -> None:
    model = Model(CONFIG, epochs=2, engine="numpy").fit(X, Y)
    before = Checkpoint.capture(model.network_)
    wins = model.wins(DATA.test_values)
    assert np.array_equal(wins, answer(model.network_, DATA.test_values, "numpy").wins)
    assert np.array_equal(model.predict(DATA.test_values), wins.argmax(axis=1))
    shares = model.predict_proba(DATA.test_values)
    assert np.array_equal(shares, wins / 7)
    assert np.allclose(shares.sum(axis=1), 1)
    found = model.evaluate(DATA.test_values, DATA.test_labels)
    assert found.accuracy == model.score(DATA.test_values, DATA.test_labels)
    assert found.right == np.sum(wins.argmax(axis=1) == DATA.test_labels)
    assert not np.array_equal(model.wins(DATA.test_values, seed=3), wins)
    assert np.array_equal(model.wins(DATA.test_values, seed=3), model.wins(DATA.test_values, seed=3))
    after = Checkpoint.capture(model.network_)
    assert np.array_equal(before.lfsrs, after.lfsrs)
    assert all(np.array_equal(*pair) for pair in zip(before.weights, after.weights, strict=True))


def test_a_configuration_may_be_a_path_and_a_seed_one_of_numpys(tmp_path) -> None:
    CONFIG.save(tmp_path / "network.toml")
    named = Model(tmp_path / "network.toml", epochs=1, seed=np.int64(4), engine="numpy").fit(X, Y)
    plain = Model(CONFIG, epochs=1, seed=4, engine="numpy").fit(X, Y)
    assert np.array_equal(named.wins(X, seed=np.uint32(9)), plain.wins(X, seed=9))


def test_a_raster_is_of_the_first_answer() -> None:
    model = Model(CONFIG, epochs=2, engine="numpy").fit(X, Y)
    for seed in (None, 4):
        raster = model.raster(X[7], seed=seed)
        assert raster.result.wins.tolist() == model.wins(X[7:8], seed=seed)[0].tolist()
        assert not any(layer.any() for layer in raster.errors)
    learned = [model.raster(X[7].reshape(2, 4), label=int(label)) for label in model.classes_]
    assert any(layer.any() for raster in learned for layer in raster.errors)
    assert np.array_equal(model.raster(X[7]).inputs, model.raster(X[7]).inputs)


def test_samples_may_be_images_floats_or_booleans() -> None:
    model = Model(CONFIG, epochs=1, engine="numpy").fit(X.reshape(-1, 2, 4).astype(np.int64).tolist(), Y.tolist())
    expected = Model(CONFIG, epochs=1, engine="numpy").fit(X, Y).wins(X)
    assert np.array_equal(model.wins(X), expected)
    assert np.array_equal(model.wins((X / 255).astype(np.float32).reshape(-1, 4, 2)), expected)
    assert np.array_equal(model.wins(X > 0), model.wins(255 * (X > 0)))
    assert model.n_features_in_ == 8


def test_recorded_spikes_are_ticks_of_images() -> None:
    config = NetworkConfig(layers=(6, 5, 3), ticks=5, input="spikes")
    data = load_dataset("random", config, seed=1)
    model = Model(config, epochs=1, engine="numpy").fit(data.train_values[:20], data.train_labels[:20])
    images = 0.5 * data.test_values.reshape(-1, 5, 2, 3)
    assert np.array_equal(model.wins(images), model.wins(data.test_values))
    assert model.raster(images[3]).result.wins.sum() == 4
    with pytest.raises(BackspikeError, match=r"^samples must be of shape \(samples, 5, 6\), or any with 5 ticks of 6 "):
        model.wins(images.reshape(-1, 6, 5))


def test_labels_may_be_words() -> None:
    words = np.array(["three", "one", "two"])[Y]
    model = Model(CONFIG, epochs=1, engine="numpy").fit(X, words)
    assert model.classes_.tolist() == ["one", "three", "two"]
    assert set(model.predict(X)) <= set(words)
    assert np.array_equal(model.predict(X), model.classes_[model.wins(X).argmax(axis=1)])
    assert model.score(X, words) == np.mean(model.predict(X) == words)
    assert model.raster(X[0], label="two").ticks == CONFIG.ticks
    assert Model(CONFIG, epochs=1, engine="numpy").fit(X, Y + 1).classes_.tolist() == [1, 2, 3]
    # Whole numbers from 0 are units, whichever of them there are.
    assert Model(CONFIG, epochs=1, engine="numpy").fit(X[Y > 0], Y[Y > 0]).classes_.tolist() == [0, 1, 2]


def test_learning_goes_on_where_it_was() -> None:
    whole = Model(CONFIG, engine="numpy").partial_fit(X, Y)
    parts = Model(CONFIG, engine="numpy").partial_fit(X[:20], Y[:20])
    parts.predict(X)
    parts.partial_fit(X[20:], Y[20:])
    assert np.array_equal(whole.wins(X), parts.wins(X))
    assert np.array_equal(whole.network_.weights[0], parts.network_.weights[0])


@pytest.mark.parametrize("engine", ["numpy", "fast"])
def test_a_stream_is_answered_as_a_list_is(engine: str) -> None:
    model = Model(CONFIG, epochs=1, engine=engine).fit(X[:20], np.array(["three", "one", "two"])[Y[:20]])
    for seed in (None, 8):
        answers = list(model.stream(iter(DATA.test_values[:8]), seed=seed))
        assert np.array_equal([answer.wins for answer in answers], model.wins(DATA.test_values[:8], seed))
        assert [answer.label for answer in answers] == model.predict(DATA.test_values[:8], seed).tolist()
        shares = model.predict_proba(DATA.test_values[:8], seed).max(axis=1)
        assert [answer.confidence for answer in answers] == shares.tolist()


def test_a_stream_takes_a_sample_when_it_is_asked_for_one() -> None:
    """It may be endless, and is left without a trace."""
    model, taken = copy.deepcopy(FITTED), []
    before = model.wins(X[:9])

    def endless() -> Iterator[np.ndarray]:
        for number in count():
            taken.append(number)
            yield X[number % 9] / 255

    stream = model.stream(endless())
    assert taken == []
    first = [next(stream) for _ in range(12)]
    assert len(taken) == 12
    assert np.array_equal([answer.wins for answer in first[:9]], before)
    stream.close()
    assert np.array_equal(model.wins(X[:9]), before)


def test_learning_from_a_stream_is_going_on() -> None:
    """Left after some samples, it has learned those; and the network is there to be asked meanwhile."""
    whole = Model(CONFIG, engine="numpy").partial_fit(X[:30], Y[:30])
    model = Model(CONFIG, engine="numpy")
    for number, _ in enumerate(model.stream(zip(X, Y, strict=True), learn=True), start=1):
        if number == 10:
            model.predict(X[:3])
        if number == 20:
            break
    expected = Model(CONFIG, engine="numpy").partial_fit(X[:20], Y[:20])
    assert np.array_equal(model.network_.weights[0], expected.network_.weights[0])
    answers = list(model.stream(zip(X[20:30], Y[20:30], strict=True), learn=True))
    assert len(answers) == 10
    one, other = (Checkpoint.capture(of.network_) for of in (model, whole))
    assert np.array_equal(one.lfsrs, other.lfsrs)
    assert all(np.array_equal(*pair) for pair in zip(one.weights, other.weights, strict=True))
    assert one.counters.to_dict() == other.counters.to_dict()
    # From LFSRs that are seeded anew, with the rates that there were.
    model.network_.rates = [3, 5]
    seeded = copy.deepcopy(model)
    list(seeded.stream([(X[0], Y[0])], learn=True, seed=9))
    network = Checkpoint.capture(model.network_).network(9)
    network.rates = [3, 5]
    network.run_samples(X[:1], Y[:1], np.arange(1), True)
    assert np.array_equal(seeded.network_.weights[1], network.weights[1])
    assert seeded.network_.rates == [3, 5]


@pytest.mark.parametrize(
    ("samples", "learn", "sentence"),
    [
        ([*X[:3], X[0][:7]], False, r"sample 3: samples must be of shape \(samples, 8\), .*, not \(1, 7\)"),
        ([X[0], X[1] / 16], False, "sample 1: the values of samples must be from 0 to 1, as floats are, not "),
        ([(X[0], 0), X[1]], True, "sample 1: to learn from, it must be a pair of a sample and its label, not array"),
        ([(X[0], 0), (X[1], 3)], True, r"sample 1: 3 is no label that the model knows: \[0, 1, 2\]"),
        ([(X[0], 0), (X[1], [1])], True, "sample 1: "),
    ],
)
def test_a_wrong_sample_of_a_stream_is_named(samples: list, learn: bool, sentence: str) -> None:
    """Those before it are learned, and it is not."""
    model = copy.deepcopy(FITTED)
    with pytest.raises(BackspikeError, match=f"^{sentence}"):
        list(model.stream(samples, learn=learn))
    expected = copy.deepcopy(FITTED)
    if learn:
        expected.partial_fit(X[:1], [0])
    one, other = (Checkpoint.capture(of.network_) for of in (model, expected))
    assert np.array_equal(one.lfsrs, other.lfsrs)
    assert all(np.array_equal(*pair) for pair in zip(one.weights, other.weights, strict=True))


def test_what_a_source_raises_comes_through() -> None:
    def source() -> Iterator[np.ndarray]:
        yield X[0]
        raise OSError("the camera is gone")

    stream = FITTED.stream(source())
    next(stream)
    with pytest.raises(OSError, match="the camera is gone"):
        next(stream)
    with pytest.raises(BackspikeError, match=r"^this model has learned nothing yet"):
        next(Model(CONFIG).stream(X))


def test_scikit_learn_takes_it_for_a_classifier() -> None:
    model = Model(CONFIG, epochs=1, seed=3, engine="numpy")
    assert is_classifier(model)
    copied = clone(model.fit(X, Y))
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "network_")
    scores = cross_val_score(model, X, Y, cv=3)
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()
    search = GridSearchCV(model, {"epochs": [1, 2]}, cv=2, scoring="neg_log_loss", error_score="raise").fit(X, Y % 3)
    assert search.best_params_["epochs"] in (1, 2)


def test_it_is_copied_and_pickled_with_what_it_has_learned() -> None:
    model = Model("tiny", epochs=1).fit(X, Y)
    for same in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(same.wins(X), model.wins(X))
    assert repr(model) == "Model(config='tiny', epochs=1, seed=None, engine='fast', verbose=False)"


FITTED = Model(CONFIG, epochs=1, engine="numpy").fit(X, Y)


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda: Model(CONFIG).predict(X), "this model has learned nothing yet: fit it, or load a checkpoint"),
        (lambda: Model("nonsense").fit(X, Y), "'nonsense' is neither a preset"),
        (lambda: Model(7).fit(X, Y), "config must be a NetworkConfig or the name of one, not 7"),
        (lambda: Model(CONFIG, seed=0).fit(X, Y), "seed must be a whole number from 1 to 4294967295, not 0"),
        (lambda: Model(CONFIG, engine="gpu").fit(X, Y), "engine must be one of fast, numpy, rtl, not 'gpu'"),
        (lambda: Model(CONFIG, engine=None).fit(X, Y), "engine must be a name, a function or a Device, not None"),
        (lambda: Model(CONFIG).fit(X, Y, epochs=0), "epochs must be a whole number from 1, not 0"),
        (lambda: Model(CONFIG, epochs=1.5).fit(X, Y), "epochs must be a whole number from 1, not 1.5"),
        (lambda: Model(CONFIG).fit(X, Y[:9]), r"there must be one label per sample, shape \(60,\), not \(9,\)"),
        (lambda: Model(CONFIG).fit(X, Y[:, None]), r"there must be one label per sample, shape \(60,\), not \(60, 1\)"),
        (lambda: Model(CONFIG).fit(X, np.arange(60) % 4), r"labels must be 0 to 2, or 3 .*, not the 4 \[0, 1, 2, 3\]"),
        (lambda: Model(CONFIG).fit(X, []), r"labels must be 0 to 2, or 3 other ones, .*, not the 0 \[\]"),
        (lambda: Model(CONFIG).fit(X, [[1], [2, 3]]), "labels must be an array of one dimension"),
        (lambda: Model(CONFIG).fit(X[:0], Y[:0]), "there must be a sample to learn from"),
        (lambda: Model(CONFIG).fit([[1], [2, 3]], [0, 1]), "samples must be an array, all of the same shape"),
        (lambda: Model(CONFIG).set_params(layers=(1, 2)), "'layers' is no parameter of a model; known are config, .*"),
        (lambda: FITTED.predict(X[:, :7]), r"samples must be of shape \(samples, 8\), or any with 8 values for each, "),
        (lambda: FITTED.predict(X[0]), r"samples must be of shape \(samples, 8\), .*, not \(8,\)"),
        (lambda: FITTED.predict(X, seed=0), "seed must be a whole number from 1 to 4294967295, not 0"),
        (lambda: FITTED.predict(X / 16.0), "the values of samples must be from 0 to 1, as floats are, not 0 to 15.75"),
        (lambda: FITTED.score(X, Y + 9), r"\d+ is no label that the model knows: \[0, 1, 2\]"),
        (lambda: FITTED.score(X[:0], Y[:0]), "there must be a sample to evaluate"),
        (lambda: FITTED.raster(X[0], label="seven"), r"'seven' is no label that the model knows: \[0, 1, 2\]"),
        (lambda: FITTED.raster(X), r"samples must be of shape \(samples, 8\), .*, not \(1, 60, 8\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(use, sentence) -> None:
    with pytest.raises(BackspikeError, match=f"^{sentence}"):
        use()


def test_layers_that_never_learn_are_warned_of() -> None:
    with pytest.warns(BackspikeWarning, match="^with ticks = 3, weight layer 1 of 2 never changes"):
        Model(CONFIG.replace(ticks=3), epochs=1, engine="numpy").fit(X, Y)


def test_samples_that_hardly_spike_are_warned_of() -> None:
    with pytest.warns(BackspikeWarning, match=r"^no value of the samples is above 15 of 255, so that inputs hardly "):
        Model(CONFIG, epochs=1, engine="numpy").fit(X // 16, Y)
