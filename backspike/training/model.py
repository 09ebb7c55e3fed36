"""A network as scikit-learn's users expect one: fit, predict, score; over every engine, and on a device."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backspike.config import NetworkConfig, load_config
from backspike.datasets.samples import DIM, FULL
from backspike.errors import BackspikeError, BackspikeWarning, shown
from backspike.model.network import Counters, Network
from backspike.model.raster import Raster, record_raster
from backspike.model.spikes import Sample

from .answers import Answer, Answers, Evaluation, answer, scratch_copy
from .checkpoint import Checkpoint
from .engines import DEFAULT_ENGINE, Engine, load_engine, show_chunks
from .identity import network_identity
from .order import sample_order
from .samples import network_values
from .trainer import rates_of_epoch

if TYPE_CHECKING:
    from backspike.fpga.link.device import Device

__all__ = ["Model"]

PARAMETERS = ("config", "epochs", "seed", "engine", "verbose")
"""What a model is made with, by the names that `get_params` and `set_params` have for it."""


class Model:
    """A classifier that learns with spikes, in the golden model, in its Verilog, or on a board.

    It has what scikit-learn asks of a classifier, so that its pipelines and searches take one.

    Samples are arrays of shape (samples, ...), each with n_0 values in any shape: whole numbers from 0 to 255, floats
    from 0 to 1, or booleans. Recorded spikes (``input = "spikes"``) have T ticks of them: `network_values` says all.

    Parameters
    ----------
    config : NetworkConfig, str or Path
        The network; a preset's name or the path of a TOML file will do.
    epochs : int
        Times that `fit` shows all samples, 1 or more.
    seed : int, optional
        Seed of weights, LFSRs and order of samples, 1 to 2**32 - 1; that of the configuration when left out.
    engine : str, Engine or Device
        What computes: ``"fast"``, ``"numpy"`` (both the golden model), ``"rtl"`` (the Verilog in simulation), or a
        board's `Device`, real or simulated, beside which the golden model runs and is compared. The results are the
        same to the last bit.
    verbose : bool
        Whether there is a progress bar on a terminal.

    Attributes
    ----------
    network_ : Network
        What was learned, with the LFSRs as the last sample has left them; asking for answers leaves it as it is.
    classes_ : array, shape (n_L,)
        The label of each unit of the output layer.
    n_features_in_ : int
        Values of a sample.

    Raises
    ------
    BackspikeError
        In all methods: a configuration, seed or engine that is none, samples or labels that are not the network's, or
        answers asked for before anything was learned. On a device, `MismatchError` if it differs from the model.
    """

    # What scikit-learn before 1.6 asks for in place of `__sklearn_tags__`.
    _estimator_type = "classifier"

    def __init__(
        self,
        config: NetworkConfig | str | Path,
        *,
        epochs: int = 20,
        seed: int | None = None,
        engine: str | Engine | Device = DEFAULT_ENGINE,
        verbose: bool = False,
    ) -> None:
        self.config = config
        self.epochs = epochs
        self.seed = seed
        self.engine = engine
        self.verbose = verbose

    # -- learning -----------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike, epochs: int | None = None) -> Model:
        """Learn from nothing; return the model itself.

        The network is what `backspike train` makes of the same samples, seed and epochs, to the last bit.

        Parameters
        ----------
        X : array-like, shape (samples, ...)
        y : array-like, shape (samples,)
            Label of each. Whole numbers from 0 to n_L - 1 are the units of the output layer; of anything else there
            must be n_L, and their order gives each its unit.
        epochs : int, optional
            In place of those that the model was made with.

        Warns
        -----
        BackspikeWarning
            Ticks are too few for all layers to learn, or no value is a quarter of 255.
        """
        count = self.epochs if epochs is None else epochs
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise BackspikeError(f"epochs must be a whole number from 1, not {shown(count)}")
        config = self._made_config()
        for sentence in config.warnings():
            warnings.warn(sentence, BackspikeWarning, stacklevel=2)
        values, classes = network_values(config, X), _classes(y, config.layers[-1])
        labels = _indices(y, classes, len(values))
        if not len(labels):
            raise BackspikeError("there must be a sample to learn from")
        brightest = int(values.max())
        if config.input == "rate" and 0 < brightest < DIM:
            warnings.warn(
                f"no value of the samples is above {brightest} of {FULL}, so that inputs hardly spike; scale them",
                BackspikeWarning,
                stacklevel=2,
            )
        network, device = Network(config), self._device(config)
        if device:
            from .device import DeviceEngine

            show: Engine = DeviceEngine(device)
        else:
            show = self._engine()
        for epoch in range(count):
            network.rates = rates_of_epoch(config, epoch)
            order = sample_order(len(labels), config.seed, epoch)
            title = f"epoch {epoch + 1}/{count}"
            for _ in show_chunks(network, values, labels, order, True, show, title, silent=not self.verbose):
                pass
            network.counters = Counters.zero(config.depth)
            if device:
                show.compare_weights(network)  # type: ignore[attr-defined]
        self._epochs = int(count)
        return self._learned(network, classes)

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Model:
        """Go on learning, from samples in the order in which they come, each shown once; return the model itself.

        The learning rates are those of the last epoch; of the first one, where nothing was learned before. A device
        cannot go on: its LFSRs are those of the last answers.

        Parameters
        ----------
        X : array-like, shape (samples, ...)
        y : array-like, shape (samples,)
        classes : array-like, shape (n_L,), optional
            All labels that there are, for the first call; when left out they follow from `y`, as in `fit`.
        """
        fitted = self.__sklearn_is_fitted__()
        config = self.network_.config if fitted else self._made_config()
        if self._device(config):
            raise BackspikeError("a device cannot go on where it was: its LFSRs can be seeded alone; fit begins anew")
        known = self.classes_ if fitted else _classes(y if classes is None else classes, config.layers[-1])
        values = network_values(config, X)
        labels = _indices(y, known, len(values))
        network, order = self.network_ if fitted else Network(config), np.arange(len(labels))
        show = self._engine()
        for _ in show_chunks(network, values, labels, order, True, show, "learning", silent=not self.verbose):
            pass
        network.counters = Counters.zero(config.depth)
        self._epochs = getattr(self, "_epochs", 0)
        return self._learned(network, known)

    # -- answers ------------------------------------------------------------------------------------------------

    def wins(self, X: ArrayLike, seed: int | None = None) -> NDArray[np.int64]:
        """Return how many ticks each class has won, shape (samples, n_L), 0 to T - L + 1.

        All answers depend on chance, but are the same when asked for again: they draw from copies of the LFSRs as
        learning has left them, or from LFSRs seeded anew. These run on from sample to sample, so a sample's answer also
        depends on those before it in `X`.

        Parameters
        ----------
        X : array-like, shape (samples, ...)
        seed : int, optional
            Seeds the LFSRs, 1 to 2**32 - 1. A device, whose LFSRs can be seeded alone, takes the model's own seed when
            it is left out; so give one where a device and an engine are to agree.
        """
        return self._answers(X, seed).wins

    def predict(self, X: ArrayLike, seed: int | None = None) -> NDArray[Any]:
        """Return the class of each sample, shape (samples,), of those in `classes_`; parameters are those of `wins`."""
        units = self._answers(X, seed).classes
        predicted: NDArray[Any] = self.classes_[units]
        return predicted

    def predict_proba(self, X: ArrayLike, seed: int | None = None) -> NDArray[np.float64]:
        """Return the share of the ticks that each class has won, shape (samples, n_L), 0 to 1; rows add up to 1.

        Its greatest value is the confidence of an answer. Parameters are those of `wins`.
        """
        return self._answers(X, seed).shares

    def score(self, X: ArrayLike, y: ArrayLike, seed: int | None = None) -> float:
        """Return the share of samples, 0 to 1, that are given their label; parameters are those of `evaluate`."""
        return self.evaluate(X, y, seed).accuracy

    def evaluate(self, X: ArrayLike, y: ArrayLike, seed: int | None = None) -> Evaluation:
        """Say how right the answers are: accuracy, confusion matrix, recall and precision of each class.

        Parameters
        ----------
        X : array-like, shape (samples, ...)
        y : array-like, shape (samples,)
            Label of each, of those in `classes_`.
        seed : int, optional
            As in `wins`.
        """
        answers = self._answers(X, seed)
        labels = _indices(y, self.classes_, len(answers.wins))
        if not len(labels):
            raise BackspikeError("there must be a sample to evaluate")
        return Evaluation.of(answers.classes, labels, len(self.classes_))

    def raster(self, x: Any, label: Any = None, seed: int | None = None) -> Raster:
        """Return what spikes in each tick that one sample is shown for; the model stays as it is.

        The golden model shows it, whatever the engine: the others do the same in every tick.

        Parameters
        ----------
        x : array-like
            One sample, of n_0 values in any shape; of recorded spikes T times as many, ticks first.
        label : optional
            One of `classes_`: the sample is learned, by a copy, so that there are error spikes. Left out, it is
            not.
        seed : int, optional
            As in `wins`.
        """
        network = scratch_copy(self._network(seed))
        values = network_values(network.config, [x])[0]
        index = 0 if label is None else int(_indices([label], self.classes_, 1)[0])
        return record_raster(network, Sample(values, index, label is not None))

    # -- one by one -----------------------------------------------------------------------------------------------

    def stream(
        self, samples: Iterable[Any], *, learn: bool = False, seed: int | None = None
    ) -> Generator[Answer, None, None]:
        """Answer samples one by one as they come, and learn from each if they have labels: from a sensor, or for ever.

        A sample is taken when its answer is asked for, and nothing is kept of it. The stream may end, or be left, after
        any of them.

        Answers are those of `wins` for the same samples, from a copy of the network as it is when the first one is
        asked for. With `learn`, the network itself goes on, as in `partial_fit`; the answer is what won while it
        learned. One that has learned nothing before begins anew, its labels being 0 to n_L - 1.

        Parameters
        ----------
        samples : iterable
            Each sample as an array, such as one of those in the `X` of other methods; with `learn`, pairs of a sample
            and its label, of those in `classes_`.
        learn : bool
        seed : int, optional
            As in `wins`; with `learn`, what the LFSRs of the network start from. A device that is to go on learning
            needs one, as its LFSRs can be seeded alone; its weights are compared with the model's when the samples end.

        Yields
        ------
        Answer

        Raises
        ------
        BackspikeError
            A sample or a label is none; the message says which one, counted from 0. Those before it are learned.
        """
        if learn:
            network, show = self._learner(seed)
        else:
            network, show = self._answerer(seed)
            network = scratch_copy(network)
        for number, given in enumerate(samples):
            try:
                values, label = _pair(given) if learn else (given, self.classes_[0])
                row = network_values(network.config, [values])
                labels = _indices([label], self.classes_, 1)
            except BackspikeError as error:
                raise BackspikeError(f"sample {number}: {error}") from error
            wins = show(network, row, labels, np.arange(1), learn)[0]
            network.counters = Counters.zero(network.config.depth)
            yield Answer(self.classes_[wins.argmax()], wins)
        if learn and not isinstance(self.engine, str) and hasattr(show, "compare_weights"):
            show.compare_weights(network)

    # -- files --------------------------------------------------------------------------------------------------

    def save(self, path: Path | str) -> None:
        """Write a checkpoint, as `backspike train` does; labels are kept as the numbers of their units."""
        Checkpoint.capture(self._network(None), getattr(self, "_epochs", 0)).save(Path(path))

    @classmethod
    def load(cls, path: Path | str, *, engine: str | Engine | Device = DEFAULT_ENGINE, verbose: bool = False) -> Model:
        """Return the model of a checkpoint, ready to answer; its `classes_` are 0 to n_L - 1."""
        checkpoint = Checkpoint.load(Path(path))
        model = cls(checkpoint.config, engine=engine, verbose=verbose)
        model._epochs = checkpoint.epoch
        return model._learned(checkpoint.network(), np.arange(checkpoint.config.layers[-1]))

    # -- what scikit-learn asks for -----------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return what the model was made with, by name."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def set_params(self, **parameters: Any) -> Model:
        """Change what the model was made with, for the next `fit`; return the model itself."""
        for name, value in parameters.items():
            if name not in PARAMETERS:
                raise BackspikeError(f"{shown(name)} is no parameter of a model; known are {', '.join(PARAMETERS)}")
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        # Called by scikit-learn alone, which is there then.
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags("classifier", TargetTags(required=True), classifier_tags=ClassifierTags())

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied and pickled: all but simulated hardware."""
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}

    def __repr__(self) -> str:
        return f"Model({', '.join(f'{name}={getattr(self, name)!r}' for name in PARAMETERS)})"

    # -- its parts ----------------------------------------------------------------------------------------------

    def _made_config(self) -> NetworkConfig:
        config = load_config(str(self.config)) if isinstance(self.config, (str, Path)) else self.config
        if not isinstance(config, NetworkConfig):
            raise BackspikeError(f"config must be a NetworkConfig or the name of one, not {shown(config)}")
        return config if self.seed is None else config.replace(seed=_plain(self.seed))

    def _engine(self) -> Engine:
        """Return the engine, the same one as long as it is called the same: simulated hardware is built but once."""
        loaded = getattr(self, "_loaded", None)
        if loaded is None or loaded[0] is not self.engine:
            if not isinstance(self.engine, str) and not callable(self.engine):
                raise BackspikeError(f"engine must be a name, a function or a Device, not {shown(self.engine)}")
            loaded = self._loaded = self.engine, load_engine(self.engine)
        return loaded[1]

    def _device(self, config: NetworkConfig) -> Device | None:
        """Return the device that is the engine, if it is one, and of this configuration."""
        # Not by its class, which only those can import who have the extra for it.
        if isinstance(self.engine, str) or not hasattr(self.engine, "session"):
            return None
        device: Device = self.engine  # type: ignore[assignment]
        # Rates are the host's to set.
        mine, theirs = ({**network_identity(of), "rates": 0, "rate_decay": 0} for of in (config, device.config))
        for name in mine | theirs:
            if mine.get(name) != theirs.get(name):
                raise BackspikeError(
                    f"the device is of another configuration ({device.config.name}): its {name} is "
                    f"{shown(theirs.get(name))}, and {config.name} has {shown(mine.get(name))}"
                )
        return device

    def _learned(self, network: Network, classes: NDArray[Any]) -> Model:
        self.network_, self.classes_ = network, classes
        self.n_features_in_ = int(np.prod(network.config.sample_shape))
        return self

    def _network(self, seed: int | None) -> Network:
        if not self.__sklearn_is_fitted__():
            raise BackspikeError("this model has learned nothing yet: fit it, or load a checkpoint")
        if seed is None:
            return self.network_
        return Checkpoint.capture(self.network_).network(_plain(seed))

    def _answers(self, X: ArrayLike, seed: int | None) -> Answers:
        network, show = self._answerer(seed)
        return answer(network, network_values(network.config, X), show, silent=not self.verbose)

    def _answerer(self, seed: int | None) -> tuple[Network, Engine]:
        """Return the network that answers draw from, and what shows it samples."""
        network = self._network(seed)
        device = self._device(network.config)
        if device is None:
            return network, self._engine()
        from .device import AnsweringDevice

        return self._network(network.config.seed), AnsweringDevice(device)

    def _learner(self, seed: int | None) -> tuple[Network, Engine]:
        """Return the network that goes on learning, which is the model's from now on, and what shows it samples."""
        if self.__sklearn_is_fitted__():
            network, classes = self._network(seed), self.classes_
            network.rates = list(self.network_.rates)
        else:
            config = self._made_config()
            network = Network(config if seed is None else config.replace(seed=_plain(seed)))
            classes = np.arange(config.layers[-1])
        device = self._device(network.config)
        if device and seed is None and self.__sklearn_is_fitted__():
            raise BackspikeError("a device cannot go on where it was: its LFSRs can be seeded alone; give a seed")
        if device:
            from .device import DeviceEngine

            show: Engine = DeviceEngine(device)
        else:
            show = self._engine()
        self._epochs = getattr(self, "_epochs", 0)
        self._learned(network, classes)
        return network, show


def _pair(given: Any) -> tuple[Any, Any]:
    """Return a sample and its label."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise BackspikeError(f"to learn from, it must be a pair of a sample and its label, not {shown(given)}")
    return given[0], given[1]


def _plain(seed: Any) -> Any:
    """Return a seed that may be one of NumPy's integers as Python's."""
    return int(seed) if isinstance(seed, np.integer) else seed


def _classes(y: ArrayLike, count: int) -> NDArray[Any]:
    """Return the label of each of so many classes: their numbers, or the labels that there are, in order."""
    labels = _array(y)
    if labels.dtype.kind in "iu" and (not labels.size or (labels.min() >= 0 and labels.max() < count)):
        return np.arange(count)
    try:
        classes: NDArray[Any] = np.unique(labels)
    except TypeError as error:
        raise BackspikeError("labels must be all of one kind, such as whole numbers") from error
    if len(classes) != count:
        raise BackspikeError(
            f"labels must be 0 to {count - 1}, or {count} other ones, as many as the network has classes, "
            f"not the {len(classes)} {shown(classes.tolist())}"
        )
    return classes


def _indices(y: ArrayLike, classes: NDArray[Any], samples: int) -> NDArray[np.int64]:
    """Return the unit of each label."""
    labels = _array(y)
    if labels.shape != (samples,):
        raise BackspikeError(f"there must be one label per sample, shape ({samples},), not {labels.shape}")
    units = {label: unit for unit, label in enumerate(classes.tolist())}
    try:
        return np.array([units[label] for label in labels.tolist()], dtype=np.int64)
    except (KeyError, TypeError) as error:
        foreign = next(label for label in labels.tolist() if not _known(label, units))
        raise BackspikeError(f"{shown(foreign)} is no label that the model knows: {shown([*units])}") from error


def _array(y: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(y)
    except ValueError as error:
        raise BackspikeError("labels must be an array of one dimension") from error


def _known(label: Any, units: dict[Any, int]) -> bool:
    return label.__hash__ is not None and label in units
