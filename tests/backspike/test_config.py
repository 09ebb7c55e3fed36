"""Configurations: every impossible value in one sentence, files that come back, hashes that tell devices apart."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backspike import PRESETS, BackspikeError, NetworkConfig, load_config
from backspike.errors import shown

IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"layers": ()}, "layers must list at least an input and an output size, not ()"),
    ({"layers": (4,)}, "layers must list at least an input and an output size, not (4,)"),
    ({"layers": [4, 2]}, "layers must list at least an input and an output size, not [4, 2]"),
    ({"layers": (4, 2.0)}, "layers must list at least an input and an output size, not (4, 2.0)"),
    ({"layers": (0, 2)}, "layers[0] must be 1 to 16384 units, not 0"),
    ({"layers": (4, 16_385, 2)}, "layers[1] must be 1 to 16384 units, not 16385"),
    ({"layers": (4, 1)}, "layers[1] must be 2 to 16384 units, not 1"),
    ({"name": "two words"}, "name must be letters, digits and underscores, not 'two words'"),
    ({"name": "../up"}, "name must be letters, digits and underscores, not '../up'"),
    ({"name": 3}, "name must be letters, digits and underscores, not 3"),
    ({"ticks": 1}, "ticks must be a whole number from 2 to 65535, not 1"),
    ({"ticks": 16.0}, "ticks must be a whole number from 2 to 65535, not 16.0"),
    ({"ticks": True}, "ticks must be a whole number from 2 to 65535, not True"),
    ({"weight_bits": 3}, "weight_bits must be a whole number from 4 to 16, not 3"),
    ({"weight_bits": 17}, "weight_bits must be a whole number from 4 to 16, not 17"),
    ({"weight_frac": 0}, "weight_frac must be a whole number from 1 to 8, not 0"),
    ({"weight_frac": 9}, "weight_frac must be a whole number from 1 to 8, not 9"),
    ({"leak": -1}, "leak must be a whole number from 0 to 8, not -1"),
    ({"leak": 9}, "leak must be a whole number from 0 to 8, not 9"),
    ({"seed": 0}, "seed must be a whole number from 1 to 4294967295, not 0"),
    ({"seed": 2**32}, "seed must be a whole number from 1 to 4294967295, not 4294967296"),
    ({"input_lfsrs": 0}, "input_lfsrs must be a whole number from 1 to 16, not 0"),
    ({"input_lfsrs": 17}, "input_lfsrs must be a whole number from 1 to 16, not 17"),
    ({"temperature": 0}, "temperature must be a number above 0 and at most 16, not 0"),
    ({"temperature": float("nan")}, "temperature must be a number above 0 and at most 16, not nan"),
    ({"temperature": "hot"}, "temperature must be a number above 0 and at most 16, not 'hot'"),
    ({"rate_decay": 1.1}, "rate_decay must be a number above 0 and at most 1, not 1.1"),
    ({"lfsr_bits": 31}, "lfsr_bits must be one of 16, 24, 32, 40, 48, 64, not 31"),
    ({"lfsr_bits": 16}, "lfsr_bits must be at least 21, the random bits a hidden unit takes per tick"),
    ({"lfsr_bits": 32.0}, "lfsr_bits must be one of 16, 24, 32, 40, 48, 64, not 32.0"),
    (
        {"activation_range": 2.0**16, "error_range": 2.0**16, "lfsr_bits": 64, "weight_bits": 16, "weight_frac": 16},
        "activation_range and error_range must be smaller: lfsr_bits would have to be at least 72, the random bits",
    ),
    (
        {"layers": (1, *(16_384,) * 4, 2), "activation_range": 0.25, "error_range": 0.25, "lfsr_bits": 16},
        "lfsr_bits must be more than 16, which is enough for 65534 LFSRs, and layers with input_lfsrs need",
    ),
    ({"input": ["rate"]}, "input must be one of rate, spikes, not ['rate']"),
    ({"activation_range": 16.000000000000004}, "activation_range must be a power of two of at least 0.03125 (two LSB)"),
    ({"seed": 16**5000}, "seed must be a whole number from 1 to 4294967295, not a very long int"),
    ({"temperature": 16**5000}, "temperature must be a number above 0 and at most 16, not a very long int"),
    ({"rates": (16**5000, 1)}, "rates must be from 0 to 256, not a very long int"),
    ({"name": "x" * 10_000 + " "}, f"name must be letters, digits and underscores, not '{'x' * 96}..."),
    ({"input": "sound"}, "input must be one of rate, spikes, not 'sound'"),
    ({"activation_range": 3.0}, "activation_range must be a power of two of at least 0.03125 (two LSB), not 3"),
    ({"activation_range": 2.0**-6}, "activation_range must be a power of two of at least 0.03125 (two LSB)"),
    ({"error_range": -1.0}, "error_range must be a number above 0"),
    ({"error_range": float("inf")}, "error_range must be a number above 0"),
    ({"rates": (16,)}, "rates must be 2 whole numbers, one per weight layer, not (16,)"),
    ({"rates": (16, 0.5)}, "rates must be 2 whole numbers, one per weight layer, not (16, 0.5)"),
    ({"rates": (16, 257)}, "rates must be from 0 to 256, not 257"),
    ({"dropout": (1, 1)}, "dropout must be 1 whole numbers, one per hidden layer, not (1, 1)"),
    ({"dropout": (256,)}, "dropout must be from 0 to 255, not 256"),
    ({"dropout": (0.1,)}, "dropout must be 1 whole numbers, one per hidden layer, not (0.1,)"),
    ({"patience": 17}, "patience must be a whole number from 0 to 16, not 17"),
    ({"patience": -1}, "patience must be a whole number from 0 to 16, not -1"),
    ({"inference_patience": 17}, "inference_patience must be a whole number from 0 to 16, not 17"),
    ({"inference_patience": 1.5}, "inference_patience must be a whole number from 0 to 16, not 1.5"),
    ({"lanes": (0, 0, 0)}, "lanes must be 2 whole numbers, one per weight layer, not (0, 0, 0)"),
    ({"input_lanes": 3}, "input_lanes must divide the input_lfsrs, 8, not be 3"),
    ({"input_lanes": 9}, "input_lanes must be a whole number from 0 to 8, not 9"),
    ({"input_buffers": 3}, "input_buffers must be a whole number from 1 to 2, not 3"),
    ({"lanes": (5, 2)}, "lanes must be from 0 to 4, not 5"),
    ({"lanes": (4, 2), "unit_lanes": (3,)}, "unit_lanes of layer 1 must divide its lanes, 4, not be 3"),
    ({"lanes": (2, 2), "unit_lanes": (3,)}, "unit_lanes must be from 0 to 2, not 3"),
    ({"banks": (3, 1)}, "banks must be 1, 2, 4, not 3"),
    ({"banks": (8, 1)}, "banks must be from 1 to 4, not 8"),
    ({"banks": (2,)}, "banks must be 2 whole numbers, one per weight layer, not (2,)"),
    (
        {"banks": (1, 2), "lanes": (3, 2)},
        "banks of weight layer 2 must divide the unit_lanes of the layer below, 3, not be 2",
    ),
    ({"synapses": "memristors"}, "synapses must be one of rows, crossbar, not 'memristors'"),
    ({"synapses": 1}, "synapses must be one of rows, crossbar, not 1"),
    ({"synapses": None}, "synapses must be one of rows, crossbar, not None"),
    *(
        (
            {"synapses": "crossbar", key: values},
            f'{key} must be left out with synapses = "crossbar", where all synapses of a layer work at once, not be '
            + ", ".join(map(str, values)),
        )
        for key, values in (("lanes", (4, 1)), ("unit_lanes", (2,)), ("banks", (1, 2)), ("ports", (1, 2)))
    ),
    (
        {"synapses": "crossbar", "layers": (784, 200, 10)},
        'synapses must be "rows" for layers 784, 200, 10, whose 159,010 synapses are more than the 4,096 that a '
        "crossbar may have",
    ),
    (
        {"synapses": "crossbar", "layers": (4096, 1, 2)},
        'synapses must be "rows" for layers 4096, 1, 2, whose 4,101 synapses are more than the 4,096',
    ),
]


@pytest.mark.parametrize(("values", "sentence"), IMPOSSIBLE, ids=lambda value: shown(value)[:40])
def test_impossible_value_is_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BackspikeError, match=f"^{re.escape(sentence)}") as caught:
        NetworkConfig(**{"layers": (8, 4, 2), **values})
    assert "\n" not in str(caught.value)


def test_limits_themselves_are_possible() -> None:
    config = NetworkConfig(
        layers=(16_384, 1, 2), ticks=65_535, weight_bits=16, weight_frac=16, activation_range=2.0**-15,
        error_range=2.0**-15, leak=8, temperature=16, rates=(0, 256), rate_decay=1, seed=2**32 - 1, input_lfsrs=16,
    )  # fmt: skip
    assert (config.activation_bits, config.error_bits) == (1, 1)
    assert NetworkConfig(layers=(1, 2), ticks=1, weight_bits=4, weight_frac=1).depth == 1


@pytest.mark.parametrize("layers", [(1, 2), (4091, 1, 2), (64, 32, 10)])
def test_a_crossbar_comes_back_from_its_file(layers, tmp_path) -> None:
    """There, what it leaves out is given in full."""
    config = NetworkConfig(layers=layers, synapses="crossbar")
    config.save(tmp_path / "config.toml")
    assert load_config(str(tmp_path / "config.toml")) == config
    assert config.replace(synapses="rows") == NetworkConfig(layers=layers)


def test_input_lanes_of_zero_are_all_lfsrs() -> None:
    config = NetworkConfig(layers=(8, 4), input_lfsrs=6)
    assert config.input_turns == 1
    assert config.replace(input_lanes=2).input_turns == 3
    assert config.replace(input="spikes").input_turns == 6


def test_lanes_of_zero_are_all_units() -> None:
    config = NetworkConfig(layers=(8, 6, 5), lanes=(0, 2))
    assert config.lanes == (6, 2)
    assert [layer.fold for layer in config.weight_layers] == [1, 3]


@pytest.mark.parametrize("name", PRESETS)
def test_file_comes_back_equal(name, tmp_path) -> None:
    path = tmp_path / "config.toml"
    PRESETS[name].save(path)
    assert load_config(str(path)) == PRESETS[name]
    assert load_config(str(path)).hash == PRESETS[name].hash


# What checkpoints, results and devices are recognised by: `hash` and `checkpoint_hash` of each preset.
HASHES = {
    "tiny": ("9ab5bbe045b93754", "78f3da2ed3c05c0c"),
    "digits": ("cd55f1fc7a05a5cb", "f7da799663b9b876"),
    "digits-deep": ("04e450e0ce2b4901", "026c61a216faa4e9"),
    "mnist-ecp5": ("699ba389d0384f32", "56fa320f5d80532a"),
    "mnist-up5k": ("f91d2d6785468178", "b3db8ec91fde470f"),
}


def test_hashes_of_presets_do_not_change() -> None:
    found = {name: (config.hash[:16], config.checkpoint_hash[:16]) for name, config in PRESETS.items()}
    assert found == HASHES


def copies(config: NetworkConfig) -> list[NetworkConfig]:
    """Return a configuration as it comes out of every way to copy it within a program."""
    return [
        config,
        config.replace(seed=2),
        dataclasses.replace(config, seed=2),
        pickle.loads(pickle.dumps(config)),
        copy.deepcopy(config),
    ]


def test_values_of_a_layer_that_were_not_given_follow_the_layers() -> None:
    base = NetworkConfig(layers=(8, 6, 4, 2), lanes=(0, 2, 0), weight_frac=6)
    for config in copies(base):
        other = config.replace(layers=(8, 3, 4, 5), weight_frac=4)
        assert (other.lanes, other.rates) == ((3, 2, 5), (4, 4, 4))
        deeper = config.replace(layers=(8, 3, 4, 5, 2), lanes=())
        assert deeper.to_dict() == NetworkConfig(layers=(8, 3, 4, 5, 2), seed=config.seed).to_dict()
    for config in copies(PRESETS["digits"]):
        assert config.replace(layers=(64, 48, 10)).lanes == (48, 10)
        assert config.replace(layers=(64, 16, 10)).lanes == (16, 10)


def test_values_of_a_layer_that_were_given_stay_or_are_named() -> None:
    base = NetworkConfig(layers=(8, 6, 2), rates=(3, 2), dropout=(9,), lanes=(4, 2), unit_lanes=(2,), banks=(2, 2))
    for config in copies(base):
        other = config.replace(layers=(5, 4, 3))
        for key in ("rates", "dropout", "lanes", "unit_lanes", "banks"):
            assert getattr(other, key) == getattr(base, key)
        with pytest.raises(
            BackspikeError, match=r"^rates must be 3 whole numbers, one per weight layer, not \(3, 2\)$"
        ):
            config.replace(layers=(8, 6, 6, 2))
        with pytest.raises(
            BackspikeError, match=r"^dropout must be 2 whole numbers, one per hidden layer, not \(9,\)$"
        ):
            config.replace(layers=(8, 6, 6, 2), rates=())
        with pytest.raises(BackspikeError, match=r"^lanes must be from 0 to 3, not 4$"):
            config.replace(layers=(8, 3, 2))


def test_a_copy_with_an_unknown_value_is_one_sentence() -> None:
    with pytest.raises(BackspikeError, match=r"^'lane' is not a configuration value; known are layers, "):
        PRESETS["tiny"].replace(lane=3)


def test_one_weight_layer_has_no_hidden_unit_that_draws() -> None:
    assert NetworkConfig(layers=(4, 2), lfsr_bits=16, activation_range=2.0**16, error_range=2.0**16).lfsr_bits == 16


@pytest.mark.parametrize(
    ("depth", "ticks", "untrained", "sentence"),
    [
        (2, 4, 0, None),
        (2, 3, 1, "with ticks = 3, weight layer 1 of 2 never changes, as no error comes so far back "),
        (2, 2, 2, "with ticks = 2, weight layers 1 to 2 of 2 never change, as no error comes so far back "),
        (1, 1, 1, "with ticks = 1, weight layer 1 of 1 never changes, "),
        (1, 2, 0, None),
        (4, 5, 3, "with ticks = 5, weight layers 1 to 3 of 4 never change, "),
    ],
)
def test_weight_layers_that_never_change_are_named(depth, ticks, untrained, sentence) -> None:
    config = NetworkConfig(layers=(6,) * depth + (3,), ticks=ticks)
    assert config.untrained == untrained
    assert [warning[: len(sentence)] for warning in config.warnings()] == ([sentence] if sentence else [])


def test_presets_are_named_as_promised() -> None:
    layers = {name: config.layers for name, config in PRESETS.items()}
    assert layers["tiny"] == (8, 4, 3)
    assert layers["digits"] == (64, 32, 10)
    assert layers["digits-deep"] == (64, 32, 16, 10)
    assert layers["mnist-ecp5"] == (784, 200, 10)
    assert layers["mnist-up5k"] == (784, 128, 10)
    assert PRESETS["mnist-ecp5"].weight_bits == 9
    assert PRESETS["mnist-up5k"].weight_bits == 8


OTHER_VALUES: dict[str, Any] = {
    "layers": (8, 5, 2), "name": "other", "ticks": 17, "weight_bits": 9, "weight_frac": 5, "activation_range": 4.0,
    "error_range": 2.0, "leak": 1, "temperature": 0.5, "rates": (1, 2), "rate_decay": 0.5, "seed": 2, "lfsr_bits": 64,
    "dropout": (9,), "patience": 3, "input": "spikes", "input_lfsrs": 4, "input_lanes": 4, "lanes": (2, 1),
    "banks": (2, 1), "ports": (1, 2), "unit_lanes": (2,), "synapses": "crossbar",
    "input_buffers": 1, "inference_patience": 5, "input_draws": "stratified",
}  # fmt: skip


def test_hash_tells_every_value_apart_but_the_name() -> None:
    base = NetworkConfig(layers=(8, 4, 2))
    assert set(OTHER_VALUES) == {field.name for field in dataclasses.fields(base)}
    configs = [base, *(base.replace(**{key: value}) for key, value in OTHER_VALUES.items() if key != "name")]
    for one, other in itertools.combinations(configs, 2):
        assert one.hash != other.hash, (one, other)
    assert base.replace(name="other").hash == base.hash


def test_hash_of_a_device_stays_what_it_was() -> None:
    """Devices that were built before a value came know nothing of it."""
    tiny = PRESETS["tiny"]
    assert tiny.hash == "9ab5bbe045b93754723e56926ec341cb70bbf5000a95fce0e026ba25c574d4ce"
    assert {**tiny.to_dict(), "synapses": "crossbar"} == tiny.replace(synapses="crossbar").to_dict()


@pytest.mark.parametrize("key", OTHER_VALUES)
def test_checkpoint_fits_whatever_computes_the_same(key) -> None:
    base = NetworkConfig(layers=(8, 4, 2))
    other = base.replace(**{key: OTHER_VALUES[key]})
    same = key in (
        "name",
        "rates",
        "rate_decay",
        "seed",
        "synapses",
        "lanes",
        "unit_lanes",
        "banks",
        "ports",
        "input_lanes",
        "input_buffers",
        "inference_patience",
    )
    assert (other.checkpoint_hash == base.checkpoint_hash) == same
    assert base.checkpoint_difference(other) == (None if same else key)


def test_inference_is_as_patient_as_training_unless_it_says_otherwise(tmp_path) -> None:
    base = NetworkConfig(layers=(8, 4, 2), patience=3)
    assert (base.patience_for(True), base.patience_for(False), base.ends_early) == (3, 3, True)
    assert "inference_patience" not in base.to_dict()
    other = base.replace(inference_patience=0)
    assert (other.patience_for(True), other.patience_for(False), other.ends_early) == (3, 0, True)
    other = base.replace(patience=0, inference_patience=7)
    assert (other.patience_for(True), other.patience_for(False), other.ends_early) == (0, 7, True)
    assert not base.replace(patience=0, inference_patience=0).ends_early
    other.save(tmp_path / "config.toml")
    assert load_config(str(tmp_path / "config.toml")) == other


def test_draws_are_independent_unless_said_and_files_of_before_stay_as_they_were(tmp_path) -> None:
    base = NetworkConfig(layers=(8, 4, 2))
    assert base.input_draws == "independent"
    assert "input_draws" not in base.to_dict()
    assert base == NetworkConfig.from_dict(base.to_dict() | {"input_draws": "independent"})
    other = base.replace(input_draws="stratified")
    other.save(tmp_path / "config.toml")
    assert load_config(str(tmp_path / "config.toml")) == other


def test_hashes_are_those_of_before_there_were_stratified_draws() -> None:
    assert PRESETS["tiny"].hash == "9ab5bbe045b93754723e56926ec341cb70bbf5000a95fce0e026ba25c574d4ce"


@pytest.mark.parametrize("value", ["sobol", "", 1, None, ["stratified"]])
def test_draws_of_another_kind_are_refused(value) -> None:
    with pytest.raises(BackspikeError, match=r"^input_draws must be one of independent, stratified, not "):
        NetworkConfig(layers=(8, 2), input_draws=value)


def test_recorded_spikes_have_no_draws_to_stratify() -> None:
    sentence = "^input_draws must be independent where input is spikes, whose spikes are not drawn, not stratified$"
    with pytest.raises(BackspikeError, match=sentence):
        NetworkConfig(layers=(8, 2), input="spikes", input_draws="stratified")


def test_unknown_preset_lists_the_known() -> None:
    sentence = r"^'mnist' is neither a preset \(tiny, digits, .*\) nor the path of a \.toml configuration$"
    with pytest.raises(BackspikeError, match=sentence):
        load_config("mnist")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"layers = [4, 2", "is not valid TOML: "),
        (b"layers = [4, 2]\nname = '\xff'", "is not valid TOML: "),
        (b"ticks = 4", "a configuration must give layers, such as layers ="),
        (b"layers = [4, 2]\nlayer = 3", "'layer' is not a configuration value; known are layers, name, ticks"),
        (b"layers = [4, 2]\ninput_streams = 2", "input_streams is called input_lfsrs now"),
        (b"layers = 4", "layers must list at least an input and an output size, not 4"),
        (b"layers = [4, 2]\nweight_bits = 40", "weight_bits must be a whole number from 4 to 16, not 40"),
        (b"layers = [4, 2]\n[rates]\na = 1", "rates must be 1 whole numbers"),
        (b"layers = [4, 2]\nlfsr_bits = [1, 2]", "lfsr_bits must be one of"),
        (b"layers = [[4], 2]", "layers must list"),
    ],
)
def test_bad_file_is_one_sentence_with_its_path(content: bytes, sentence: str, tmp_path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(BackspikeError) as caught:
        load_config(str(path))
    assert str(caught.value).startswith(str(path))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(BackspikeError, match=r"cannot read configuration .*none.toml: No such file or directory"):
        load_config(str(tmp_path / "none.toml"))


NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.integers(),
    st.sampled_from([2**31, 2**32, 2**64, 10**400, True, False, None, 32.0, 0.5, 2.0, 2.0**-20]),
    st.floats(allow_nan=True, allow_infinity=True),
)
ANYTHING = st.recursive(
    st.one_of(NUMBERS, st.text(max_size=5), st.binary(max_size=3), st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=2)),
    max_leaves=6,
)
LAYERS = st.lists(st.integers(2, 12), min_size=2, max_size=5)
OTHERS = {
    field.name: st.one_of(NUMBERS, st.lists(st.integers(0, 12), max_size=5), ANYTHING)
    for field in dataclasses.fields(NetworkConfig)
} | {"layers": st.one_of(LAYERS, ANYTHING), "input": st.one_of(st.sampled_from(["rate", "spikes"]), ANYTHING)}
ONE_VALUE = st.sampled_from(list(OTHERS)).flatmap(
    lambda key: st.fixed_dictionaries({"layers": LAYERS, key: OTHERS[key]})
)
MANY_VALUES = st.fixed_dictionaries({}, optional=OTHERS)
NO_VALUES = st.one_of(st.dictionaries(st.one_of(st.text(), st.integers()), ANYTHING), ANYTHING)


def sentence_of(values: Any) -> str:
    with pytest.raises(BackspikeError) as caught:
        NetworkConfig.from_dict(values)
    return str(caught.value)


@given(st.one_of(ONE_VALUE, ONE_VALUE, MANY_VALUES, NO_VALUES))
def test_any_values_are_a_configuration_or_one_sentence(tmp_path_factory, values) -> None:
    try:
        config = NetworkConfig.from_dict(values)
    except BackspikeError:
        sentence = sentence_of(values)
        assert "\n" not in sentence
        assert len(sentence) < 500
        return
    path = tmp_path_factory.mktemp("any") / "config.toml"
    config.save(path)
    assert load_config(str(path)) == config
    assert load_config(str(path)).hash == config.hash == config.replace().hash
