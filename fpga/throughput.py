"""How fast a built network trains: cycles per sample, what the host link carries, and what comes of both.

Both depend on what a training shows: how many rows a tick visits, how soon samples end, how long their lists are. That
is on record (`fpga/work.json`) for trainings that `bench/work.py` has collected, and is taken for no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backspike.config import ARCHITECTURE, NetworkConfig
from backspike.errors import BackspikeError, shown
from backspike.files import read_json, reading
from backspike.hdl.timing import list_cycles, sample_cycles, tick_cycles

__all__ = [
    "RECORD",
    "UnknownWorkError",
    "Work",
    "cycles_per_sample",
    "deciding_values",
    "find_work",
    "link_samples",
    "samples_through_link",
]

RECORD = Path(__file__).with_name("work.json")
"""The trainings whose work was counted."""

# Values that decide no count of a training. The seed decides some, within what another seed's do.
_DECIDE_NOTHING = ("name", "seed", "inference_patience", *ARCHITECTURE)


class UnknownWorkError(BackspikeError):
    """No training like the one asked for is on record; the message says what there is, to follow a "because"."""


@dataclass(frozen=True)
class Work:
    """What a whole training has taken, counted by the golden model.

    Attributes
    ----------
    dataset : str
        Its name, and its settings, if it has any.
    epochs : int
    network : dict
        `deciding_values` of the configuration.
    ticks : float
        Ticks per sample, in the mean.
    rows : tuple of float
        Rows that a tick visits in each weight layer, in the mean.
    entries : float or None
        Entries of a sample's lists, in the mean; None where the samples were not at hand to be counted.
    fullest : mapping of int to float
        By the banks of the first weight layer, how many times the rows of a bank in the mean are those of the bank that
        has most in a tick; empty as above.
    """

    dataset: str
    epochs: int
    network: dict[str, Any]
    ticks: float
    rows: tuple[float, ...]
    entries: float | None
    fullest: Mapping[int, float]

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Work:
        """Return the work of a line of the record: counts over a training, and the mean number of entries."""
        settings = [f"{key}={value}" for key, value in record["dataset_settings"].items()]
        return cls(
            dataset=" ".join([record["dataset"], *settings]),
            epochs=record["epochs"],
            network=deciding_values(NetworkConfig.from_dict(record["network"])),
            ticks=record["ticks"] / record["samples"],
            rows=tuple(rows / record["ticks"] for rows in record["rows"]),
            entries=record["entries"],
            fullest={int(banks): ratio for banks, ratio in record["fullest"].items()},
        )

    def __str__(self) -> str:
        return f"{self.dataset}, {self.epochs} epochs"


def deciding_values(config: NetworkConfig) -> dict[str, Any]:
    """Return the values of a configuration that decide the work of a training on a dataset, all of them."""
    return {key: value for key, value in config.all_values().items() if key not in _DECIDE_NOTHING}


def find_work(config: NetworkConfig, dataset: str | None = None, path: Path = RECORD) -> Work:
    """Return the work of a training of a configuration.

    Parameters
    ----------
    config : NetworkConfig
    dataset : str, optional
        Name of the dataset; it may be left out where trainings on one only are on record.
    path : Path
        The record.

    Raises
    ------
    UnknownWorkError
        There is no training of these values, or not on this dataset, or there are some on several datasets.
    BackspikeError
        The record cannot be read.
    """
    with reading(path):
        works = [Work.from_dict(record) for record in read_json(path)]
    mine = deciding_values(config)
    equal = [work for work in works if work.network == mine]
    fitting = [work for work in equal if dataset in (None, work.dataset.split()[0])]
    if not equal:
        raise UnknownWorkError(f"no training of this network is on record{_nearest(mine, works)}")
    there = " and ".join(sorted({work.dataset for work in equal}))
    if not fitting:
        raise UnknownWorkError(f"no training of this network on {shown(dataset)} is on record, only on {there}")
    if len({work.dataset for work in fitting}) > 1:
        raise UnknownWorkError(f"it depends on the dataset, and trainings on {there} are on record: choose --dataset")
    return fitting[0]


def _nearest(mine: dict[str, Any], works: list[Work]) -> str:
    """Name the recorded training of the same layers that differs least, and in what."""
    differing = [
        (work, {key: value for key, value in work.network.items() if value != mine[key]})
        for work in works
        if work.network["layers"] == mine["layers"]
    ]
    if not differing:
        return ""
    work, values = min(differing, key=lambda item: len(item[1]))
    return f"; the nearest ({work}) has {', '.join(f'{key} = {value}' for key, value in values.items())}"


def cycles_per_sample(config: NetworkConfig, work: Work) -> float:
    """Estimate the cycles of a training sample, from the rows visited in a whole training and `backspike.hdl.timing`.

    Each tick is taken as the mean one. Of several banks the one with most rows counts; other layers than the first are
    taken as evenly spread. The lists of a crossbar are taken as full where their entries are not known.
    """
    rows = [count / layer.banks for layer, count in zip(config.weight_layers, work.rows, strict=True)]
    rows[0] *= work.fullest.get(config.weight_layer(1).banks, 1.0)
    tick = tick_cycles(config, rows)
    if config.weight_layer(1).crossbar:
        tick = max(tick, list_cycles(config, work.entries or config.layers[0]))
    return work.ticks * tick + sample_cycles(config)


def link_samples(config: NetworkConfig, speed: float, entries: float | None = None) -> float:
    """Return how many samples per second the line carries (docs/host_link.md).

    Parameters
    ----------
    config : NetworkConfig
    speed : float
        Bytes per second.
    entries : float, optional
        Entries of a sample's lists. When left out, as many as there can be: the least that the line carries.
    """
    lists = config.ticks if config.input == "spikes" else 1
    content = 4 * lists + 2 * (lists * config.layers[0] if entries is None else entries)
    frame = content * 1024 / 1018 * 255 / 254
    return speed / frame


def samples_through_link(trained: float | None, carried: float) -> float | None:
    """Return how many samples per second are trained at the end of the line; None where the chip's speed is not known.

    The device works off a frame when all of it is there, and the next one comes when it has answered: with full frames
    the times of line and chip add up. In the simulated board it was 3 % more to 7 % less than that (docs/line.md).

    Parameters
    ----------
    trained : float, optional
        Samples per second that the chip trains.
    carried : float
        Samples per second that the line carries.
    """
    return None if trained is None else 1 / (1 / trained + 1 / carried)
