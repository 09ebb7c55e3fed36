"""The state of simulated hardware, read and written by its description, and how a difference is named."""

from types import SimpleNamespace

import numpy as np
import pytest
from cocotb.types import LogicArray

from backspike import PRESETS
from backspike.hdl.network import NetworkTop
from backspike.model import Network, Sample
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState, state_entries
from backspike.sim.exercise import lively_weights, random_config
from backspike.sim.observation import BETWEEN_SAMPLES, HardwareState, Mismatch, compared_state, difference

TINY = PRESETS["tiny"]
DEEP = TINY.replace(layers=(8, 7, 6, 3), rates=(64, 64, 64))


def mismatch(name, position, expected, got, config=DEEP):
    return Mismatch(state_entries(config)[name], position, expected, got)


@pytest.mark.parametrize(
    ("name", "position", "text"),
    [
        ("spike_2", (5,), "layer 2, unit 5, spike"),
        ("error_pos_1", (0,), "layer 1, unit 0, error pos"),
        ("winner_3", (), "layer 3, winner"),
        ("weights_3", (6, 2), "layer 3, row 6, unit 2, weights"),
        ("membrane_1", (3,), "layer 1, unit 3, membrane"),
        ("random_2", (3,), "layer 2, unit 3, random"),
        ("bias_1", (0,), "layer 1, bias"),
        ("random_0", (1,), "layer 0, LFSR 1, random"),
    ],
)
def test_a_mismatch_says_where_it_is(name, position, text):
    assert str(mismatch(name, position, -5, 2**63)) == f"{text}: expected -5, got {2**63}"


def test_the_first_difference_is_found():
    expected = NetworkState.of(Network(DEEP))
    assert difference(expected, NetworkState.of(Network(DEEP))) is None
    for changes, found in (
        ({"winner_3": ((), 2)}, ("winner_3", (), 0, 2)),
        ({"winner_3": ((), 1), "spike_2": (4, True)}, ("spike_2", (4,), 0, 1)),
        ({"membrane_1": (2, 5), "weights_3": ((0, 0), 9)}, ("weights_3", (0, 0), int(expected["weights_3"][0, 0]), 9)),
        ({"weights_1": ((slice(None), 3), 7)}, ("weights_1", (0, 3), int(expected["weights_1"][0, 3]), 7)),
    ):
        got = NetworkState.of(Network(DEEP))
        for name, (place, value) in changes.items():
            got[name][place] = value
        assert difference(expected, got) == mismatch(*found)
    got = NetworkState.of(Network(DEEP))
    got["random_0"][1] ^= np.uint64(1 << 31)
    first = int(expected["random_0"][1])
    assert difference(expected, got) == mismatch("random_0", (1,), first, first ^ 1 << 31)


def test_states_of_another_shape_differ():
    expected = NetworkState(TINY, {"weights_1": np.zeros((9, 4), dtype=np.int64)})
    with pytest.raises(ValueError, match=r"\(9,4\)"):
        difference(expected, NetworkState(TINY, {"weights_1": np.zeros((2, 2), dtype=np.int64)}))


def test_the_model_gives_its_flags_after_each_tick():
    network = Network(TINY, lively_weights(TINY, 1))
    seen = []
    sample = Sample(np.full(8, 255, dtype=np.uint8), 1, True)
    network.run(sample, lambda tick: seen.append(NetworkState.of(network, StateKind.FLAG)))
    assert list(seen[-1]) == [
        *("spike_1", "gate_1", "permit_1", "dropped_1", "error_pos_1", "error_neg_1"),
        *("error_pos_2", "error_neg_2", "winner_2"),
    ]
    assert len(seen) == TINY.ticks
    assert np.array_equal(seen[-1]["spike_1"], network.hidden[0].spike)
    assert any(flags["spike_1"].any() for flags in seen)


def test_membranes_are_kept_only_with_a_leak():
    without = compared_state(Network(TINY)).keys()
    assert compared_state(Network(TINY.replace(leak=1))).keys() - without == {"membrane_1", "membrane_2"}


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


def hardware(config, seed=1):
    """Return a design's probes as words of random bits, and the state that reads and writes them."""
    generator = np.random.default_rng(seed)
    design = NetworkTop(config)
    design._MustUse__silence = True  # never elaborated
    top, probes = SimpleNamespace(), design.probes
    for name, probe in probes.items():
        width, node = probe["layout"]["width"], top
        *instances, signal = probe["path"].split(".")
        for instance in instances:
            node.__dict__.setdefault(instance, SimpleNamespace())
            node = getattr(node, instance)
        first = name.endswith(".first")
        drawn = [int.from_bytes(generator.bytes(width // 8 + 1), "little") for _ in range(probe["words"])]
        words = [Word(width, 0 if first else value % (1 << width)) for value in drawn]
        setattr(node, signal, words if probe["memory"] else words[0])
    return top, HardwareState(top, probes, config)


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_state_written_is_the_state_read(seed):
    config = random_config(seed)
    network = Network(config, lively_weights(config, seed))
    dataset = np.random.default_rng(seed)
    shape = (config.layers[0],) if config.input == "rate" else (config.ticks, config.layers[0])
    network.run(Sample(dataset.integers(0, 256, shape).astype(np.uint8), 1, True))
    _, state = hardware(config)
    for kind in StateKind:
        if kind is StateKind.MEMBRANE and not config.leak:
            continue
        before = {other: state.read(other) for other in StateKind if other is not kind}
        wanted = NetworkState.of(network, kind)
        state.write(wanted)
        assert difference(wanted, state.read(kind)) is None, f"random_config({seed}), {kind}"
        for other, unchanged in before.items():
            assert difference(unchanged, state.read(other)) is None, f"random_config({seed}), {other} beside {kind}"


def test_words_are_laid_out_lane_by_lane():
    config = TINY.replace(lanes=(3, 2))
    top, state = hardware(config)
    weights = np.arange(-18, 18).reshape(9, 4) % 64 - 32
    state.write(NetworkState(config, {"weights_1": weights}))
    # Row 1 of 4 units in words of 3 lanes, and two lanes of the second that no unit has.
    row = [int(weight) % 64 for weight in weights[1]]
    rows = top.layer_1.sweep.synapses.rows_0
    assert int(rows[2].value.to_unsigned()) == row[0] | row[1] << 6 | row[2] << 12
    assert int(rows[3].value.to_unsigned()) & 63 == row[3]


def test_rows_lie_in_banks_in_turn():
    config = TINY.replace(banks=(4, 2))
    top, state = hardware(config)
    weights = np.arange(-18, 18).reshape(9, 4) % 64 - 32
    state.write(NetworkState(config, {"weights_1": weights}))
    for row in range(9):
        word = sum((int(weight) % 64) << 6 * lane for lane, weight in enumerate(weights[row]))
        bank = getattr(top.layer_1.sweep.synapses, f"rows_{row % 4}")
        assert int(bank[row // 4].value.to_unsigned()) == word, f"row {row}"


@pytest.mark.parametrize(("lanes", "leak"), [((4, 3), 0), ((4, 3), 2), ((3, 2), 0), ((3, 2), 2), ((1, 1), 1)])
def test_units_are_read_whatever_the_fold(lanes, leak):
    """Against Amaranth's own view of the words."""
    config = TINY.replace(lanes=lanes, leak=leak)
    top, state = hardware(config, seed=7)
    layer = config.weight_layer(1)
    flags, kept = state.read(StateKind.FLAG), state.read(*BETWEEN_SAMPLES)
    words = top.layer_1.states.register if layer.unit_fold == 1 else top.layer_1.states.memory
    words = words if isinstance(words, list) else [words]
    membrane = kept["membrane_1"] if leak else None
    for unit in range(4):
        word = int(words[unit // layer.unit_width].value.to_unsigned())
        bits = len(words[0]) // layer.unit_width
        element = word >> unit % layer.unit_width * bits & (1 << bits) - 1
        assert kept["random_1"][unit] == element % (1 << config.lfsr_bits)
        if leak:
            width = bits - config.lfsr_bits
            raw = element >> config.lfsr_bits
            assert membrane[unit] == (raw - (1 << width) if raw >> (width - 1) else raw)
    errors = int(top.layer_2.wta.error_pos.value.to_unsigned())
    assert flags["error_pos_2"].tolist() == [bool(errors >> unit & 1) for unit in range(3)]
    assert flags.keys() == NetworkState.of(Network(config), StateKind.FLAG).keys()
    assert kept.keys() == compared_state(Network(config)).keys()


def test_flags_of_a_layer_that_has_not_taken_part_are_zero():
    top, state = hardware(TINY)
    state.write(NetworkState(TINY, {"spike_1": np.ones(4, dtype=bool), "error_pos_2": np.ones(3, dtype=bool)}))
    assert state.read(StateKind.FLAG)["spike_1"].all()
    top.layer_1.first.value = 1
    flags = state.read(StateKind.FLAG)
    assert not any(flags[name].any() for name in flags if name.endswith("_1"))
    assert flags["error_pos_2"].all()


@pytest.mark.parametrize("level", "XZ")
def test_an_unknown_bit_is_an_error(level):
    top, _ = hardware(TINY)
    top.layer_1.marks.register = Unknown(4 * 6, level)
    top.layer_2.sweep.synapses.rows_0[1] = Unknown(18, level)
    design = NetworkTop(TINY)
    design._MustUse__silence = True
    state = HardwareState(top, design.probes, TINY)
    with pytest.raises(ValueError, match=rf"^{level * 24} in top\.spike$"):
        state.read(StateKind.FLAG)
    with pytest.raises(ValueError, match=rf"^{level * 18} in top\.spike$"):
        state.read(*BETWEEN_SAMPLES)


class Unknown(Word):
    """A signal that is unknown or floating."""

    _path = "top.spike"

    def __init__(self, width, level):
        super().__init__(width)
        self.level = level

    @property
    def value(self):
        return LogicArray(self.level * self.width)
