"""State dicts become the chain that they were saved from, and what does not map is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backspike import BackspikeError
from backspike.weights.state_dict import chain_of
from backspike.weights.torch_file import read_state_dict

from .samples import FILES, SHAPE

GENERATOR = np.random.Generator(np.random.PCG64(5))


def linear(inputs: int, units: int, name: str, bias: bool = True) -> dict[str, np.ndarray]:
    found = {f"{name}.weight": GENERATOR.normal(size=(units, inputs)).astype(np.float32)}
    if bias:
        found[f"{name}.bias"] = GENERATOR.normal(size=units).astype(np.float32)
    return found


def leaky(name: str, **parameters: Any) -> dict[str, np.ndarray]:
    """Return what snnTorch's Leaky leaves in a state dict, and other parameters."""
    values = {"threshold": 1.0, "graded_spikes_factor": 1.0, "reset_mechanism_val": 0, "beta": 0.9, **parameters}
    return {f"{name}.{key}": np.array(value) for key, value in values.items() if value is not None}


def test_layers_in_their_order() -> None:
    tensors = {**linear(5, 5, "module.a"), **linear(5, 5, "module.b", bias=False), **linear(5, 3, "out")}
    chain = chain_of(tensors, (5, 5, 5, 3))
    assert [layer.name for layer in chain.layers] == ["module.a.weight", "module.b.weight", "out.weight"]
    assert chain.shape == (5, 5, 5, 3)
    assert not chain.spiking
    for layer, name in zip(chain.layers, ("module.a", "module.b", "out"), strict=True):
        assert np.array_equal(layer.weights[:-1], tensors[f"{name}.weight"].T)
        assert np.array_equal(layer.weights[-1], tensors.get(f"{name}.bias", np.zeros(layer.weights.shape[1])))


def test_shapes_decide_where_the_order_does_not() -> None:
    """Attributes of a module may be made in any order."""
    tensors = {**linear(4, 3, "out"), **linear(6, 4, "hidden")}
    assert [layer.name for layer in chain_of(tensors, (6, 4, 3)).layers] == ["hidden.weight", "out.weight"]


def test_neurons_of_snntorch() -> None:
    """As snnTorch itself has written them."""
    hidden, last = (layer.neurons for layer in chain_of(read_state_dict(FILES / "synaptic.pt"), SHAPE).layers)
    assert hidden
    assert last
    assert (hidden.name, last.name) == ("lif1", "lif2")
    assert np.allclose(hidden.decay, 0.9)
    assert (hidden.threshold == 4).all()
    assert np.allclose(hidden.synapse_decay, 0.5)
    assert np.allclose(hidden.gain, 2)
    assert hidden.decay.shape == (16,)
    assert np.allclose(last.decay, 0.9)
    assert (last.threshold == 1).all()
    assert (last.gain == 1).all()
    assert not last.synapse_decay.any()


def test_parameters_of_each_unit_and_of_all() -> None:
    tensors = {
        **linear(6, 4, "fc1"),
        **leaky("lif1", beta=[0.5, 0.6, 0.7, 1.2], threshold=[1.0, 2, 3, 4], reset_mechanism_val=1),
        **linear(4, 3, "fc2"),
        **leaky("rc", beta=0.8, R=5.0, C=2.0, time_step=1.0, graded_spikes_factor=0.5),
    }
    hidden, last = (layer.neurons for layer in chain_of(tensors, (6, 4, 3)).layers)
    assert hidden
    assert last
    # snnTorch cuts beta to 0 to 1 as well.
    assert hidden.decay.tolist() == [0.5, 0.6, 0.7, 1]
    assert hidden.threshold.tolist() == [1, 2, 3, 4]
    assert hidden.reset_to_zero
    assert not last.reset_to_zero
    assert np.allclose(last.decay, 1 - 1 / 10)
    assert np.allclose(last.gain, 1 / 2)
    assert last.level.tolist() == [0.5] * 3


def test_a_last_layer_may_have_no_neurons() -> None:
    tensors = {**linear(6, 4, "fc1"), **leaky("lif1"), **linear(4, 3, "fc2")}
    assert [layer.neurons is None for layer in chain_of(tensors, (6, 4, 3)).layers] == [False, True]


GOOD = {**linear(6, 4, "fc1"), **leaky("lif1"), **linear(4, 3, "fc2")}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"conv.weight": np.zeros((8, 1, 3, 3))}, r"conv\.weight in it, of shape \(8, 1, 3, 3\), is a convolution"),
        ({"bn.weight": np.ones(4), "bn.bias": np.ones(4), "bn.running_mean": np.ones(4)},
         r"bn\.running_mean in it is of a batch normalisation, which has to be fused"),
        ({"rnn.weight_ih_l0": np.zeros((4, 4))}, r"rnn\.weight_ih_l0 in it is of a recurrent layer"),
        ({"ln.weight": np.ones(4), "ln.bias": np.ones(4)}, r"ln\.weight in it, of shape \(4,\), is neither of a fully"),
        ({"embedding": np.ones((4, 4))}, r"^embedding in it, of shape \(4, 4\), is neither"),
        ({"x.bias": np.ones(4)}, r"x\.bias in it has no weights beside it"),
        ({"fc1.bias": np.ones(3)}, r"fc1\.bias in it is of shape \(3,\), not \(4,\)"),
        ({"fc1.weight": np.full((4, 6), np.nan)}, r"fc1\.weight in it has a value that is nan"),
        ({"fc1.weight": np.full((4, 6), -np.inf)}, r"fc1\.weight in it has a value that is -inf"),
        ({"fc1.weight": np.ones((4, 6), dtype=bool)}, r"fc1\.weight in it must be numbers, not bool"),
        ({"fc1.weight": np.zeros((4, 5))}, r"its layers \(fc1\.weight 5-4, fc2\.weight 4-3\) are not those of"),
        (linear(3, 3, "fc3"), r"fc3\.weight 3-3\) are not those of the configuration, 6-4-3"),
        ({"lif1.recurrent.weight": np.zeros((4, 4))}, r"lif1\.recurrent\.weight 4-4\) are not those"),
        ({"lif1.V": np.ones(4)}, r"lif1\.V in it makes its neurons recurrent"),
        ({"lif1.other": np.ones(4)}, r"lif1\.other in it of shape \(4,\), is of no neuron that maps"),
        ({"lif1.beta": np.ones(3)}, r"lif1\.beta in it must be 1 or 4 numbers, not 3"),
        ({"lif1.threshold": np.array(0.0)}, r"lif1\.threshold in it must be above 0, not 0"),
        ({"lif1.threshold": np.array(np.nan)}, r"lif1\.threshold in it has a value that is nan"),
        ({"lif1.reset_mechanism_val": np.array(2)}, r"lif1 in it has no reset"),
        ({"lif1.alpha": np.array(1.0)}, r"lif1\.alpha in it must be below 1"),
        ({**leaky("lif2"), **leaky("lif3")}, r"it has 2 layers of weights, but 3 of neurons \(lif1, lif2, lif3\)"),
    ],
)  # fmt: skip
def test_what_does_not_map_is_named(more: dict[str, np.ndarray], reason: str) -> None:
    chain_of(GOOD, (6, 4, 3))
    with pytest.raises(BackspikeError, match=reason):
        chain_of({**GOOD, **more}, (6, 4, 3))


def test_neurons_without_a_decay() -> None:
    with pytest.raises(BackspikeError, match=r"lif1 in it has a threshold, but no beta"):
        chain_of({name: array for name, array in GOOD.items() if name != "lif1.beta"}, (6, 4, 3))


def test_no_layers() -> None:
    with pytest.raises(BackspikeError, match=r"its layers \(none\) are not those of the configuration, 6-4-3"):
        chain_of(leaky("lif1"), (6, 4, 3))
