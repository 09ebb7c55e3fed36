"""What happens to networks after their training, and how they are to learn on: the ``[scenario]`` of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from statistics import fmean
from typing import Any

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, shown
from backspike.model.network import check_rates
from backspike.toml import require_known, take

from .drift import UNDRIFTED, Drift, drawn_writer, side_of

__all__ = ["NETWORKS", "Case", "Scenario"]

MOST = 1_000_000
"""Most samples that are learned in a case."""

NETWORKS = ("spiking", "float")


@dataclass(frozen=True, kw_only=True)
class Case:
    """What changes after the training; whatever is left out does not.

    Parameters
    ----------
    label : str
    upset : float
        Share of the weights, 0 to 1, in each of which one random bit flips.
    shift : tuple of float
        Pixels to the right and down that images move by.
    turn : float
        Degrees that images turn by, clockwise.
    dead : float
        Share of the pixels, 0 to 1, that are blank from then on.
    writer : float
        Strength, 0 to 2, of the hand of a synthetic writer, another one with each seed (`drift.drawn_writer`).
    gradual : bool
        Whether images drift evenly over all samples that are learned, and not at once.
    passes : int
        Times that the samples are shown, 1 or more, in another order each time.
    rehearsal : int
        Samples of the training, as they were, that are learned after each sample: 0 to 100.

    Raises
    ------
    BackspikeError
        A value is impossible.
    """

    label: str
    upset: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    dead: float = 0.0
    writer: float = 0.0
    gradual: bool = False
    passes: int = 1
    rehearsal: int = 0

    def __post_init__(self) -> None:
        if not self.label.strip() or not self.label.isprintable():
            raise BackspikeError(f"label of a case must be one line of text, not {shown(self.label)}")
        for name, low, high in (
            ("upset", 0, 1), ("turn", -180, 180), ("dead", 0, 1), ("writer", 0, 2), ("passes", 1, 1000),
            ("rehearsal", 0, 100),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise BackspikeError(f"{name} of case {self.label} must be from {low} to {high}, not {shown(value)}")
        if self.writer and (self.turn or any(self.shift)):
            raise BackspikeError(
                f"case {self.label} has a writer, whose hand turns and shifts: neither can be given with it"
            )
        if self.gradual and self.passes > 1:
            raise BackspikeError(f"samples of case {self.label} drift with time, so that passes must be 1")

    @classmethod
    def from_dict(cls, values: Any) -> Case:
        """Return the case that a table describes; raises `BackspikeError` for what is unknown or impossible."""
        if not isinstance(values, Mapping):
            raise BackspikeError(f"a case must be a table, not {shown(values)}")
        require_known(values, [known.name for known in fields(cls)], "a case")
        found: dict[str, Any] = {"label": take(values, "label", str, "a case")}
        what = f"case {found['label']}"
        for kind, names in ((float, ("upset", "turn", "dead", "writer")), (int, ("passes", "rehearsal"))):
            found |= {name: take(values, name, kind, what) for name in names if name in values}
        if "gradual" in values:
            found["gradual"] = take(values, "gradual", bool, what)
        if "shift" in values:
            shift = _numbers(take(values, "shift", list, what), f"shift of {what}")
            if len(shift) != 2 or max(map(abs, shift)) > 1000:
                raise BackspikeError(
                    f"shift of {what} must be pixels to the right and down, at most 1000, not {shown(values['shift'])}"
                )
            found["shift"] = shift
        return cls(**found)

    def to_dict(self) -> dict[str, Any]:
        """Return everything that decides a result, as JSON has it: all but the label."""
        return {**{key: value for key, value in asdict(self).items() if key != "label"}, "shift": list(self.shift)}

    def drift(self, seed: int) -> Drift:
        """Return what happens to images."""
        if self.writer:
            hand = asdict(drawn_writer(seed, self.writer))
            return Drift(**{**hand, "dead": self.dead})
        return Drift(right=self.shift[0], down=self.shift[1], turn=self.turn, dead=self.dead)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Cases of a change after the training, and how both networks learn on in each.

    A network is trained as in every experiment, but for what ``new_classes`` and ``apart`` keep from it. Then comes the
    change, and it learns on, sample after sample.

    Parameters
    ----------
    after : tuple of int
        Numbers of samples after which there is a test, ascending from 0: those that the world has brought since the
        change, neither counting passes nor rehearsal.
    cases : tuple of Case
    rates : tuple of int
        Learning rate of each weight layer while the spiking network learns on, 0 to 256, in 1/256.
    float_rate : float
        Step of the float network, which learns on from one sample at a time too, without momentum.
    new_classes : tuple of int
        Classes that come after the training, and of which all samples are that are learned then.
    apart : int
        Samples of each class that are kept from the training, to be learned then: in rounds, one of each class. With 0
        the samples of the training are learned again, in the orders of the epochs that follow.
    x_label : str
        What `after` counts, for the axis.

    Raises
    ------
    BackspikeError
        A value is impossible.
    """

    after: tuple[int, ...]
    cases: tuple[Case, ...]
    rates: tuple[int, ...]
    float_rate: float
    new_classes: tuple[int, ...] = ()
    apart: int = 0
    x_label: str = field(default="samples learned since", compare=False)

    def __post_init__(self) -> None:
        ascending = all(one < other for one, other in zip(self.after, self.after[1:], strict=False))
        if len(self.after) < 2 or self.after[0] != 0 or not ascending or self.after[-1] > MOST:
            raise BackspikeError(
                f"after of [scenario] must be whole numbers that ascend from 0 to at most {MOST:,}, two or more, "
                f"not {shown(list(self.after))}"
            )
        labels = [case.label for case in self.cases]
        if not labels or len(set(labels)) < len(labels):
            raise BackspikeError(f"cases of [scenario] must be one or more, each with a label of its own, not {labels}")
        if not 0 < self.float_rate <= 1000:
            raise BackspikeError(
                f"float_rate of [scenario] must be above 0 and at most 1000, not {shown(self.float_rate)}"
            )
        if len(set(self.new_classes)) < len(self.new_classes):
            raise BackspikeError(f"new_classes of [scenario] must be different, not {shown(list(self.new_classes))}")
        if not 0 <= self.apart <= MOST:
            raise BackspikeError(f"apart of [scenario] must be from 0 to {MOST:,}, not {shown(self.apart)}")
        if self.apart and self.new_classes:
            raise BackspikeError("apart and new_classes of [scenario] both say what is learned after the training")
        if not self.x_label.isprintable():
            raise BackspikeError(f"x_label of [scenario] must be one line of text, not {shown(self.x_label)}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scenario:
        """Return the scenario that a table describes; raises `BackspikeError` for what is unknown or impossible."""
        what = "[scenario]"
        require_known(values, [known.name for known in fields(cls)], what)
        lists = {
            name: _whole(take(values, name, list, what, default), f"{name} of {what}")
            for name, default in (("after", None), ("rates", None), ("new_classes", []))
        }
        return cls(
            **lists,
            cases=tuple(Case.from_dict(case) for case in take(values, "cases", list, what)),
            float_rate=take(values, "float_rate", float, what),
            apart=take(values, "apart", int, what, 0),
            x_label=take(values, "x_label", str, what, "samples learned since"),
        )

    def require(self, network: NetworkConfig) -> None:
        """Raise `BackspikeError` unless a network can be put through this."""
        if network.input != "rate":
            raise BackspikeError("a scenario is for images; recorded spikes cannot be shown in it")
        if any(network.dropout):
            raise BackspikeError("a scenario is for networks without dropout: the float network learns on without it")
        check_rates(network, list(self.rates))
        classes = network.layers[-1]
        for name in self.new_classes:
            if not 0 <= name < classes:
                raise BackspikeError(f"new_classes of [scenario] must be from 0 to {classes - 1}, not {name}")
        if len(self.new_classes) >= classes:
            raise BackspikeError("new_classes of [scenario] must leave a class to train on")
        if any(case.drift(1) != UNDRIFTED for case in self.cases):
            side_of(network.layers[0])

    def to_dict(self) -> dict[str, Any]:
        """Return everything that decides a result, as JSON has it."""
        return {
            "after": list(self.after),
            "cases": [case.to_dict() for case in self.cases],
            "rates": list(self.rates),
            "float_rate": self.float_rate,
            "new_classes": list(self.new_classes),
            "apart": self.apart,
        }

    def tests(self, case: Case) -> tuple[str, ...]:
        """Return what a case is tested on, in words; the first is what it is about."""
        if self.new_classes:
            return "all classes", "old classes", "new classes"
        if case.drift(1) != UNDRIFTED:
            return "changed samples", "samples as before"
        return ("test samples",)

    def mean(self, result: Mapping[str, Any], network: str) -> float:
        """Return the mean accuracy, 0 to 1, of a network that learns on: on the first of each case's tests, after 0."""
        cases = zip(self.cases, result["cases"], strict=True)
        return fmean(share for case, found in cases for share in found[self.tests(case)[0]]["learning"][network][1:])

    def check(self, result: Any) -> None:
        """Raise `BackspikeError` unless what a result says of this is whole: see `learning_on.learn_on`."""
        what = "scenario of a result"
        if not isinstance(result, dict):
            raise BackspikeError(f"{what} must be a table, not {shown(result)}")
        _shares(take(result, "before", dict, what), NETWORKS, 1, f"before, {what}")
        cases = take(result, "cases", list, what)
        if len(cases) != len(self.cases):
            raise BackspikeError(f"{what} must have {len(self.cases)} cases, not {len(cases)}")
        for case, found in zip(self.cases, cases, strict=True):
            if not isinstance(found, dict):
                raise BackspikeError(f"a case of {what} must be a table, not {shown(found)}")
            for test in self.tests(case):
                of_test = take(found, test, dict, f"case {case.label}")
                for state in ("learning", "frozen"):
                    _shares(take(of_test, state, dict, test), NETWORKS, len(self.after), f"{state}, {test}")


def _numbers(values: list[Any], what: str) -> tuple[Any, ...]:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BackspikeError(f"{what} must be numbers, not {shown(values)}")
    return tuple(values)


def _whole(values: list[Any], what: str) -> tuple[int, ...]:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BackspikeError(f"{what} must be whole numbers, not {shown(values)}")
    return tuple(values)


def _shares(values: dict[str, Any], names: Sequence[str], count: int, what: str) -> None:
    for name in names:
        found = take(values, name, list, what)
        if len(found) != count or not all(
            isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1 for share in found
        ):
            raise BackspikeError(f"{name} of {what} must be {count} numbers from 0 to 1, not {shown(found)}")
