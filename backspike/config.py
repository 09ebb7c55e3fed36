"""The one configuration object: it feeds the golden model and the hardware, so that they cannot drift."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import tomli_w

from .errors import BackspikeError, shown
from .files import reading, write_atomic
from .layers import WeightLayer
from .names import check_name
from .toml import read_toml

__all__ = [
    "ARCHITECTURE",
    "GUMBEL_BITS",
    "PERMISSION_BITS",
    "PIXEL_BITS",
    "PRESETS",
    "RATE_BITS",
    "NetworkConfig",
    "load_config",
]

PIXEL_BITS = 8
"""Width of a rate-coded input value, and of the draw it is compared with."""

PERMISSION_BITS = 8
"""Width of the draw that is compared with a layer's learning rate."""

RATE_BITS = PERMISSION_BITS + 1
"""Width of a learning rate in 1/256: 256 is for always."""

GUMBEL_BITS = 10
"""Width of the draw that picks an entry of the Gumbel table."""

LFSR_WIDTHS = (16, 24, 32, 40, 48, 64)
INPUT_KINDS = ("rate", "spikes")
INPUT_DRAWS = ("independent", "stratified")
BANK_COUNTS = (1, 2, 4)
PORT_COUNTS = (1, 2)
SYNAPSE_KINDS = ("rows", "crossbar")

CROSSBAR_CELLS = 4_096
"""Most synapses, in all layers, of a network whose synapses are crossbars."""

ARCHITECTURE = ("synapses", "lanes", "unit_lanes", "banks", "ports", "input_lanes", "input_buffers")
"""Values that change clocks and area, never a result."""

# What the initial contents of a device may differ in while it still is the same network: a checkpoint
# of one of these is a checkpoint of all.
_NOT_PART_OF_A_CHECKPOINT = (
    "name",
    "rates",
    "rate_decay",
    "seed",
    "inference_patience",
    *ARCHITECTURE,
)


# Values that a configuration did not have at first, and what was meant before: such a one is left out of files and
# hashes, so that those of before stay as they were.
_LATER = {"input_draws": "independent", "synapses": "rows"}

# Values by the names that files written before today's may have.
_RENAMED = {"input_streams": "input_lfsrs"}


class _Completed(tuple[int, ...]):
    """A value for each layer of which some were not given: a copy with other layers has those derived anew."""

    given: tuple[int, ...]

    def __new__(cls, values: Iterable[int], given: tuple[int, ...] = ()) -> _Completed:
        completed = super().__new__(cls, values)
        completed.given = given
        return completed


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Everything that decides what a network computes and how it is built.

    Real-valued ranges are given in units of the activation, not in LSBs: a weight's LSB is worth
    ``2**-weight_frac``. Rates are run-time values in hardware (registers); here they are the initial ones.

    What has a value for each layer may be left out, or be empty: it then follows from the other values, in a copy made
    by `replace` too. What was given stays as it was given.

    Parameters
    ----------
    layers : tuple of int
        Units of layer 0 (the input) to layer L (the classes), without the always-on bias unit: two layers or more of 1
        to 16,384 units, 2 or more in the last.
    name : str
        Name of generated files and of the Verilog top module: `backspike.names` says which are possible.
    ticks : int
        Ticks T that a sample is shown for, L to 65,535. Layer l takes part from tick l - 1 on. Weight layer l changes
        from tick 2L - l on: with fewer than 2L ticks the first ones never do (`untrained`).
    weight_bits, weight_frac : int
        Weights are signed Q(weight_bits - weight_frac).(weight_frac), saturating; 4 to 16 bits in all, of which 1 to
        all are fraction.
    activation_range : float
        Membrane potential at which a hidden unit spikes in every tick; a power of two, from two LSB to 2**16.
    error_range : float
        Back-propagated error at which an error spike is certain; a power of two, from two LSB to 2**16.
    leak : int
        Membrane shift k, 0 to 8: ``V += (v - V) / 2**k`` per tick, kept with k fraction bits; 0 is no memory.
    temperature : float
        Scale of the Gumbel noise of the winner-take-all, above 0 and at most 16; 1 is the softmax.
    rates : tuple of int
        Learning rate of each weight layer in 1/256, 0 to 256: the probability that a coincidence counts. 2 to the power
        of weight_frac - 2, from 1 to 256, when left out.
    rate_decay : float
        Factor on the rates after each epoch, above 0 and at most 1.
    dropout : tuple of int
        Probability in 1/256, 0 to 255, for each hidden layer, that a unit is silent: for a whole sample that is
        learned; in each tick by itself in inference, so that the next layer's mean drive is the same. 0 when left out.
    patience : int
        A sample ends early, with the next tick, once the same unit, in learning the label's, has won this many ticks
        in a row; 0 to T, and 0 is never.
    inference_patience : int or None
        The same for samples that are not learned; None, as it is by default, is the value of `patience`.
    seed : int
        Seed of every LFSR and of the initial weights, 1 to 2**32 - 1.
    lfsr_bits : int
        Width of the linear-feedback shift registers; one of 16, 24, 32, 40, 48, 64, and no less than the bits that a
        unit takes from its LFSR in a tick: 16 of an input, and `hidden_draw_bits` where there are hidden units.
    input : str
        ``"rate"``: pixels 0..255 become spikes here. ``"spikes"``: recorded spikes, tick by tick.
    input_lfsrs : int
        LFSRs shared by the inputs, 1 to 16; input n of a sample's list uses LFSR n modulo this.
    input_draws : str
        ``"independent"``: each tick draws a pixel's spike anew. ``"stratified"``: a sample's draws are spread evenly
        over its ticks, each still with the probability of its value; so a pixel's spikes in 2**n ticks are its share of
        them, give or take less than one. Only for pixels.
    synapses : str
        ``"rows"``: weights lie in memories, a row of them is worked on at a time. ``"crossbar"``: each weight is a
        counter, and all of a layer's work at once; `CROSSBAR_CELLS` of them at most, and `lanes`, `unit_lanes`, `banks`
        and `ports` are left out. Changes clocks and area, never a result.
    lanes : tuple of int
        Synapses of a row that are worked on per cycle, for each weight layer, 1 to the layer's units (0, and when left
        out: all of them). Changes clocks and area, never a result.
    unit_lanes : tuple of int
        Units of each hidden layer whose neurons are worked on per cycle, a divisor of the layer's `lanes` (0, and when
        left out: as many as those). Changes clocks and area, never a result.
    input_lanes : int
        Entries of a sample's list that are drawn per cycle, a divisor of `input_lfsrs` (0: as many as those);
        recorded spikes always come one by one. Changes clocks and area, never a result.
    input_buffers : int
        Samples of rate-coded pixels that are held: 2, one to be shown and one to be filled meanwhile, or 1, which is
        filled between samples and takes half the memory. Changes clocks and area, never a result.
    banks : tuple of int
        Memories that the rows of each weight layer are spread over, 1, 2 or 4: as many rows are taken per cycle. More
        than one, where the units of the layer below do not all move in one cycle, must divide that layer's
        `unit_lanes`. 1 when left out. Changes clocks and area, never a result.
    ports : tuple of int
        Ports of the memories of each weight layer: 2, one to read and one to write, or 1 for both in turn, where words
        that are written cost a cycle each (single-port RAM: of the UP5K, or of an ASIC). 2 when left out. Changes
        clocks and area, never a result.

    Raises
    ------
    BackspikeError
        A value is impossible; the message names it and what is allowed.
    """

    layers: tuple[int, ...]
    name: str = "network"
    ticks: int = 16
    weight_bits: int = 8
    weight_frac: int = 6
    activation_range: float = 2.0
    error_range: float = 1.0
    leak: int = 0
    temperature: float = 1.0
    rates: tuple[int, ...] = ()
    rate_decay: float = 0.85
    dropout: tuple[int, ...] = ()
    patience: int = 0
    inference_patience: int | None = None
    seed: int = 1
    lfsr_bits: int = 32
    input: str = "rate"
    input_lfsrs: int = 8
    input_draws: str = "independent"
    synapses: str = "rows"
    lanes: tuple[int, ...] = ()
    unit_lanes: tuple[int, ...] = ()
    input_lanes: int = 0
    input_buffers: int = 2
    banks: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._check_layers()
        check_name(self.name)
        self._check_synapses()
        self._check_int("ticks", self.depth, 65_535)
        self._check_int("weight_bits", 4, 16)
        self._check_int("weight_frac", 1, self.weight_bits)
        self._check_int("leak", 0, 8)
        self._check_int("patience", 0, self.ticks)
        if self.inference_patience is not None:
            self._check_int("inference_patience", 0, self.ticks)
        self._check_int("seed", 1, 2**32 - 1)
        self._check_int("input_lfsrs", 1, 16)
        self._check_real("temperature", 16)
        self._check_real("rate_decay", 1)
        if not isinstance(self.input, str) or self.input not in INPUT_KINDS:
            raise BackspikeError(f"input must be one of {_listing(INPUT_KINDS)}, not {shown(self.input)}")
        if not isinstance(self.input_draws, str) or self.input_draws not in INPUT_DRAWS:
            raise BackspikeError(f"input_draws must be one of {_listing(INPUT_DRAWS)}, not {shown(self.input_draws)}")
        if self.input == "spikes" and self.input_draws != "independent":
            raise BackspikeError(
                f"input_draws must be independent where input is spikes, whose spikes are not drawn, "
                f"not {self.input_draws}"
            )
        self._check_power("activation_range")
        self._check_power("error_range")
        self._check_lfsrs()
        self._fill_per_layer("rates", 0, [256] * self.depth, default=min(256, 1 << max(0, self.weight_frac - 2)))
        self._fill_per_layer("dropout", 0, [255] * (self.depth - 1), default=0)
        self._fill_per_layer("lanes", 0, list(self.layers[1:]), default=0, zero=list(self.layers[1:]))
        self._check_all_at_once("lanes", self.layers[1:])
        self._check_unit_lanes()
        self._check_input_lanes()
        self._check_int("input_buffers", 1, 2)
        self._fill_per_layer("banks", 1, [max(BANK_COUNTS)] * self.depth, default=1)
        self._check_all_at_once("banks", (1,) * self.depth)
        self._check_banks()
        self._fill_per_layer("ports", min(PORT_COUNTS), [max(PORT_COUNTS)] * self.depth, default=2)
        self._check_all_at_once("ports", (2,) * self.depth)

    # -- what follows from the values -------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Number L of weight layers."""
        return len(self.layers) - 1

    @property
    def activation_bits(self) -> int:
        """Bits a of a forward draw: the activation range is ``2**a`` LSB."""
        return self.weight_frac + _exponent(self.activation_range)

    @property
    def error_bits(self) -> int:
        """Bits b of a backward draw: the error range is ``2**b`` LSB."""
        return self.weight_frac + _exponent(self.error_range)

    @property
    def hidden_draw_bits(self) -> int:
        """Bits that a hidden unit's LFSR gives in a tick."""
        return self.activation_bits + self.error_bits + PERMISSION_BITS

    @property
    def input_draw_bits(self) -> int:
        """Bits that an input LFSR gives for one entry of a sample's list."""
        return PIXEL_BITS + PERMISSION_BITS

    @property
    def weight_min(self) -> int:
        """Least weight in LSB."""
        return -(1 << (self.weight_bits - 1))

    @property
    def weight_max(self) -> int:
        """Greatest weight in LSB."""
        return (1 << (self.weight_bits - 1)) - 1

    @property
    def ends_early(self) -> bool:
        """Whether a sample may end before its last tick."""
        return bool(self.patience or self.inference_patience)

    def patience_for(self, learn: bool) -> int:
        """Return how many wins in a row end a sample that is learned, or not; 0 is never."""
        return self.patience if learn or self.inference_patience is None else self.inference_patience

    @property
    def weight_layers(self) -> tuple[WeightLayer, ...]:
        """The weight layers, 1 to L."""
        return tuple(self.weight_layer(number) for number in range(1, self.depth + 1))

    @property
    def hidden_layers(self) -> tuple[WeightLayer, ...]:
        """The weight layers whose units are hidden, 1 to L - 1."""
        return self.weight_layers[:-1]

    def weight_layer(self, number: int) -> WeightLayer:
        """Return a weight layer by its number, 1 to L; any other raises ValueError."""
        return WeightLayer(self, number)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of a sample: (n_0,), or (T, n_0) for recorded spikes."""
        return (self.layers[0],) if self.input == "rate" else (self.ticks, self.layers[0])

    @property
    def input_turns(self) -> int:
        """Words of input LFSRs, the lanes of each at work in the same cycle; word n of a list takes n modulo this."""
        lanes = 1 if self.input == "spikes" else self.input_lanes or self.input_lfsrs
        return self.input_lfsrs // lanes

    @property
    def input_width(self) -> int:
        """Input LFSRs that draw per cycle."""
        return self.input_lfsrs // self.input_turns

    @property
    def untrained(self) -> int:
        """Number of the first weight layers that no error reaches before a sample ends: 2L - T, or none."""
        return max(0, 2 * self.depth - self.ticks)

    def warnings(self) -> list[str]:
        """Return a sentence for each value that is possible, but hardly meant."""
        if not self.untrained:
            return []
        last = f" to {self.untrained}" if self.untrained > 1 else ""
        return [
            f"with ticks = {self.ticks}, weight layer{'s 1' if last else ' 1'}{last} of {self.depth} never "
            f"change{'' if last else 's'}, as no error comes so far back before a sample ends; all change with ticks = "
            f"{2 * self.depth} or more"
        ]

    def replace(self, **changes: Any) -> NetworkConfig:
        """Return a copy with some values changed, checked anew.

        Raises
        ------
        BackspikeError
            There is no such value, or one is impossible: a changed one, or one for each layer that was given here and
            does not fit the new layers.
        """
        _check_names(changes)
        return replace(self, **changes)

    # -- files and hashes -------------------------------------------------------------------------------------

    def all_values(self) -> dict[str, Any]:
        """Return all values, tuples as lists, in the order of declaration."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the values that a file has: all but those that are None, or that mean what was meant before them."""
        return {k: v for k, v in self.all_values().items() if v is not None and _LATER.get(k) != v}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], base: NetworkConfig | None = None) -> NetworkConfig:
        """Build a configuration from `to_dict`'s form, or change some values of another one.

        Parameters
        ----------
        values : mapping
            What is left out has its default, or is as in `base`.
        base : NetworkConfig, optional

        Raises
        ------
        BackspikeError
            A value is unknown, missing or impossible, or `values` is no table.
        """
        if not isinstance(values, Mapping):
            raise BackspikeError(f"a configuration must be a table of values, not {shown(values)}")
        frozen: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        if base:
            return base.replace(**frozen)
        _check_names(frozen)
        if "layers" not in frozen:
            raise BackspikeError("a configuration must give layers, such as layers = [64, 32, 10]")
        return cls(**frozen)

    def save(self, path: Path) -> None:
        """Write the configuration as TOML."""
        write_atomic(path, tomli_w.dumps(self.to_dict()).encode())

    @property
    def hash(self) -> str:
        """SHA-256 over every value but the name: what identifies a built device."""
        return self._digest(("name",))

    @property
    def checkpoint_hash(self) -> str:
        """SHA-256 over the values that a checkpoint depends on: not rates, seed or lanes."""
        return self._digest(_NOT_PART_OF_A_CHECKPOINT)

    def checkpoint_difference(self, other: NetworkConfig) -> str | None:
        """Return the first value that makes a checkpoint of `other` useless here, or None if there is none."""
        mine, theirs = self.all_values(), other.all_values()
        return next((k for k in mine if k not in _NOT_PART_OF_A_CHECKPOINT and mine[k] != theirs[k]), None)

    def _digest(self, without: tuple[str, ...]) -> str:
        values = {k: v for k, v in self.to_dict().items() if k not in without}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    # -- checks -----------------------------------------------------------------------------------------------

    def _check_layers(self) -> None:
        sizes = self.layers
        if not isinstance(sizes, tuple) or not all(_is_int(n) for n in sizes) or len(sizes) < 2:
            raise BackspikeError(f"layers must list at least an input and an output size, not {shown(sizes)}")
        for index, (size, least) in enumerate(zip(sizes, [1] * (len(sizes) - 1) + [2], strict=True)):
            if not least <= size <= 16_384:
                raise BackspikeError(f"layers[{index}] must be {least} to 16384 units, not {shown(size)}")

    def _check_int(self, key: str, low: int, high: int) -> None:
        value = getattr(self, key)
        if not _is_int(value) or not low <= value <= high:
            raise BackspikeError(f"{key} must be a whole number from {low} to {high}, not {shown(value)}")

    def _check_real(self, key: str, high: float) -> None:
        value = getattr(self, key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= high:
            raise BackspikeError(f"{key} must be a number above 0 and at most {high:g}, not {shown(value)}")
        object.__setattr__(self, key, float(value))

    def _check_power(self, key: str) -> None:
        self._check_real(key, 2.0**16)
        value = getattr(self, key)
        if math.frexp(value)[0] != 0.5 or self.weight_frac + _exponent(value) < 1:
            low = 2.0 ** (1 - self.weight_frac)
            raise BackspikeError(f"{key} must be a power of two of at least {low:g} (two LSB), not {shown(value)}")

    def _check_lfsrs(self) -> None:
        """Check that an LFSR has the bits that a unit takes from it in a tick, and that no two start alike."""
        if not _is_int(self.lfsr_bits) or self.lfsr_bits not in LFSR_WIDTHS:
            raise BackspikeError(f"lfsr_bits must be one of {_listing(LFSR_WIDTHS)}, not {shown(self.lfsr_bits)}")
        # Without a hidden layer nothing draws for activation and error.
        needed = max(self.input_draw_bits, GUMBEL_BITS, self.hidden_draw_bits if self.depth > 1 else 0)
        if needed > self.lfsr_bits:
            taken = f"{needed}, the random bits a hidden unit takes per tick (activation, error range and rate)"
            if needed > max(LFSR_WIDTHS):
                raise BackspikeError(
                    f"activation_range and error_range must be smaller: lfsr_bits would have to be at least {taken}, "
                    f"and is at most {max(LFSR_WIDTHS)}"
                )
            raise BackspikeError(f"lfsr_bits must be at least {taken}, not {self.lfsr_bits}")
        period = 2**self.lfsr_bits - 1
        lfsrs, starts = (
            self.input_lfsrs + sum(layer.units + 1 for layer in self.weight_layers),
            period // math.gcd(self.lfsr_bits, period),
        )
        if lfsrs >= starts:
            raise BackspikeError(
                f"lfsr_bits must be more than {self.lfsr_bits}, which is enough for {starts - 1} LFSRs, and "
                f"layers with input_lfsrs need {lfsrs}"
            )

    def _check_unit_lanes(self) -> None:
        self._fill_per_layer("unit_lanes", 0, list(self.lanes[:-1]), default=0)
        self._check_all_at_once("unit_lanes", self.layers[1:-1])
        for layer in self.weight_layers:
            if layer.lanes % layer.unit_width:
                raise BackspikeError(
                    f"unit_lanes of layer {layer.number} must divide its lanes, {layer.lanes}, "
                    f"not be {layer.unit_width}"
                )

    def _check_input_lanes(self) -> None:
        self._check_int("input_lanes", 0, self.input_lfsrs)
        if self.input_lanes and self.input_lfsrs % self.input_lanes:
            raise BackspikeError(
                f"input_lanes must divide the input_lfsrs, {self.input_lfsrs}, not be {self.input_lanes}"
            )

    def _check_banks(self) -> None:
        for banks in self.banks:
            if banks not in BANK_COUNTS:
                raise BackspikeError(f"banks must be {_listing(BANK_COUNTS)}, not {banks}")
        # The errors that leave the banks in one cycle are for units of one word of the layer below.
        for layer in self.weight_layers[1:]:
            below = layer.below
            if below.unit_fold > 1 and below.unit_width % layer.banks:
                raise BackspikeError(
                    f"banks of weight layer {layer.number} must divide the unit_lanes of the layer below, "
                    f"{below.unit_width}, not be {layer.banks}"
                )

    def _check_synapses(self) -> None:
        if not isinstance(self.synapses, str) or self.synapses not in SYNAPSE_KINDS:
            raise BackspikeError(f"synapses must be one of {_listing(SYNAPSE_KINDS)}, not {shown(self.synapses)}")
        cells = sum(layer.rows * layer.units for layer in self.weight_layers)
        if self.synapses == "crossbar" and cells > CROSSBAR_CELLS:
            raise BackspikeError(
                f'synapses must be "rows" for layers {_listing(self.layers)}, whose {cells:,} synapses are more than '
                f"the {CROSSBAR_CELLS:,} that a crossbar may have"
            )

    def _check_all_at_once(self, key: str, whole: tuple[int, ...]) -> None:
        """Check that a crossbar is not asked to work on a part of its synapses at a time; 0 stands for all."""
        given = getattr(self, key)
        if self.synapses == "crossbar" and any(own not in (0, value) for own, value in zip(given, whole, strict=True)):
            raise BackspikeError(
                f'{key} must be left out with synapses = "crossbar", where all synapses of a layer work at once, '
                f"not be {_listing(given)}"
            )

    def _fill_per_layer(self, key: str, low: int, high: list[int], default: int, zero: list[int] | None = None) -> None:
        """Check a value for each layer, and derive it where it was not given; ``zero`` is what a 0 stands for."""
        value = getattr(self, key)
        given = value.given if isinstance(value, _Completed) else value
        value = (default,) * len(high) if isinstance(given, tuple) and not given else given
        if not isinstance(value, tuple) or len(value) != len(high) or not all(_is_int(n) for n in value):
            kind = "hidden" if len(high) < self.depth else "weight"
            raise BackspikeError(f"{key} must be {len(high)} whole numbers, one per {kind} layer, not {shown(value)}")
        for number, most in zip(value, high, strict=True):
            if not low <= number <= most:
                raise BackspikeError(f"{key} must be from {low} to {most}, not {shown(number)}")
        if zero:
            value = tuple(number or full for number, full in zip(value, zero, strict=True))
        object.__setattr__(self, key, given if value == given else _Completed(value, given))


def _check_names(values: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(NetworkConfig)]
    for key in values:
        if key in _RENAMED:
            raise BackspikeError(f"{key} is called {_RENAMED[key]} now")
        if key not in known:
            raise BackspikeError(f"{shown(key)} is not a configuration value; known are {_listing(known)}")


def _exponent(power: float) -> int:
    """Return the exponent of a power of two."""
    return math.frexp(power)[1] - 1


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listing(values: Any) -> str:
    return ", ".join(str(v) for v in values)


# For a set of 1,437 images of 8x8 pixels: single ticks are noisy where inputs are few, so twice the ticks and a
# membrane that averages; and steps as large as they come, since an epoch has few of them.
_FEW_SAMPLES: dict[str, Any] = {"ticks": 32, "leak": 1, "activation_range": 4.0, "temperature": 0.35}

# With many samples most are soon answered right: ticks in plenty for those that are not, and patience for the others,
# which leaves about ten ticks per sample.
_MANY_SAMPLES: dict[str, Any] = {"ticks": 32, "patience": 8, "leak": 1, "temperature": 0.5, "rate_decay": 0.89}

PRESETS: dict[str, NetworkConfig] = {
    config.name.replace("_", "-"): config
    for config in (
        NetworkConfig(
            name="tiny", layers=(8, 4, 3), ticks=8, weight_bits=6, weight_frac=4, rates=(64, 64), input_lfsrs=2
        ),
        NetworkConfig(name="digits", layers=(64, 32, 10), rates=(256, 256), **_FEW_SAMPLES),
        NetworkConfig(name="digits_deep", layers=(64, 32, 16, 10), rates=(256, 256, 256), **_FEW_SAMPLES),
        NetworkConfig(
            name="mnist_ecp5",
            layers=(784, 200, 10),
            weight_bits=9,
            weight_frac=8,
            rates=(64, 32),
            dropout=(24,),
            unit_lanes=(40,),
            **_MANY_SAMPLES,
        ),
        NetworkConfig(
            name="mnist_up5k",
            layers=(784, 128, 10),
            weight_bits=8,
            weight_frac=7,
            rates=(64, 32),
            dropout=(16,),
            lanes=(2, 1),
            unit_lanes=(1,),
            input_lanes=1,
            input_buffers=1,
            ports=(1, 2),
            **_MANY_SAMPLES,
        ),
    )
}
"""Named configurations, by the name that the command line takes."""


def load_config(name_or_path: str) -> NetworkConfig:
    """Return a preset by name, or the configuration in a TOML file.

    Raises
    ------
    BackspikeError
        No such preset or file, malformed TOML, or an impossible value.
    """
    if name_or_path in PRESETS:
        return PRESETS[name_or_path]
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise BackspikeError(
            f"{shown(name_or_path)} is neither a preset ({_listing(PRESETS)}) nor the path of a .toml configuration"
        )
    values = read_toml(path, "configuration")
    with reading(path):
        return NetworkConfig.from_dict(values)
