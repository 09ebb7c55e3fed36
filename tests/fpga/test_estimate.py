"""Estimates before synthesis: memories by hand, the fit on networks whose cells are known, and the record itself."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.config import NetworkConfig
from backspike.fpga.boards import BOARDS
from backspike.fpga.estimate import RECORD, Estimate, block_rams, error_table, estimate, features, write_record

COEFFICIENTS = np.array([3.0, 4.0, 1.0, 900.0])


def made_up(count: int) -> list[dict]:
    """Return a record of networks whose cells are exactly what COEFFICIENTS say."""
    generator = np.random.default_rng(7)
    samples = []
    for _ in range(count):
        layers = (int(generator.integers(8, 200)), *generator.integers(3, 40, generator.integers(1, 4)).tolist())
        lanes = tuple(int(generator.integers(1, units + 1)) for units in layers[1:])
        config = NetworkConfig(
            layers=layers,
            lanes=lanes,
            weight_bits=int(generator.integers(6, 13)),
            weight_frac=4,
            input_streams=int(generator.integers(1, 17)),
            ticks=int(generator.integers(4, 500)),
        )
        cells = float(features(config) @ COEFFICIENTS)
        found = {"SB_LUT4": round(1000 * cells), "SB_DFF": round(500 * cells), "SB_DFFE": round(500 * cells)}
        samples.append({"family": "ice40", "config": config.to_dict(), "cells": found})
    return samples


def test_a_linear_record_is_found_again(tmp_path) -> None:
    samples = made_up(40)
    write_record(samples, tmp_path / "area.json")
    assert json.loads((tmp_path / "area.json").read_text()) == json.loads(json.dumps(samples))
    config = PRESETS["digits"]
    found = estimate(config, BOARDS["hx8k"], tmp_path / "area.json")
    wanted = 1000 * float(features(config) @ COEFFICIENTS)
    assert found.luts == pytest.approx(wanted, rel=1e-3)
    assert found.flip_flops == pytest.approx(wanted, rel=1e-3)
    assert error_table(samples, "ice40").endswith("mean 0.0%, largest 0.0%")


def test_memories_of_weights_are_packed() -> None:
    # 785 words of 200 x 9 bits: 50 of 36 bits wide, two of 512 deep; 201 words of 10 x 9 bits: three wide.
    config = NetworkConfig(layers=(784, 200, 10), weight_bits=9, weight_frac=8)
    assert block_rams(config, BOARDS["ulx3s-85f"]) == 100 + 3
    small = PRESETS["mnist-up5k"].replace(lanes=(4, 2), ports=(2, 2))
    # 785 x 32 words of 32 bits: two of 16 bits wide, 99 of 256 deep; 129 x 5 words of 16 bits: three of 256 deep.
    assert block_rams(small, BOARDS["icebreaker"]) == 2 * 99 + 3
    assert block_rams(small.replace(ports=(1, 2)), BOARDS["icebreaker"]) == 3
    assert block_rams(small.replace(ports=(1, 2)), BOARDS["hx8k"]) == 2 * 99 + 3


def test_what_fits() -> None:
    board = BOARDS["hx8k"]
    assert Estimate(6_900, 5_000, 30, None).fits(board)
    assert not Estimate(6_950, 5_000, 30, None).fits(board)
    assert not Estimate(6_900, 5_000, 31, None).fits(board)


def test_the_record_is_near_to_what_is_fitted_to_the_others() -> None:
    samples = json.loads(RECORD.read_text())
    for family in {sample["family"] for sample in samples}:
        found = re.search(r"mean ([\d.]+)%", error_table(samples, family))
        assert found
        assert float(found[1]) < 15, family


def test_a_family_without_a_record_is_one_sentence(capsys) -> None:
    with pytest.raises(BackspikeError, match=r"^there is no estimate for gowin, which tangnano9k has; only for "):
        estimate(PRESETS["tiny"], BOARDS["tangnano9k"])
    with pytest.raises(BackspikeError, match=r"^cannot read .*, which bench/area.py makes: "):
        estimate(PRESETS["tiny"], BOARDS["hx8k"], RECORD.with_name("none.json"))
    assert main(["estimate", "--config", "tiny", "--board", "hx8k"]) == 0
    assert re.match(r"hx8k +LUTs [\d,]+ of 7,680, .* (fits|does not fit)\n$", capsys.readouterr().out)
