"""Training: the schedule, the order, an evaluation that disturbs nothing, and digits that are really learned."""

from __future__ import annotations

import copy
import itertools
import json
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
import pytest

from backspike import PRESETS, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.errors import BackspikeError
from backspike.interrupts import Terminated, raised_terminations
from backspike.model import Network, Sample
from backspike.training import engines, trainer
from backspike.training.baseline import FloatSettings, float_accuracy
from backspike.training.checkpoint import Checkpoint
from backspike.training.engines import ENGINES, load_engine
from backspike.training.trainer import evaluate, evaluate_training, rates_of_epoch, sample_order, train


@pytest.fixture(autouse=True)
def no_float_network_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "_float_trainings", {})


def test_rates_decay_to_one_and_no_lower() -> None:
    config = NetworkConfig(layers=(4, 3, 2), rates=(256, 10), rate_decay=0.5)
    assert [rates_of_epoch(config, epoch) for epoch in range(9)] == [
        [256, 10], [128, 5], [64, 2], [32, 1], [16, 1], [8, 1], [4, 1], [2, 1], [1, 1],
    ]  # fmt: skip
    assert rates_of_epoch(config, 1000) == [1, 1]


def test_layer_without_a_rate_never_gets_one() -> None:
    config = NetworkConfig(layers=(4, 3, 2), rates=(0, 10))
    assert [rates_of_epoch(config, epoch)[0] for epoch in range(5)] == [0] * 5


def test_order_is_a_permutation_of_its_own_for_each_seed_and_epoch() -> None:
    orders = {(seed, epoch): sample_order(100, seed, epoch) for seed in (1, 2) for epoch in (0, 1, 2)}
    for order in orders.values():
        assert sorted(order) == list(range(100))
    assert len({order.tobytes() for order in orders.values()}) == 6
    assert np.array_equal(sample_order(100, 2, 1), orders[2, 1])


def test_evaluation_counts_right_answers_and_disturbs_nothing() -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    network, untouched = Network(config), Network(config)
    accuracy = evaluate(network, dataset)
    assert accuracy == evaluate(network, dataset)
    assert np.array_equal(Checkpoint.capture(network).lfsrs, Checkpoint.capture(untouched).lfsrs)
    assert network.counters.samples == 0
    winners = [untouched.run(Sample(values, 0, False)).winner for values in dataset.test_values]
    assert accuracy == np.mean(winners == dataset.test_labels)


def test_result_depends_on_the_seed_alone_and_is_written_down(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    lines: list[str] = []
    first = train(config, dataset, 3, 5, tmp_path / "a", lines.append, picture=True)
    train(config.replace(seed=77), dataset, 3, 5, tmp_path / "b")
    other = train(config, dataset, 3, 6, tmp_path / "c")
    files = [(tmp_path / name / "checkpoint.npz").read_bytes() for name in "abc"]
    assert files[0] == files[1]
    assert files[0] != files[2]
    assert results(first) != results(other)

    checkpoint = Checkpoint.load(tmp_path / "a" / "checkpoint.npz")
    network = Network(config)
    checkpoint.apply(network)
    assert checkpoint.epoch == 3
    assert checkpoint.rates == rates_of_epoch(config, 2)
    assert evaluate(network, dataset) == first.epochs[-1].test_accuracy

    metrics = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert metrics["config"] == config.replace(seed=5).to_dict()
    assert metrics["seed"] == 5
    assert metrics["float_accuracy"] == first.float_accuracy == float_accuracy(config, dataset, 3, 5)
    assert metrics["test_accuracy"] == first.epochs[-1].test_accuracy
    assert [epoch["rates"] for epoch in metrics["epochs"]] == [rates_of_epoch(config, epoch) for epoch in range(3)]
    assert [epoch["training"]["samples"] for epoch in metrics["epochs"]] == [256] * 3
    counted = copy.deepcopy(network)
    evaluate(counted, dataset)
    assert counted.counters.samples == 0
    for values, label in zip(dataset.test_values, dataset.test_labels, strict=True):
        counted.run(Sample(values, int(label), False))
    assert metrics["epochs"][-1]["test"] == counted.counters.to_dict()
    assert set(metrics["versions"]) == {"python", "backspike", "numpy"}
    assert (tmp_path / "a" / "learning-curve.png").read_bytes().startswith(b"\x89PNG")
    assert len(lines) == 1 + 3
    accuracies = f"training {first.epochs[0].training_accuracy:.2%}, test {first.epochs[0].test_accuracy:.2%}"
    assert f"epoch 1/3: {accuracies}, " in lines[1]


def test_shows_the_samples_in_their_order(tmp_path) -> None:
    config = PRESETS["tiny"].replace(rates=(200, 100))
    dataset = load_dataset("random", config, seed=1)
    train(config, dataset, 2, 5, tmp_path)
    network = Network(config.replace(seed=5))
    for epoch in range(2):
        network.rates = rates_of_epoch(config, epoch)
        for index in sample_order(256, 5, epoch):
            network.run(Sample(dataset.train_values[index], int(dataset.train_labels[index]), True))
    checkpoint = Checkpoint.load(tmp_path / "checkpoint.npz")
    assert all(np.array_equal(*pair) for pair in zip(network.weights, checkpoint.weights, strict=True))


# Of `few`, in chunks of 25: three to learn, and one for each look at what was learned.
CALLS_A_EPOCH = 3 + 1 + 1


@pytest.fixture
def few(monkeypatch) -> Dataset:
    """Return 60 samples to train on and 20 to test on, shown in chunks of 25."""
    monkeypatch.setattr(engines, "CHUNK", 25)
    whole = load_dataset("random", PRESETS["tiny"], seed=1)
    return replace(
        whole, train_values=whole.train_values[:60], train_labels=whole.train_labels[:60],
        test_values=whole.test_values[:20], test_labels=whole.test_labels[:20],
    )  # fmt: skip


def raising(engine: str, number: signal.Signals, calls: Iterable[int]) -> Callable[..., np.ndarray]:
    """Return an engine that a signal reaches before it does its call of these numbers, counted from 0."""
    show, counted = load_engine(engine), itertools.count()

    def interrupted(*arguments):
        if next(counted) in calls:
            signal.raise_signal(number)
        return show(*arguments)

    return interrupted


@contextmanager
def handled(number: signal.Signals, handler: object) -> Iterator[None]:
    before = signal.signal(number, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        signal.signal(number, before)


def results(done: trainer.Training) -> list[dict]:
    """Return everything that is no time."""
    return [{key: value for key, value in asdict(epoch).items() if key != "seconds"} for epoch in done.epochs]


@pytest.mark.parametrize(
    ("engine", "number"),
    [*((engine, signal.SIGINT) for engine in ENGINES), ("numpy", signal.SIGTERM), ("numpy", signal.SIGHUP)],
)
def test_interrupted_and_resumed_training_ends_in_the_same_bits(tmp_path, few, engine: str, number) -> None:
    """Interrupted in its first chunk, within an epoch, in the last chunk, and in both looks at what was learned."""
    config, dataset = PRESETS["tiny"].replace(rates=(200, 100)), few
    whole = train(config, dataset, 3, 5, tmp_path / "whole", engine=engine)
    resume = False
    # Of the first epoch then are left: two chunks, one, and both looks; then the second look of the second epoch.
    for call in (0, 0, 1, 0, CALLS_A_EPOCH + 1):
        with raised_terminations(), pytest.raises((KeyboardInterrupt, Terminated)) as interruption:
            train(config, dataset, 3, 5, tmp_path / "parts", engine=raising(engine, number, {call}), resume=resume)
        assert isinstance(interruption.value, KeyboardInterrupt) == (number == signal.SIGINT)
        resume = True
        left = Checkpoint.load(tmp_path / "parts/checkpoint.npz")
        assert str(interruption.value) == f"the training in {tmp_path / 'parts'} is whole up to {left.place}"
    parts = train(config, dataset, 3, 5, tmp_path / "parts", engine=engine, resume=True)
    assert (tmp_path / "whole/checkpoint.npz").read_bytes() == (tmp_path / "parts/checkpoint.npz").read_bytes()
    assert results(whole) == results(parts)
    assert len(whole.epochs) == 3
    assert whole.float_accuracies == parts.float_accuracies


def test_the_test_alone_is_done_again_after_an_interruption_in_it(tmp_path, few) -> None:
    config, dataset = PRESETS["tiny"], few
    with pytest.raises(KeyboardInterrupt):
        train(config, dataset, 1, 5, tmp_path, engine=raising("numpy", signal.SIGINT, {CALLS_A_EPOCH - 1}))
    assert Checkpoint.load(tmp_path / "checkpoint.npz").shown == 60
    calls = []

    def show(network, values, labels, order, learn):
        calls.append(learn)
        return network.run_samples(values, labels, order, learn)

    train(config, dataset, 1, 5, tmp_path, engine=show, resume=True)
    assert calls == [False] * 2


@pytest.mark.parametrize("handler", [signal.SIG_DFL, lambda number, frame: None], ids=["default", "swallowed"])
def test_no_epoch_that_was_cut_short_counts_whatever_the_handler_does(tmp_path, few, handler) -> None:
    config, dataset = PRESETS["tiny"].replace(rates=(200, 100)), few
    whole = train(config, dataset, 2, 5, tmp_path / "whole")
    with handled(signal.SIGINT, handler), pytest.raises(KeyboardInterrupt):
        train(config, dataset, 2, 5, tmp_path / "parts", engine=raising("numpy", signal.SIGINT, {1}))
    assert Checkpoint.load(tmp_path / "parts/checkpoint.npz").shown == 50
    assert json.loads((tmp_path / "parts/metrics.json").read_text())["epochs"] == []
    parts = train(config, dataset, 2, 5, tmp_path / "parts", resume=True)
    assert results(parts) == results(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_is_ignored_changes_nothing(tmp_path, few, number) -> None:
    """As Ctrl-C is in what a script starts in the background, and SIGHUP under nohup."""
    config, dataset = PRESETS["tiny"].replace(rates=(200, 100)), few
    whole = train(config, dataset, 2, 5, tmp_path / "whole")
    with handled(number, signal.SIG_IGN), raised_terminations():
        parts = train(config, dataset, 2, 5, tmp_path / "parts", engine=raising("numpy", number, range(100)))
    assert results(parts) == results(whole)
    assert (tmp_path / "whole/checkpoint.npz").read_bytes() == (tmp_path / "parts/checkpoint.npz").read_bytes()


def test_interruption_in_the_float_network_leaves_what_was_there(tmp_path, few, monkeypatch) -> None:
    config, dataset = PRESETS["tiny"], few
    train(config, dataset, 1, 5, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "train_float", interrupted)
    with pytest.raises(KeyboardInterrupt) as interruption:
        train(config, dataset, 1, 6, tmp_path, force=True)
    assert not interruption.value.args, "nothing of this training can be resumed"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_float_network_is_trained_once_for_all_that_differ_in_their_spikes(tmp_path, few, monkeypatch) -> None:
    trained, train_float = [], trainer.train_float

    def counted(config, *rest):
        trained.append(config)
        return train_float(config, *rest)

    monkeypatch.setattr(trainer, "train_float", counted)
    config = PRESETS["tiny"]
    changed = [{}, {"temperature": 0.5}, {"ticks": 9, "weight_bits": 8}, {"dropout": (40,)}]
    curves = [
        train(config.replace(**values), few, 2, 5, tmp_path / str(number)).float_accuracies
        for number, values in enumerate(changed)
    ]
    assert trained == [config.replace(seed=5), config.replace(seed=5, dropout=(40,))]
    assert curves[0] == curves[1] == curves[2] == train_float(config, few, 2, 5).test_accuracies
    for number, other in enumerate([{"seed": 6}, {"epochs": 3}, {"baseline": FloatSettings(rate=0.01)}]):
        train(config, few, **{"epochs": 2, "seed": 5, "out": tmp_path / f"other-{number}", **other})
    assert len(trained) == 5
    # What one training does with its account is nothing to another.
    curves[0].clear()
    assert train(config, few, 2, 5, tmp_path / "again").float_accuracies == curves[1]


def test_killed_between_account_and_checkpoint_repeats_the_epoch(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    train(config, dataset, 1, 5, tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    train(config, dataset, 2, 5, tmp_path, resume=True)
    after = (tmp_path / "checkpoint.npz").read_bytes()
    (tmp_path / "checkpoint.npz").write_bytes(before)
    assert len(train(config, dataset, 2, 5, tmp_path, resume=True).epochs) == 2
    assert (tmp_path / "checkpoint.npz").read_bytes() == after != before


def test_more_epochs_are_those_of_a_longer_training_the_float_network_included(tmp_path, few) -> None:
    config, dataset = PRESETS["tiny"].replace(rates=(200, 100)), few
    straight = train(config, dataset, 4, 5, tmp_path / "straight")
    train(config, dataset, 2, 5, tmp_path / "grown")
    grown = train(config, dataset, 4, 5, tmp_path / "grown", resume=True)
    assert results(grown) == results(straight)
    assert grown.float_accuracies == straight.float_accuracies
    assert grown.float_accuracy == float_accuracy(config, dataset, 4, 5)
    metrics = json.loads((tmp_path / "grown/metrics.json").read_text())
    assert (metrics["float_accuracy"], len(metrics["float_accuracies"])) == (straight.float_accuracy, 4)
    told: list[str] = []
    assert results(train(config, dataset, 4, 5, tmp_path / "grown", told.append, resume=True)) == results(straight)
    assert told[0] == "nothing is left to train of 4 epochs"
    with pytest.raises(BackspikeError, match=r"is whole up to the end of epoch 4: it cannot go back to 2 epochs$"):
        train(config, dataset, 2, 5, tmp_path / "grown", resume=True)
    # Interrupted early in a longer training, the float network is that of as many epochs as are asked for then.
    with pytest.raises(KeyboardInterrupt):
        train(config, dataset, 4, 5, tmp_path / "shrunk", engine=raising("numpy", signal.SIGINT, {1}))
    assert train(config, dataset, 2, 5, tmp_path / "shrunk", resume=True).float_accuracies == grown.float_accuracies[:2]


def test_refuses_to_resume_with_other_samples_of_the_same_name(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    train(config, dataset, 1, 5, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("train_values", "train_labels", "test_values", "test_labels"):
        changed = getattr(dataset, name).copy()
        changed.flat[7] = (changed.flat[7] + 1) % 3
        with pytest.raises(BackspikeError, match=r"is another one: its samples are others$"):
            train(config, replace(dataset, **{name: changed}), 2, 5, tmp_path, resume=True)
    fewer = {
        "train_values": dataset.train_values[:200], "train_labels": dataset.train_labels[:200],
        "test_values": dataset.train_values[200:], "test_labels": dataset.train_labels[200:],
    }  # fmt: skip
    with pytest.raises(BackspikeError, match=r"is another one: its samples are others$"):
        train(config, replace(dataset, **fewer), 2, 5, tmp_path, resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_refuses_to_resume_another_training_and_names_what_differs(tmp_path, few) -> None:
    config, dataset = PRESETS["tiny"], few
    train(config, dataset, 1, 5, tmp_path)
    cases: list[tuple[dict, dict, str]] = [
        ({"rates": (1, 2)}, {}, r"is another one: rates is \[64, 64\], not \[1, 2\]$"),
        ({"rate_decay": 0.5}, {"seed": 6}, "is another one: rate_decay is 0.85, not 0.5; seed is 5, not 6$"),
        ({"inference_patience": 3}, {}, "is another one: inference_patience is not given, not 3$"),
        ({}, {"baseline": FloatSettings(batch=16)}, "is another one: batch of the float network is 32, not 16$"),
        ({}, {"dataset": replace(dataset, name="mine")}, "is another one: dataset is random, not mine$"),
        ({"temperature": 2.0}, {}, "of another configuration .*: its temperature is 1.0, "),
    ]
    for changes, arguments, words in cases:
        given = {"dataset": dataset, "epochs": 2, "seed": 5, "out": tmp_path, "resume": True, **arguments}
        with pytest.raises(BackspikeError, match=words):
            train(config.replace(**changes), **given)


def test_what_changes_no_result_may_change_when_a_training_goes_on(tmp_path, few) -> None:
    config, dataset = PRESETS["tiny"].replace(rates=(200, 100)), few
    whole = train(config, dataset, 2, 5, tmp_path / "whole")
    train(config, dataset, 1, 5, tmp_path / "parts")
    other = config.replace(
        lanes=(2, 1), unit_lanes=(1,), banks=(2, 1), ports=(1, 2), input_lanes=1, input_buffers=1, name="another"
    )
    parts = train(other, dataset, 2, 5, tmp_path / "parts", resume=True)
    assert results(parts) == results(whole)
    metrics = json.loads((tmp_path / "parts/metrics.json").read_text())
    assert metrics["config"] == other.replace(seed=5).to_dict()


def test_refuses_to_resume_what_is_not_there_or_damaged(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    with pytest.raises(BackspikeError, match="cannot read checkpoint"):
        train(config, dataset, 2, 5, tmp_path / "none", resume=True)
    train(config, dataset, 1, 5, tmp_path)
    good = (tmp_path / "metrics.json").read_text()
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(BackspikeError, match=r"metrics\.json is damaged"):
        train(config, dataset, 2, 5, tmp_path, resume=True)
    (tmp_path / "metrics.json").unlink()
    with pytest.raises(BackspikeError, match=r"cannot read .*metrics\.json"):
        train(config, dataset, 2, 5, tmp_path, resume=True)
    # Another training's checkpoint, though it would fit the network; and one that has seen more than there is.
    (tmp_path / "metrics.json").write_text(good)
    checkpoint = Checkpoint.load(tmp_path / "checkpoint.npz")
    for other in (
        replace(checkpoint, config=checkpoint.config.replace(rates=(1, 1))),
        replace(checkpoint, config=checkpoint.config.replace(seed=7)),
        replace(checkpoint, epoch=2),
        replace(checkpoint, shown=257),
    ):
        other.save(tmp_path / "checkpoint.npz")
        with pytest.raises(BackspikeError, match="are not of one training"):
            train(config, dataset, 9, 5, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("left", "advice"),
    [
        ("checkpoint.npz", r"there is a training in .*checkpoint\.npz.*--resume` goes on .*--force overwrites"),
        # As a training leaves it that was killed before its first checkpoint: --resume would be refused.
        ("metrics.json", r"there is metrics\.json of .* no checkpoint to go on from: --force overwrites it"),
        (
            "learning-curve.png",
            r"there is learning-curve\.png of .* no checkpoint to go on from: --force overwrites it",
        ),
    ],
)
def test_nothing_is_overwritten_unless_forced(tmp_path, few, left, advice) -> None:
    config, dataset = PRESETS["tiny"], few
    (tmp_path / left).write_text("precious")
    with pytest.raises(BackspikeError, match=advice):
        train(config, dataset, 1, 5, tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(left, "precious")]
    with pytest.raises(BackspikeError, match="not both"):
        train(config, dataset, 1, 5, tmp_path, resume=True, force=True)
    train(config, dataset, 1, 5, str(tmp_path), force=True, picture=True)  # a folder's name as text does as well
    assert (tmp_path / left).read_bytes() != b"precious"


def test_one_training_at_a_time_writes_to_a_folder(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    refused = []

    def show(network, values, labels, order, learn):
        for options in ({}, {"force": True}, {"resume": True}):
            with pytest.raises(BackspikeError, match="another process writes to ") as error:
                train(config, dataset, 1, 6, tmp_path, **options)
            refused.append(error)
        return network.run_samples(values, labels, order, learn)

    train(config, dataset, 1, 5, tmp_path, engine=show)
    assert refused
    alone = train(config, dataset, 1, 5, tmp_path, force=True)
    assert len(alone.epochs) == 1, "the lock is gone with the one that had it"


@pytest.mark.parametrize(
    "changes",
    [
        {"train_values": np.zeros((256, 9), np.uint8)},
        {"train_values": np.zeros((256, 8))},
        {"train_values": np.zeros((255, 8), np.uint8)},
        {"train_labels": np.full(256, 3)},
        {"train_labels": np.full(256, -1)},
        {"train_labels": np.zeros(256)},
        {"train_labels": np.zeros((256, 1), np.int64)},
        {"test_values": np.zeros((64, 7), np.uint8)},
        {"test_values": np.zeros((64, 4, 2), np.uint8)},
        {"test_labels": np.full(64, 3)},
        {"test_labels": np.zeros(63, np.int64)},
        {"test_labels": np.array(["a"] * 64)},
    ],
)
def test_a_dataset_that_does_not_fit_is_one_sentence_before_anything_is_trained_or_written(
    tmp_path, monkeypatch, changes
) -> None:
    config = PRESETS["tiny"]

    def never(*arguments):
        raise AssertionError("the float network was trained")

    monkeypatch.setattr(trainer, "train_float", never)
    with pytest.raises(BackspikeError):
        train(config, replace(load_dataset("random", config, seed=1), **changes), 1, 5, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True, "2"])
def test_impossible_epochs_are_one_sentence(tmp_path, epochs) -> None:
    config = PRESETS["tiny"]
    with pytest.raises(BackspikeError, match=r"^epochs must be a whole number from 1, not "):
        train(config, load_dataset("random", config, seed=1), epochs, 5, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_accuracy_on_training_samples_is_that_of_the_network_left_alone(tmp_path) -> None:
    """The label is not shown; the part that is looked at is what epoch 1 shows first; nothing is disturbed."""
    config = PRESETS["tiny"].replace(rates=(200, 100))
    dataset = load_dataset("random", config, seed=1)
    done = train(config, dataset, 2, 5, tmp_path)
    network = Network(config.replace(seed=5))
    Checkpoint.load(tmp_path / "checkpoint.npz").apply(network)
    assert evaluate_training(network, dataset) == done.epochs[-1].training_accuracy
    part = sample_order(256, 5, 0)[:64]
    answers = [network.run(Sample(dataset.train_values[index], 0, False)).winner for index in part]
    assert done.epochs[-1].training_accuracy == np.mean(answers == dataset.train_labels[part])


def test_labels_that_mean_nothing_are_not_learned_in_an_epoch(tmp_path) -> None:
    """While the label is shown most answers are right whatever it says; the accuracy must not be."""
    config = PRESETS["digits"]
    dataset = load_dataset("digits", config, seed=1)
    labels = np.random.default_rng(3).permutation(dataset.train_labels)
    done = train(config, replace(dataset, train_labels=labels), 1, 1, tmp_path).epochs[0]
    assert done.right_while_learning > 0.5, "seeds 1 and 3"
    assert done.training_accuracy < 0.25, "seeds 1 and 3: chance is 0.1"


def test_engines_train_alike(tmp_path) -> None:
    """Through a whole epoch of samples of all densities, in the hardware that other tests here have built."""
    config = PRESETS["tiny"].replace(rates=(200, 100))
    dataset = load_dataset("random", config, seed=1)
    for engine in ENGINES:
        train(config, dataset, 1, 2, tmp_path / engine, engine=engine)
    files = {(tmp_path / engine / "checkpoint.npz").read_bytes() for engine in ENGINES}
    assert len(files) == 1


def test_unknown_engine_is_refused(tmp_path) -> None:
    config = PRESETS["tiny"]
    with pytest.raises(BackspikeError, match="engine must be one of fast, numpy, rtl, not 'gpu'"):
        train(config, load_dataset("random", config, seed=1), 1, 5, tmp_path, engine="gpu")


def test_two_layers_learn_what_one_cannot() -> None:
    """Exclusive or: a network that does not pass errors back stays at one half, or three quarters at best."""
    config = NetworkConfig(layers=(2, 8, 2), ticks=32, leak=1, rates=(128, 128), seed=3)
    corners = np.array([[0, 0], [0, 255], [255, 0], [255, 255]], dtype=np.uint8)
    labels = np.array([0, 1, 1, 0])
    dataset = Dataset("xor", corners, labels, np.repeat(corners, 25, axis=0), np.repeat(labels, 25), 2)
    network, show = Network(config), load_engine("fast")
    before = evaluate(network, dataset)
    for epoch in range(150):
        show(network, corners, labels, sample_order(4, config.seed, epoch), True)
    after = evaluate(network, dataset)
    assert after >= 0.95, f"from {before} to {after}, seed {config.seed}"


def test_digits_are_learned_in_one_epoch(tmp_path) -> None:
    config = PRESETS["digits"]
    result = train(config, load_dataset("digits", config, seed=1), 1, 1, tmp_path)
    assert result.epochs[0].test_accuracy >= 0.85, "seed 1"
    assert 0.85 <= result.float_accuracy <= 1, "seed 1"
