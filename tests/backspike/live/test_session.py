"""What the page may ask for, and what it is told."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, Model
from backspike.datasets import load_dataset
from backspike.live.drawing import SURFACE, sample_of
from backspike.live.names import checked_name, names_path, read_names
from backspike.live.network import LiveNetwork
from backspike.live.session import AT_ONCE, LiveSession, Place
from backspike.model import Network
from backspike.model.fast import run_samples
from backspike.training.checkpoint import Checkpoint
from backspike.training.order import sample_order

CONFIG = PRESETS["digits"].replace(layers=(64, 12, 11), rate_decay=0.5)
DATA = load_dataset("digits", CONFIG, 1, spare=True)
NAMES = [*map(str, range(10)), None]


def begun(**more) -> LiveSession:
    """Return a session of a network that knows nothing."""
    return LiveSession(LiveNetwork(Network(CONFIG)), "a test", (8, 8), NAMES, **more)


def seen(drawing: str) -> np.ndarray:
    """Return what the network sees of a drawing that was sent."""
    return sample_of(np.frombuffer(base64.b64decode(drawing), np.uint8).reshape(SURFACE, SURFACE), 8, 8)


def test_answers_and_lessons_are_those_of_a_model(zero, cross) -> None:
    """What is shown is what `Model` gives: wins, raster, work, and in the end the weights."""
    session, model = begun(), Model(CONFIG, engine="numpy")
    session.answer(zero)
    assert session.name(" cross ")["label"] == 10
    session.learn(zero, 0)
    model.partial_fit([seen(zero)], [0], classes=range(11))
    values = seen(cross)
    raster, told = model.raster(values, 10), session.learn(cross, 10)
    model.partial_fit([values], [10])
    assert told["image"] == values.tolist()
    assert told["wins"] == raster.result.wins.tolist()
    assert told["winner"] == raster.result.winner
    assert told["winners"] == raster.winners.tolist()
    for sent, marks in (
        (told["inputs"], raster.inputs),
        (told["spikes"][0], raster.spikes[0]),
        (told["positive"][0], raster.errors[0] > 0),
        (told["negative"][0], raster.errors[0] < 0),
        (told["positive"][1], raster.errors[1] > 0),
        (told["negative"][1], raster.errors[1] < 0),
    ):
        assert marks.any()
        assert sent == np.argwhere(marks).reshape(-1).tolist()
    assert told["changes"] == raster.changes.sum(axis=0).tolist()
    # Rows of layer 1 are those of inputs that spike, and the bias row.
    assert told["reads"] > 12 * (raster.inputs.sum() + raster.ticks)
    assert told["dense"] == 65 * 12 + 13 * 11
    assert told["now"]["wins"] == session.answer(cross)["wins"] == model.wins([values])[0].tolist()
    assert not any(told["now"]["positive"] + told["now"]["negative"])
    assert all(map(np.array_equal, session.live.network.weights, model.network_.weights))
    assert session.state()["learned"] == [1, *[0] * 9, 1]
    again = model.predict(np.array([seen(zero), values]), seed=CONFIG.seed)
    assert session.evaluate() == {"accuracy": None, "lessons": 2, "lessonsRight": int(np.sum(again == [0, 10]))}


def test_epochs_of_the_dataset_are_those_of_a_training() -> None:
    """In as many requests as one likes; and the accuracy is that of the model, with LFSRs that are seeded anew."""
    session = begun(dataset=DATA, kept=40)
    count, shown = len(DATA.train_labels), 0
    while session.state()["dataset"]["epoch"] == 0:
        shown += session.epoch(AT_ONCE, True)["shown"]
    assert shown == count == session.state()["fromDataset"]
    model = Model(CONFIG).fit(DATA.train_values, DATA.train_labels, epochs=1)
    assert all(map(np.array_equal, session.live.network.weights, model.network_.weights))
    assert session.live.network.rates == [256, 256]
    found = session.evaluate()["accuracy"]
    assert found == model.score(DATA.test_values[:40], DATA.test_labels[:40], seed=CONFIG.seed) > 0.5
    assert session.state()["before"] < 0.4
    session.epoch(7, False)
    assert session.live.network.rates == [128, 128]
    assert session.state()["dataset"]["position"] == 7


def test_the_last_lesson_is_taken_back(zero, cross) -> None:
    session = begun()
    session.learn(zero, 0)
    before = [weights.copy() for weights in session.live.network.weights]
    # Not what it was.
    session.learn(cross, 0)
    assert session.state()["canTakeBack"]
    session.take_back()
    assert all(map(np.array_equal, session.live.network.weights, before))
    state = session.state()
    assert state["learned"] == [1, *[0] * 10]
    assert not state["canTakeBack"]
    assert session.evaluate()["lessons"] == 1


def test_drawings_take_turns_between_the_samples_of_the_dataset(zero, cross) -> None:
    """After every tenth of the epoch, however it is cut into requests."""
    network, session = Network(CONFIG), begun(dataset=DATA, kept=1)
    session.name("cross")
    session.learn(zero, 0)
    session.learn(cross, 10)
    for samples, rehearse in ((7, True), (5, True), (9, False), (22, True)):
        session.epoch(samples, rehearse)
    order = sample_order(len(DATA.train_labels), CONFIG.seed, 0)
    drawings = [(seen(zero), 0), (seen(cross), 10)]
    shown = [*drawings]
    for number in range(43):
        shown.append((DATA.train_values[order[number]], DATA.train_labels[order[number]]))
        # The twentieth was shown without.
        if number in (9, 29, 39):
            shown.append(drawings[(number // 10 + 1) % 2 if number > 10 else 0])
    values, labels = map(np.array, zip(*shown, strict=True))
    run_samples(network, values, labels, np.arange(len(labels)), True)
    assert all(map(np.array_equal, session.live.network.weights, network.weights))
    assert session.state()["rehearsed"] == 3


def test_names() -> None:
    session = begun()
    assert session.name("a")["label"] == 10
    for name, sentence in (
        ("a", "a is known already"),
        ("3", "3 is known already"),
        ("b", "all 11 output units have a name; `backspike live --spare 2` begins with two more"),
        ("", "a name must have 1 to 12 characters that can be seen, not ''"),
        (" \t", "a name must have"),
        ("x" * 13, "a name must have"),
        ("a\nb", "a name must have"),
        (7, "a name must have 1 to 12 characters that can be seen, not 7"),
        (None, "a name must have"),
        (["a"], "a name must have"),
    ):
        with pytest.raises(BackspikeError) as refused:
            session.name(name)
        assert str(refused.value).startswith(sentence)
    session.forget()
    assert session.names == NAMES
    assert checked_name(" \u2665 ") == "\u2665"


def test_what_cannot_be_done_is_one_sentence(zero) -> None:
    session = begun()
    short = base64.b64encode(bytes(SURFACE * (SURFACE - 1))).decode()
    for drawing in (None, 3, "", "&", zero[:-4], zero[1:], short, zero + zero, [zero], "\u00e9"):
        with pytest.raises(BackspikeError, match=r"^a drawing must be 112x112 values of a byte each, in base64$"):
            session.answer(drawing)
    for label in (-1, 11, 1.0, True, "3", None, 2**70):
        with pytest.raises(BackspikeError, match=r"^a label must be from 0 to 10, not "):
            session.learn(zero, label)
    with pytest.raises(BackspikeError, match=r"^output 10 has no name yet$"):
        session.learn(zero, 10)
    with pytest.raises(BackspikeError, match=r"^there is nothing to learn from a blank drawing$"):
        session.learn(base64.b64encode(bytes(SURFACE**2)).decode(), 1)
    with pytest.raises(BackspikeError, match=r"^there is no dataset"):
        session.epoch(1, False)
    with pytest.raises(BackspikeError, match=r"^there is no place to save to"):
        session.save()
    with pytest.raises(BackspikeError, match=r"^there is no lesson to take back$"):
        session.take_back()
    taught = begun(dataset=DATA, kept=1)
    for samples in (0, AT_ONCE + 1, 1.0, True, None, "5"):
        with pytest.raises(BackspikeError, match=r"^samples must be a whole number from 1 to 256, not "):
            taught.epoch(samples, False)
    for rehearse in (None, 1, "yes"):
        with pytest.raises(BackspikeError, match=r"^rehearse must be true or false, not "):
            taught.epoch(1, rehearse)
    assert not session.unsaved
    assert all(map(np.array_equal, session.live.network.weights, Network(CONFIG).weights))


def test_it_is_saved_but_never_over_another_file(zero, tmp_path) -> None:
    path = tmp_path / "folder" / "taught.npz"
    session = begun(place=Place(path))
    session.name("\u2665")
    session.learn(zero, 10)
    assert session.unsaved
    session.save()
    assert not session.unsaved
    assert session.state()["saved"] == str(path)
    session.learn(zero, 10)
    # What it has saved itself, it may save again.
    session.save()
    saved = Checkpoint.load(path).network()
    assert all(map(np.array_equal, saved.weights, session.live.network.weights))
    assert np.array_equal(saved.output.random, session.live.network.output.random)
    assert read_names(path, 11) == [*map(str, range(10)), "\u2665"]
    content = path.read_bytes()
    other = begun(place=Place(path))
    with pytest.raises(BackspikeError, match=r"^there is a file .*taught\.npz: --out takes another name, --force"):
        other.save()
    assert path.read_bytes() == content
    begun(place=Place(path, force=True)).save()
    assert path.read_bytes() != content
    path.unlink()
    with pytest.raises(BackspikeError, match=r"^there is a file .*taught\.npz\.names\.json"):
        other.save()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[", "is damaged: "),
        ("3", "it must be a list of 2 names, one per class"),
        ('["a"]', "it must be a list of 2 names"),
        ('["a", 3]', "a name must have 1 to 12 characters"),
        ('["a", "a"]', "it has one name for two classes"),
    ],
)
def test_a_file_of_names_that_is_none_is_one_sentence(content, sentence, tmp_path) -> None:
    path = tmp_path / "taught.npz"
    assert read_names(path, 2) is None
    names_path(path).write_text(content)
    with pytest.raises(BackspikeError) as refused:
        read_names(path, 2)
    assert str(names_path(path)) in str(refused.value)
    assert sentence in str(refused.value)
