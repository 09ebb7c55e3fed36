"""Networks that meet a change after their training: left as they are, and learning on, spiking and float alike."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from backspike.config import NetworkConfig
from backspike.datasets import Dataset
from backspike.errors import BackspikeError
from backspike.model import Network
from backspike.training.answers import answer, scratch_copy
from backspike.training.baseline import FloatNetwork, FloatSettings, features, train_float
from backspike.training.engines import DEFAULT_ENGINE, Engine, load_engine
from backspike.training.order import sample_order
from backspike.training.trainer import rates_of_epoch

from .drift import UNDRIFTED
from .flips import flip_each_of
from .scenario import Case, Scenario

__all__ = ["FloatLearner", "SpikingLearner", "World", "learn_on"]

Values = NDArray[np.uint8]
Labels = NDArray[np.int64]
Test = tuple[str, Values, Labels]


class Learner(Protocol):
    """A trained network, as a scenario treats it."""

    def upset(self, share: float, seed: int) -> Learner:
        """Return it with a random bit flipped in each of a share of its weights, drawn from a seed."""

    def learned(self, values: Values, labels: Labels) -> Learner:
        """Return it with samples learned, one after the other."""

    def accuracy(self, values: Values, labels: Labels) -> float:
        """Return the share of right answers, 0 to 1."""


class SpikingLearner:
    """The golden model's network, LFSRs included: what an upset and learning leave is a copy.

    Parameters
    ----------
    network : Network
        Its rates are those that it learns on with.
    engine : str or Engine
    """

    def __init__(self, network: Network, engine: str | Engine = DEFAULT_ENGINE) -> None:
        self.network, self._engine = network, engine

    def upset(self, share: float, seed: int) -> SpikingLearner:
        """Flip bits of the weights as they are stored."""
        network = scratch_copy(self.network)
        bits = network.config.weight_bits
        upset = flip_each_of(network.weights, bits, share, _random(seed, 5))
        for array, weights in zip(network.synapses, upset, strict=True):
            array.weights = weights
        return SpikingLearner(network, self._engine)

    def learned(self, values: Values, labels: Labels) -> SpikingLearner:
        """Learn as the hardware does."""
        network = scratch_copy(self.network)
        load_engine(self._engine)(network, values, labels, np.arange(len(labels)), True)
        return SpikingLearner(network, self._engine)

    def accuracy(self, values: Values, labels: Labels) -> float:
        """Answer with learning off."""
        return float(np.mean(answer(self.network, values, self._engine).classes == labels))


class FloatLearner:
    """The float network, which learns on by gradient descent, a sample a step, without momentum.

    Parameters
    ----------
    network : FloatNetwork
    rate : float
        Step.
    bits : int
        Of a weight in the memory where upsets meet it.
    """

    def __init__(self, network: FloatNetwork, rate: float, bits: int) -> None:
        self.network, self._rate, self._bits = network, rate, bits

    def upset(self, share: float, seed: int) -> FloatLearner:
        """Flip the bits that flip in the spiking network, of the same weights.

        A layer's weights are in whole numbers for that, so that its greatest one is at the end of their range; those
        that do not flip keep their fractions. A bit of the exponent of a float would end most networks.
        """
        end = 2 ** (self._bits - 1)
        scales = [max(float(np.abs(weights).max()), 1e-30) / end for weights in self.network.weights]
        stored = [
            np.clip(np.rint(weights / scale), -end, end - 1).astype(np.int64)
            for weights, scale in zip(self.network.weights, scales, strict=True)
        ]
        flipped = flip_each_of(stored, self._bits, share, _random(seed, 5))
        moved = [
            weights + np.float32(scale) * (after - before).astype(np.float32)
            for weights, scale, before, after in zip(self.network.weights, scales, stored, flipped, strict=True)
        ]
        return self._with(moved)

    def learned(self, values: Values, labels: Labels) -> FloatLearner:
        """Take a step for each sample."""
        result = self._with([weights.copy() for weights in self.network.weights])
        rate, inputs = np.float32(self._rate), features(values)
        with np.errstate(over="ignore", invalid="ignore"):
            for number in range(len(labels)):
                part = slice(number, number + 1)
                _, gradients = result.network.gradients(inputs[part], labels[part])
                for weights, gradient in zip(result.network.weights, gradients, strict=True):
                    weights -= rate * gradient
        return result

    def accuracy(self, values: Values, labels: Labels) -> float:
        """Answer."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.network.accuracy(values, labels)

    def _with(self, weights: list[Any]) -> FloatLearner:
        network = copy.copy(self.network)
        network.weights = weights
        return FloatLearner(network, self._rate, self._bits)


def learn_on(
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    baseline: FloatSettings,
    scenario: Scenario,
    engine: str | Engine = DEFAULT_ENGINE,
) -> dict[str, Any]:
    """Train both networks, put them through each case of a scenario, and say how they do.

    Parameters
    ----------
    config : NetworkConfig
        Its seed decides the trainings, what flips, dies and is drawn, and all orders.
    dataset : Dataset
    epochs : int
        Of the training before.
    baseline : FloatSettings
        How the float network learns then.
    scenario : Scenario
    engine : str or Engine
        The result is the same with each.

    Returns
    -------
    dict
        ``before``: accuracy of each network (``spiking``, ``float``) after the training, in a list of one, on the test
        samples of the classes that it has learned. ``cases``: for each case, for each of `Scenario.tests`, for
        ``learning`` and ``frozen`` weights, for each network a list of accuracies, one for each of `Scenario.after`.
        Accuracies are 0 to 1; a frozen network has met the change, too.

    Raises
    ------
    BackspikeError
        The dataset does not fit the network, or has too few samples for what is kept apart.
    """
    dataset.require(config)
    with threadpool_limits(1):
        world = World.of(dataset, scenario, epochs, config.seed)
        network = _trained(config, world.trained, epochs, load_engine(engine))
        network.rates = list(scenario.rates)
        float_network = train_float(config, world.trained, epochs, config.seed, baseline).network
        learners: dict[str, Learner] = {
            "spiking": SpikingLearner(network, engine),
            "float": FloatLearner(float_network, scenario.float_rate, config.weight_bits),
        }
        known = ~np.isin(dataset.test_labels, scenario.new_classes)
        tests = dataset.test_values[known], dataset.test_labels[known]
        return {
            "before": {name: [learner.accuracy(*tests)] for name, learner in learners.items()},
            "cases": [_case(learners, world, case) for case in scenario.cases],
        }


@dataclass(frozen=True)
class World:
    """What samples networks meet: in their training, after it, and in tests.

    Parameters
    ----------
    scenario : Scenario
    trained : Dataset
        What they are trained on, and all samples to test on.
    values, labels : array
        What there is to be learned after it, in the order in which it comes the first time, as it was before it drifts.
    epochs : int
        Of the training.
    seed : int
    """

    scenario: Scenario
    trained: Dataset
    values: Values
    labels: Labels
    epochs: int
    seed: int

    @classmethod
    def of(cls, dataset: Dataset, scenario: Scenario, epochs: int, seed: int) -> World:
        """Part a dataset as a scenario says; raises `BackspikeError` if it has too few samples for that."""
        values, labels = dataset.train_values, dataset.train_labels
        order = sample_order(len(labels), seed, epochs)
        later = np.isin(labels, scenario.new_classes)
        if scenario.new_classes:
            if not later.any() or later.all():
                raise BackspikeError(f"dataset {dataset.name} must have samples of old and of new classes to train on")
            order = order[later[order]]
        elif scenario.apart:
            order = _rounds(dataset, order, scenario.apart)
            later[order] = True
        trained = replace(dataset, train_values=values[~later], train_labels=labels[~later])
        return cls(scenario, trained, values[order], labels[order], epochs, seed)

    def stream(self, case: Case, count: int) -> tuple[Values, Labels]:
        """Return what is learned until the world has brought so many samples, in that order."""
        size, rounds = len(self.labels), -(-count // len(self.labels))
        orders = [np.arange(size), *(sample_order(size, self.seed, self.epochs + turn) for turn in range(1, rounds))]
        first = np.concatenate(orders)[:count]
        extents = (1 + np.arange(count)) / self.scenario.after[-1] if case.gradual else np.ones(count)
        values, labels = self._drifted(case, self.values[first], extents), self.labels[first]
        again = [sample_order(count, self.seed, self.epochs + turn) for turn in range(1, case.passes)]
        shown = np.concatenate([np.arange(count), *again])
        old = _random(self.seed, 6).integers(0, len(self.trained.train_labels), (len(shown), case.rehearsal))
        # After each sample those that are rehearsed.
        values = np.concatenate([values[shown][:, np.newaxis], self.trained.train_values[old]], axis=1)
        labels = np.concatenate([labels[shown][:, np.newaxis], self.trained.train_labels[old]], axis=1)
        return values.reshape(-1, values.shape[-1]), labels.ravel()

    def tests(self, case: Case, extent: float) -> Iterator[Test]:
        """Yield the tests of a case, when images have drifted so far."""
        values, labels = self.trained.test_values, self.trained.test_labels
        now = self._drifted(case, values, np.full(len(values), extent))
        new, everything = np.isin(labels, self.scenario.new_classes), np.full(len(labels), True)
        parts = {
            "all classes": (now, everything),
            "old classes": (now, ~new),
            "new classes": (now, new),
            "changed samples": (now, everything),
            "samples as before": (values, everything),
            "test samples": (values, everything),
        }
        for test in self.scenario.tests(case):
            shown, part = parts[test]
            yield test, shown[part], labels[part]

    def _drifted(self, case: Case, values: Values, extents: NDArray[np.float64]) -> Values:
        drift = case.drift(self.seed)
        return values if drift == UNDRIFTED else drift.apply(values, extents, self.seed)


def _trained(config: NetworkConfig, dataset: Dataset, epochs: int, show: Engine) -> Network:
    """Return the network that `trainer.train` comes to."""
    network = Network(config)
    for epoch in range(epochs):
        network.rates = rates_of_epoch(config, epoch)
        order = sample_order(len(dataset.train_labels), config.seed, epoch)
        show(network, dataset.train_values, dataset.train_labels, order, True)
    return network


def _rounds(dataset: Dataset, order: Labels, count: int) -> Labels:
    """Return the first so many samples of each class in an order, a round of all classes after the other."""
    labels = dataset.train_labels[order]
    # Of each sample, how many of its class come before it.
    turn = np.empty(len(order), dtype=np.int64)
    for label in range(dataset.classes):
        members = np.flatnonzero(labels == label)
        if len(members) <= count:
            raise BackspikeError(
                f"dataset {dataset.name} has {len(members)} samples of class {label} to train on: {count} cannot be "
                "kept apart"
            )
        turn[members] = np.arange(len(members))
    by_turn = np.argsort(turn, kind="stable")
    return order[by_turn[: count * dataset.classes]]


def _case(learners: dict[str, Learner], world: World, case: Case) -> dict[str, Any]:
    after = world.scenario.after
    extents = [count / after[-1] if case.gradual else 1.0 for count in after]
    tests = {extent: list(world.tests(case, extent)) for extent in set(extents)}
    result: dict[str, Any] = {test: {"learning": {}, "frozen": {}} for test in world.scenario.tests(case)}
    for name, learner in learners.items():
        frozen = learner.upset(case.upset, world.seed) if case.upset else learner
        states = _learning(frozen, world, case)
        learning = [_accuracies(state, tests[extent]) for state, extent in zip(states, extents, strict=True)]
        known = {extent: _accuracies(frozen, of_extent) for extent, of_extent in tests.items()}
        for test, of_test in result.items():
            of_test["learning"][name] = [found[test] for found in learning]
            of_test["frozen"][name] = [known[extent][test] for extent in extents]
    return result


def _learning(frozen: Learner, world: World, case: Case) -> Iterator[Learner]:
    """Yield a network as it is at each test."""
    after = world.scenario.after
    if case.passes > 1:
        # The samples that there are at a test are shown again and again: the network begins anew for each.
        for count in after:
            yield frozen.learned(*world.stream(case, count))
    else:
        values, labels = world.stream(case, after[-1])
        learning, shown = frozen, 0
        for count in after:
            until = count * (1 + case.rehearsal)
            learning, shown = learning.learned(values[shown:until], labels[shown:until]), until
            yield learning


def _accuracies(learner: Learner, tests: Sequence[Test]) -> dict[str, float]:
    return {name: learner.accuracy(values, labels) for name, values, labels in tests}


def _random(seed: int, purpose: int) -> np.random.Generator:
    """Return the generator of a purpose: the trainings and their orders draw from others."""
    return np.random.Generator(np.random.PCG64([seed, 0, purpose]))
