from __future__ import annotations

import json
from pathlib import Path

import pytest

from backspike import PRESETS
from backspike.datasets import load_dataset
from backspike.training.trainer import train

BUILD = {
    "board": "icebreaker",
    "name": "tiny",
    "layers": [8, 4, 3],
    "lanes": [4, 3],
    "banks": [1, 1],
    "input_buffers": 2,
    "clock_mhz": 24.0,
    "seed": 7,
    "timing_met": True,
    "clocks": {"clk": {"achieved": 31.5, "constraint": 24.0}},
    "seeds": {"7": {"clk": {"achieved": 31.5, "constraint": 24.0}}},
    "device": {"ICESTORM_LC": {"used": 1320, "available": 5280}},
    "cells": {"luts": 900},
    "training": None,
    "training_unknown_because": "it was made up",
    "entries_per_sample": None,
    "cycles_per_training_sample": None,
    "training_samples_per_second": None,
    "link_samples_per_second": 1000.0,
    "training_samples_per_second_through_link": None,
}


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a training of `tiny`; who changes it copies it."""
    out = tmp_path_factory.mktemp("trainings") / "run"
    config = PRESETS["tiny"]
    train(config, load_dataset("random", config, seed=5), 2, 5, out)
    return out


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a build of `tiny`, which is made up."""
    out = tmp_path_factory.mktemp("builds") / "board"
    out.mkdir()
    (out / "report.json").write_text(json.dumps(BUILD))
    PRESETS["tiny"].save(out / "config.toml")
    return out
