"""Experiment files: what they say is what is trained, and what they cannot say is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from backspike import PRESETS, BackspikeError
from backspike.experiments.definitions import Goal, load_experiment, load_experiments, load_sweep, load_sweeps
from backspike.experiments.task import Task, network_of
from backspike.toml import read_toml
from backspike.training.baseline import FloatSettings

from .conftest import SWEEP, TINY
from .made_up import damaged


def test_an_experiment_is_what_its_file_says(experiments: Path) -> None:
    (found,) = load_experiments(experiments)
    assert (found.name, found.title, found.seeds) == ("tiny", "Tiny on random samples", (1, 2))
    assert found.goal == Goal(accuracy=0.2, below_float=0.5)
    task = found.task(2)
    assert task.network == PRESETS["tiny"].replace(seed=2)
    assert (task.dataset, task.dataset_settings, task.epochs, task.seed) == ("random", {}, 2, 2)
    assert task.baseline == FloatSettings(batch=16)


def test_a_sweep_changes_its_experiment(experiments: Path) -> None:
    (sweep,) = load_sweeps(experiments)
    cells = list(sweep.cells())
    assert [cell.task.seed for cell in cells] == [1] * 4 + [2] * 4
    assert [cell.values for cell in cells[:4]] == [
        {"ticks": ticks, "weight_bits": bits, "weight_frac": bits - 2} for ticks in (4, 8) for bits in (6, 8)
    ]
    for cell in cells:
        expected = PRESETS["tiny"].replace(seed=cell.task.seed, **cell.values)
        assert cell.task.network == expected
        assert cell.task.epochs == 1
        assert cell.task.baseline == FloatSettings(batch=16)
    assert len({cell.task.key for cell in cells}) == 8


def test_axes_reach_every_table(experiments: Path) -> None:
    path = experiments / "studies" / "ticks.toml"
    path.write_text(
        'title = "t"\nexperiment = "../tiny.toml"\nseeds = [3]\nfloat_only = true\n[baseline]\nrate = 0.5\n'
        '[grid]\n"baseline.rate" = [0.25]\n"dataset.validation" = [2]\nepochs = [7]\n"network.dropout" = [[1]]\n'
    )
    (cell,) = load_sweep(path).cells()
    assert cell.task.baseline == FloatSettings(batch=16, rate=0.25)
    assert cell.task.dataset_settings == {"validation": 2}
    assert (cell.task.epochs, cell.task.network.dropout, cell.task.float_only) == (7, (1,), True)


def test_key_is_of_what_decides_the_result(experiments: Path) -> None:
    path = experiments / "tiny.toml"
    task = load_experiment(path).task(1)
    text = path.read_text()

    def key(old: str, new: str) -> str:
        assert old in text
        path.write_text(text.replace(old, new))
        return load_experiment(path).task(1).key

    assert key('title = "Tiny', 'title = "Small') == task.key
    # What changes clocks and area, never a result.
    architecture = (
        "lanes = [1, 1]\nunit_lanes = [1]\nbanks = [1, 1]\nports = [1, 2]\ninput_lanes = 1\ninput_buffers = 1"
    )
    assert key('preset = "tiny"', f'preset = "tiny"\n{architecture}') == task.key
    others = [
        key('preset = "tiny"', 'preset = "tiny"\nticks = 9'),
        key("epochs = 2", "epochs = 3"),
        key("batch = 16", "batch = 8"),
        key('"random"', '"digits"'),
        load_experiment(path).task(2).key,
    ]
    assert len({task.key, *others}) == 6


def test_key_of_a_float_network_is_free_of_spikes(experiments: Path) -> None:
    tables = load_experiment(experiments / "tiny.toml").tables

    def key(**network: object) -> str:
        return Task.from_tables({**tables, "float_only": True, "network": {"preset": "tiny", **network}}).key

    assert key() == key(ticks=9) == key(rates=[1, 1]) == key(weight_bits=8)
    recorded = key(input="spikes")
    assert len({key(), key(dropout=[9]), key(layers=[8, 5, 3]), recorded, key(input="spikes", ticks=9)}) == 5
    assert recorded == key(input="spikes", leak=1)


def test_a_preset_with_other_layers_keeps_what_it_gives() -> None:
    preset = PRESETS["digits"]
    deeper = network_of({"preset": "digits", "layers": [64, 20, 20, 10], "rates": [256, 128, 64]})
    assert (deeper.layers, deeper.rates) == ((64, 20, 20, 10), (256, 128, 64))
    assert (deeper.ticks, deeper.leak, deeper.weight_bits) == (preset.ticks, preset.leak, preset.weight_bits)
    # Nobody gave these.
    assert (deeper.lanes, deeper.dropout) == ((20, 20, 10), (0, 0))
    wider = network_of({"preset": "mnist-up5k", "layers": [784, 200, 10]})
    assert (wider.rates, wider.dropout) == ((64, 32), (16,))
    assert (wider.lanes, wider.unit_lanes) == ((2, 1), (1,))


def test_rates_and_dropout_of_a_preset_that_do_not_fit_are_named() -> None:
    sentence = r"^preset digits with other values: rates must be 3 whole numbers, .*, not \(256, 256\)$"
    with pytest.raises(BackspikeError, match=sentence):
        network_of({"preset": "digits", "layers": [64, 48, 24, 10]})
    sentence = r"^preset mnist-ecp5 with other values: dropout must be 2 whole numbers, .*, not \(24,\)$"
    with pytest.raises(BackspikeError, match=sentence):
        network_of({"preset": "mnist-ecp5", "layers": [784, 200, 200, 10], "rates": [64, 32, 32]})


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("epochs = 2", "epochs = 0", "epochs must be a whole number from 1 to 10000, not 0"),
        ("epochs = 2", 'epochs = "2"', "epochs of an experiment must be a whole number, not '2'"),
        ("epochs = 2", "epoch = 2", "'epoch' is not a value of an experiment; known are title"),
        ("epochs = 2", "", "an experiment must give epochs"),
        (
            "seeds = [1, 2]",
            "seeds = [1, 1]",
            r"seeds of an experiment must be whole numbers from 1 to 4294967295, each once, not \[1",
        ),
        ("seeds = [1, 2]", "seeds = [0]", r"each once, not \[0\]"),
        ("seeds = [1, 2]", "seeds = [4294967296]", r"each once, not \[4294967296\]"),
        ("seeds = [1, 2]", "seeds = [1.0]", r"each once, not \[1\.0\]"),
        ("seeds = [1, 2]", "seeds = [[1]]", r"each once, not \[\[1\]\]"),
        (
            'preset = "tiny"',
            'preset = "tiny"\nseed = 7',
            r"seed is no value of \[network\] here; the seeds to train with",
        ),
        ('preset = "tiny"', 'preset = ["tiny"]', r"preset \['tiny'\] is not one of tiny"),
        ('preset = "tiny"', 'preset = "tiny"\nlayers = 8', "layers must list at least an input and an output size"),
        ("epochs = 2", "epochs = 10001", "epochs must be a whole number from 1 to 10000, not 10001"),
        ("Tiny on", "Tiny\\non", r"title of an experiment must be one line of text, not 'Tiny\\non"),
        ("accuracy = 0.2", "accuracy = nan", r"accuracy of \[goal\] must be a finite number, not nan"),
        ("below_float = 0.5", "below_float = 50", r"below_float of \[goal\] must be a number from 0 to 1, not 50"),
        ('preset = "tiny"', 'preset = "huge"', "preset 'huge' is not one of tiny"),
        ('preset = "tiny"', 'preset = "tiny"\ntick = 4', "'tick' is not a configuration value"),
        ('preset = "tiny"', 'preset = "tiny"\nticks = 0', "ticks must be a whole number from 2 to 65535, not 0"),
        ("batch = 16", "batches = 16", r"'batches' is not a value of \[baseline\]; known are batch, rate"),
        ("accuracy = 0.2", "accurate = 0.2", r"'accurate' is not a value of \[goal\]"),
        ("accuracy = 0.2", 'accuracy = "good"', r"accuracy of \[goal\] must be a finite number, not 'good'"),
        ('name = "random"', "", r"\[dataset\] must give name"),
        (
            'name = "random"',
            'name = "random"\nseed = 1',
            "'seed' is not a value of dataset random; known are validation, train",
        ),
        (
            'name = "random"',
            'name = "random"\nvalidation = 1979-05-27',
            r"validation of \[dataset\] must be a whole number or text, not datetime\.date\(1979, 5, 27\)",
        ),
        ('name = "random"', 'name = "random"\nvalidation = [3]', r"validation of \[dataset\] must be .*, not \[3\]"),
        ("batch = 16", "batch = 16\nrate = inf", "rate of the float network must be at most 1e.09, not inf"),
        ("[network]", "[network", "is not valid TOML"),
    ],
)
def test_a_wrong_experiment_is_one_sentence_with_its_file(experiments: Path, old: str, new: str, sentence: str) -> None:
    path = experiments / "tiny.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BackspikeError, match=sentence) as error:
        load_experiment(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('x = "ticks"', 'x = "leak"', r"x must be an axis of the grid \(ticks, weight_bits, weight_frac\), not 'leak'"),
        ("ticks = [4, 8]", "ticks = 4", r"ticks of \[grid\] must be a list, not 4"),
        ("ticks = [4, 8]", "ticks = []", r"ticks of \[grid\] must have values"),
        ("ticks = [4, 8]", "ticks = [4, 0]", "ticks must be a whole number from 2 to 65535, not 0"),
        ("[[6, 4], [8, 6]]", "[6, 8]", r"weight_bits, weight_frac of \[grid\] must have lists of 2 values, not 6"),
        (
            "ticks = [4, 8]",
            '"goal.x" = [1]\nticks = [4]',
            r"'goal\.x' of \[grid\] is no value of network, dataset, baseline or scenario",
        ),
        *[
            ("ticks = [4, 8]", f"ticks = [4]\n{axis}", sentence)
            for axis, sentence in (
                ("seed = [1, 2]", r"seed of \[grid\] cannot be an axis; every point is trained with each of seeds"),
                ('"network.seed" = [3]', r"network\.seed of \[grid\] cannot be an axis"),
                (
                    "lanes = [[1, 1], [4, 3]]",
                    r"lanes of \[grid\] cannot be an axis, since it does not change a result; o",
                ),
                ('name = ["one"]', r"name of \[grid\] cannot be an axis, .*; of \[network\] these do: layers, ticks, "),
                ('"leak, banks" = [[1, [1, 1]]]', r"banks of \[grid\] cannot be an axis"),
                ("leak = [0, 1, 0]", r"leak of \[grid\] has 0 more than once"),
                ("temperature = [1, 1.0]", r"temperature of \[grid\] has 1\.0 more than once"),
                ('"network.leak" = [0]\nleak = [0, 1]', r"network\.leak of \[grid\] is there more than once"),
                ('"leak, leak" = [[0, 1]]', r"leak of \[grid\] is there more than once"),
                ('"weight_bits, leak" = [[8, 1]]', r"weight_bits of \[grid\] is there more than once"),
                ("dropout = [[], [0]]", r"dropout = \[\] and dropout = \[0\] of \[grid\] are the same training"),
                ('"leak," = [[0, 1]]', r"'' of \[grid\] is no value of network, dataset, baseline or scenario"),
                ('"dataset." = [1]', r"'dataset\.' of \[grid\] is no value of network, dataset, baseline or scenario"),
                ('"network.network.leak" = [1]', r"'network\.network\.leak' of \[grid\] is no value of"),
                ('"dataset.seed" = [1, 2]', "'seed' is not a value of dataset random; known are validation, train"),
                (
                    '"dataset.validation" = [07:32:00, 3]',
                    r"validation of \[dataset\] must be a whole number or text, not",
                ),
                (
                    "\n".join(f'"dataset.{n}" = {list(range(10))}' for n in range(5)),
                    r"\[grid\] must have at most 100,000 points with all seeds, not 400,000",
                ),
            )
        ],
        (
            'x = "ticks"',
            "float_only = true",
            r"ticks of \[grid\] cannot be an axis, since it does not change a float network's result; .*: layers, dr",
        ),
        ("../tiny.toml", "../none.toml", r"cannot read .*none\.toml: No such file"),
        ("[grid]", "[grids]", "'grids' is not a value of a sweep"),
    ],
)
def test_a_wrong_sweep_is_one_sentence_with_its_file(experiments: Path, old: str, new: str, sentence: str) -> None:
    path = experiments / "studies" / "ticks.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BackspikeError, match=sentence) as error:
        load_sweep(path)
    assert str(error.value).startswith(str(path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        BackspikeError, match=r"^there is no folder .*/none of experiments; name another one with --exp"
    ):
        load_experiments(tmp_path / "none")


def test_the_projects_own_files_can_be_read() -> None:
    folder = Path(__file__).parents[3] / "experiments"
    assert {experiment.name for experiment in load_experiments(folder)} >= {"digits"}
    for sweep in load_sweeps(folder):
        assert list(sweep.cells()), sweep.name


@given(data=st.data())
def test_any_table_is_an_experiment_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """What is accepted can be trained: all its tasks, or cells, have a key of their own."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "studies").mkdir()
    for path, text in ((folder / "tiny.toml", TINY), (folder / "studies" / "ticks.toml", SWEEP)):
        path.write_text(text)
        tables = data.draw(damaged(read_toml(path)))
        try:
            path.write_text(tomli_w.dumps(tables))
        except (TypeError, UnicodeEncodeError):  # TOML has no null, and no halves of characters.
            path.write_text(text)
    path = folder / "tiny.toml"
    try:
        found = load_experiment(path)
        assert len({found.task(seed).key for seed in found.seeds}) == len(found.seeds)
        path = folder / "studies" / "ticks.toml"
        cells = list(load_sweep(path).cells())
        assert len({cell.task.key for cell in cells}) == len(cells)
    except BackspikeError as error:
        sentence = str(error)
    else:
        return
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert len(sentence) < 1000
