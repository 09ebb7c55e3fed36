"""What makes a training the one it is: everything that decides its results, the data included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from backspike.config import ARCHITECTURE, NetworkConfig
from backspike.datasets import Dataset
from backspike.registers import SEMANTICS_VERSION

from .baseline import FloatSettings
from .order import sample_order

__all__ = ["data_digest", "differences", "network_identity", "training_identity"]


def training_identity(config: NetworkConfig, dataset: Dataset, baseline: FloatSettings) -> dict[str, Any]:
    """Return what decides a training's results, but for the number of epochs, as JSON has it.

    Returns
    -------
    dict
        ``semantics`` (version), ``seed``, ``network`` (`network_identity`), ``dataset`` (name), ``data``
        (`data_digest`), ``order`` (SHA-256 of an order drawn by `sample_order`, which hangs on NumPy) and ``baseline``
        (settings of the float network).
    """
    return {
        "semantics": SEMANTICS_VERSION,
        "seed": config.seed,
        "network": network_identity(config),
        "dataset": dataset.name,
        "data": data_digest(dataset),
        "order": hashlib.sha256(sample_order(1000, 1, 0).astype("<i8").tobytes()).hexdigest(),
        "baseline": asdict(baseline),
    }


def network_identity(config: NetworkConfig) -> dict[str, Any]:
    """Return the configuration values that decide what a network computes, but for its seed: no lanes, no banks."""
    return {key: value for key, value in config.to_dict().items() if key not in ("name", "seed", *ARCHITECTURE)}


def data_digest(dataset: Dataset) -> str:
    """Return the SHA-256 over all samples and labels as they were loaded, with their types and shapes."""
    digest = hashlib.sha256(f"{dataset.classes}".encode())
    for array in (dataset.train_values, dataset.train_labels, dataset.test_values, dataset.test_labels):
        digest.update(f" {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def differences(recorded: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Return in words what two identities differ in; an empty list if they are one."""
    return list(_differences(recorded, json.loads(json.dumps(own))))


def _differences(recorded: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    for key, what in (("network", ""), ("baseline", " of the float network")):
        theirs = recorded[key]
        for name in dict.fromkeys([*theirs, *own[key]]):
            if theirs.get(name) != own[key].get(name):
                yield f"{name}{what} is {_text(theirs.get(name))}, not {_text(own[key].get(name))}"
    for key in ("seed", "dataset"):
        if recorded[key] != own[key]:
            yield f"{key} is {_text(recorded[key])}, not {_text(own[key])}"
    if recorded["data"] != own["data"]:
        yield "its samples are others"
    if recorded["order"] != own["order"]:
        yield "its samples come in another order, that of another version of NumPy"
    if recorded["semantics"] != own["semantics"]:
        yield f"it is of version {recorded['semantics']} of the semantics, not {own['semantics']}"


def _text(value: Any) -> str:
    return "not given" if value is None else value if isinstance(value, str) else json.dumps(value)
