from types import SimpleNamespace

import numpy as np
import pytest
from cocotb.types import LogicArray

from backspike import PRESETS
from backspike.model import Network, Sample
from backspike.sim.exercise import lively_weights, random_config
from backspike.sim.observation import (
    HardwareState,
    Mismatch,
    differing_flag,
    differing_store,
    model_flags,
    model_stores,
)

TINY = PRESETS["tiny"]


@pytest.mark.parametrize(
    ("mismatch", "text"),
    [
        (Mismatch("spike_2", (7,), 1, 0), "layer 2, unit 7, spike: expected 1, got 0"),
        (Mismatch("error_pos_1", (0,), 0, 1), "layer 1, unit 0, error pos: expected 0, got 1"),
        (Mismatch("winner", (), 2, 9), "winner: expected 2, got 9"),
        (Mismatch("weights_3", (16, 4), -5, 5), "layer 3, row 16, unit 4, weights: expected -5, got 5"),
        (Mismatch("membrane_1", (3,), -9, 0), "layer 1, unit 3, membrane: expected -9, got 0"),
        (Mismatch("random_12", (3,), 1, 2), "layer 12, unit 3, random: expected 1, got 2"),
        (Mismatch("bias_1", (0,), 1, 2), "layer 1, bias: expected 1, got 2"),
        (Mismatch("inputs", (6,), 2**63, 1), f"stream 6, inputs: expected {2**63}, got 1"),
    ],
    ids=lambda value: value.state if isinstance(value, Mismatch) else "",
)
def test_a_mismatch_says_where_it_is(mismatch, text):
    assert str(mismatch) == text


def test_the_first_differing_flag_is_found():
    expected = {"spike_1": 0b0110, "gate_1": 1 << 300, "winner": 2}
    assert differing_flag(expected, dict(expected)) is None
    assert differing_flag(expected, {**expected, "spike_1": 0b1010}) == Mismatch("spike_1", (2,), 1, 0)
    assert differing_flag(expected, {**expected, "gate_1": 0}) == Mismatch("gate_1", (300,), 1, 0)
    assert differing_flag(expected, {**expected, "winner": 3}) == Mismatch("winner", (), 2, 3)
    assert differing_flag(expected, {"spike_1": 0b0111, "gate_1": 0, "winner": 0}) == Mismatch("spike_1", (0,), 0, 1)


def test_the_first_differing_store_is_found():
    expected = {"inputs": np.array([2**64 - 1, 5], dtype=np.uint64), "weights_1": np.arange(-3, 3).reshape(2, 3)}
    got = {name: store.copy() for name, store in expected.items()}
    assert differing_store(expected, got) is None
    got["weights_1"][1, 0:2] = 7
    assert differing_store(expected, got) == Mismatch("weights_1", (1, 0), 0, 7)
    got["inputs"][0] -= np.uint64(1)
    assert differing_store(expected, got) == Mismatch("inputs", (0,), 2**64 - 1, 2**64 - 2)


def test_stores_of_another_shape_differ():
    expected = {"weights_1": np.zeros((2, 3), dtype=np.int64)}
    with pytest.raises(ValueError, match=r"\(2,3\)"):
        differing_store(expected, {"weights_1": np.zeros((2, 2), dtype=np.int64)})


def test_the_model_gives_a_bit_a_unit():
    network = Network(TINY, lively_weights(TINY, 1))
    seen = []
    network.run(Sample(np.full(8, 255, dtype=np.uint8), 1, True), lambda tick: seen.append(model_flags(network)))
    flags = model_flags(network)
    assert list(flags) == [
        *("spike_1", "gate_1", "permit_1", "dropped_1", "error_pos_1", "error_neg_1"),
        *("error_pos_2", "error_neg_2", "winner"),
    ]
    assert len(seen) == TINY.ticks
    assert seen[-1] == flags
    for unit in range(4):
        assert flags["spike_1"] >> unit & 1 == network.hidden[0].spike[unit]
    assert any(flags["spike_1"] for flags in seen)


def test_membranes_are_kept_only_with_a_leak():
    assert "membrane_1" not in model_stores(Network(TINY))
    assert model_stores(Network(TINY.replace(leak=1))).keys() - model_stores(Network(TINY)).keys() == {
        "membrane_1",
        "membrane_2",
    }


class Word:
    """A signal, or a word of a memory, that keeps what is written to it."""

    _path = "word"

    def __init__(self, width, value=0):
        self.width, self._value = width, value

    def __len__(self):
        return self.width

    @property
    def value(self):
        return LogicArray.from_unsigned(self._value, self.width)

    @value.setter
    def value(self, value):
        assert 0 <= value < 1 << self.width, f"{value} does not fit {self.width} bits"
        self._value = value


def hardware(config):
    """Return hardware's stores, as empty words, and the state that reads and writes them."""
    top, probes = SimpleNamespace(), {}

    def add(name, handle):
        setattr(top, name, handle)
        probes[name] = name

    unit_bits = config.lfsr_bits
    if config.leak:
        unit_bits += model_bits(config)
    add("winner", Word(config.layers[-1].bit_length()))
    add("ticked", Word(1))
    slots = config.input_streams // config.input_turns
    states = [
        Word(slots * config.lfsr_bits, sum(turn * slots + slot + 1 << slot * config.lfsr_bits for slot in range(slots)))
        for turn in range(config.input_turns)
    ]
    add("inputs", states[0] if config.input_turns == 1 else states)
    for layer in range(1, config.depth + 1):
        shape = config.weight_layer(layer)
        fold, lanes = shape.fold, shape.lanes
        for bank in range(shape.banks):
            rows = -(-shape.rows // shape.banks)
            add(f"weights_{layer}_{bank}", [Word(lanes * config.weight_bits) for _ in range(rows * fold)])
        add(f"bias_{layer}", Word(config.lfsr_bits, layer))
        if layer == config.depth:
            for name in ("error_pos", "error_neg"):
                add(f"{name}_{layer}", Word(config.layers[layer], (1 << config.layers[layer]) - 1))
            ones = (1 << config.lfsr_bits) - 1
            add(f"units_{layer}", [Word(config.lfsr_bits, ones - unit) for unit in range(config.layers[layer])])
            membranes = lanes * model_bits(config)
            words = [Word(membranes, (1 << membranes) - 1) for _ in range(fold)]
            add(f"membranes_{layer}", words[0] if fold == 1 else words)
        else:
            width, unit_words = shape.unit_width, range(shape.unit_fold)
            units = [
                Word(width * unit_bits, sum((word * width + lane + 1) << lane * unit_bits for lane in range(width)))
                for word in unit_words
            ]
            # Spike, gate, permit, dropped and two errors that are gathered; then the errors that hold.
            marks = [Word(width * 6, (1 << width * 6) - 1) for _ in unit_words]
            errors = [Word(lanes * 2, (1 << lanes * 2) - 1) for _ in range(fold)]
            for name, words in (("units", units), ("marks", marks), ("errors", errors)):
                add(f"{name}_{layer}", words[0] if len(words) == 1 else words)
            add(f"first_{layer}", Word(1))
    return top, HardwareState(top, probes, config)


def model_bits(config):
    """Return the width of a membrane here: any will do, as long as it is the same in all units."""
    return config.weight_bits + config.leak + 4


@pytest.mark.parametrize("seed", range(1, 21))
def test_weights_written_are_weights_read(seed):
    config = random_config(seed)
    _, state = hardware(config)
    wanted = lively_weights(config, seed)
    for layer, weights in enumerate(wanted, start=1):
        state.write_weights(layer, weights)
    got = state.stores()
    for layer, weights in enumerate(wanted, start=1):
        assert np.array_equal(got[f"weights_{layer}"], weights), f"random_config({seed}), layer {layer}"


def test_words_are_laid_out_lane_by_lane():
    config = TINY.replace(lanes=(3, 2))
    top, state = hardware(config)
    weights = np.arange(-18, 18).reshape(9, 4) % 64 - 32
    state.write_weights(1, weights)
    # Row 1 of 4 units in words of 3 lanes, and two lanes of the second that no unit has.
    row = [int(weight) % 64 for weight in weights[1]]
    assert int(top.weights_1_0[2].value.to_unsigned()) == row[0] | row[1] << 6 | row[2] << 12
    assert int(top.weights_1_0[3].value.to_unsigned()) == row[3]


def test_rows_lie_in_banks_in_turn():
    config = TINY.replace(banks=(4, 2))
    top, state = hardware(config)
    weights = np.arange(-18, 18).reshape(9, 4) % 64 - 32
    state.write_weights(1, weights)
    for row in range(9):
        word = sum((int(weight) % 64) << 6 * lane for lane, weight in enumerate(weights[row]))
        bank = getattr(top, f"weights_1_{row % 4}")
        assert int(bank[row // 4].value.to_unsigned()) == word, f"row {row}"


def test_streams_written_are_streams_read():
    for lanes, leak, input_lanes in (((4, 3), 0, 0), ((3, 2), 2, 2), ((3, 2), 2, 1)):
        config = TINY.replace(lanes=lanes, leak=leak, input_lanes=input_lanes)
        _, state = hardware(config)
        wanted = model_stores(Network(config))
        before = state.stores()
        state.write_streams(wanted)
        got = state.stores()
        for name in got:
            expected = wanted if name.startswith(("inputs", "bias", "random")) else before
            assert np.array_equal(got[name], expected[name]), name


@pytest.mark.parametrize(("lanes", "leak"), [((4, 3), 0), ((4, 3), 2), ((3, 2), 0), ((3, 2), 2), ((1, 1), 1)])
def test_units_are_read_whatever_the_fold(lanes, leak):
    config = TINY.replace(lanes=lanes, leak=leak)
    _, state = hardware(config)
    stores, flags = state.stores(), state.flags()
    assert stores["inputs"].tolist() == list(range(1, config.input_streams + 1))
    assert stores["random_1"].tolist() == [1, 2, 3, 4]
    assert stores["random_2"].tolist() == [2**32 - 1 - unit for unit in range(3)]
    assert [stores[f"bias_{layer}"].tolist() for layer in (1, 2)] == [[1], [2]]
    assert stores.keys() == model_stores(Network(config)).keys()
    if leak:
        assert stores["membrane_1"].tolist() == [0] * 4
        assert stores["membrane_2"].tolist() == [-1] * 3  # all bits set
    # Lanes without a unit are not looked at.
    assert (flags["spike_1"], flags["error_neg_1"], flags["error_pos_2"]) == (0b1111, 0b1111, 0b111)
    assert flags.keys() == model_flags(Network(config)).keys()


@pytest.mark.parametrize("level", "XZ")
def test_an_unknown_bit_is_an_error(level):
    top, _ = hardware(TINY)
    top.marks_1 = Unknown(4 * 6, level)
    top.weights_2_0[1] = Unknown(18, level)
    state = HardwareState(top, {name: name for name in vars(top)}, TINY)
    with pytest.raises(ValueError, match=rf"^{level * 24} in top\.spike$"):
        state.flags()
    with pytest.raises(ValueError, match=rf"^{level * 18} in top\.spike$"):
        state.stores()


class Unknown(Word):
    """A signal that is unknown or floating."""

    _path = "top.spike"

    def __init__(self, width, level):
        super().__init__(width)
        self.level = level

    @property
    def value(self):
        return LogicArray(self.level * self.width)
