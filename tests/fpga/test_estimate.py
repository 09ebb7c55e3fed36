"""Estimates before synthesis: memories by hand, the fit on networks whose cells are known, and the record itself."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.fpga.boards import BOARDS
from backspike.fpga.contents import Contents, Memory, contents
from backspike.fpga.estimate import (
    RECORD,
    Estimate,
    error_table,
    estimate,
    families,
    features,
    ram_cells,
    write_record,
)

LUTS = np.array([1.2, 0.5, 1.0, 900.0])
FLIP_FLOPS = np.array([0.9, 1.0, 120.0])
TINY = PRESETS["tiny"].replace(lanes=(1, 1), unit_lanes=(1,), input_lanes=1)


def made_up(count: int) -> list[dict]:
    """Return a record of networks whose cells are exactly what the coefficients above say."""
    generator = np.random.default_rng(7)
    samples = []
    for _ in range(count):
        registers, sums, logic = (int(number) for number in generator.integers(500, 20_000, 3))
        memories = (
            Memory("in a block", 16, 256, 1, False),
            Memory("in registers", 50, int(generator.integers(1, 5)), 1, False),
        )
        made_of = Contents(registers, sums, logic, memories)
        luts = round(1000 * float(features(made_of, "ice40", "luts") @ LUTS))
        flip_flops = round(500 * float(features(made_of, "ice40", "flip_flops") @ FLIP_FLOPS))
        cells = {"SB_LUT4": luts, "SB_DFF": flip_flops, "SB_DFFE": flip_flops, "SB_RAM40_4K": 1}
        samples.append({"family": "ice40", "config": TINY.to_dict(), "contents": made_of.to_dict(), "cells": cells})
    return samples


def test_a_linear_record_is_found_again(tmp_path) -> None:
    samples = made_up(40)
    write_record(samples, tmp_path / "area.json")
    assert json.loads((tmp_path / "area.json").read_text()) == json.loads(json.dumps(samples))
    found, made_of = estimate(TINY, BOARDS["hx8k"], tmp_path / "area.json"), contents(TINY)
    blocks = BOARDS["hx8k"].capacity.block_rams
    luts, flip_flops = (features(made_of, "ice40", kind, False, blocks) for kind in ("luts", "flip_flops"))
    assert found.luts == pytest.approx(1000 * float(luts @ LUTS), rel=1e-3)
    assert found.flip_flops == pytest.approx(1000 * float(flip_flops @ FLIP_FLOPS), rel=1e-3)
    assert error_table(samples, "ice40").endswith("mean 0.0%, largest 0.0%")


def test_memories_are_mapped_as_yosys_does() -> None:
    def cells(family: str, *memories: Memory, single_port: bool = False) -> tuple[int, ...]:
        return tuple(ram_cells(memories, family, single_port).values())

    # 785 words of 200 x 9 bits: 50 of 36 bits wide, two of 512 deep, or 100 of 18 bits wide; 201 words of 90 bits.
    assert cells("ecp5", Memory("rows", 1800, 785, 1, False), Memory("rows", 90, 201, 1, False)) == (103, 0, 0, 0)
    # 50,240 words of 16 bits: 197 blocks of 256, 99 of two times 8 bits and 512; four single-port RAMs of 16,384.
    rows = Memory("rows", 16, 50_240, 1, True)
    assert cells("ice40", rows) == (197, 0, 0, 0)
    assert cells("ice40", rows, single_port=True) == (0, 4, 0, 0)
    # Forty units of 52 bits, five words: 40 x 13 times four tables are cheaper than 58 blocks.
    assert cells("ecp5", Memory("states", 2080, 5, 40, False)) == (0, 0, 40 * 13 * 4, 0)
    # 64 bits are as cheap in registers as in a block; a few more are taken in registers too.
    assert cells("ice40", Memory("small", 8, 8, 1, False)) == (0, 0, 0, 64)
    assert cells("ice40", Memory("small", 8, 10, 1, False)) == (1, 0, 0, 0)


def test_blocks_that_are_left_are_filled_as_a_build_fills_them() -> None:
    # One of a whole block, and of registers 66, 60, 99 and 15 bits, the third in three blocks; 15 are not worth one.
    shapes = ((16, 256), (11, 6), (12, 5), (33, 3), (5, 3))
    memories = tuple(Memory("m", width, depth, 1, False) for width, depth in shapes)

    def filled(blocks: int, family: str = "ice40") -> tuple[int, int]:
        found = ram_cells(memories, family, False, blocks)
        return found["block_rams"], found["registers"]

    assert filled(0) == filled(1) == (1, 240)
    assert filled(2) == (2, 174)
    assert filled(3) == filled(5) == (3, 114)
    assert filled(6) == filled(30) == (6, 15)
    assert filled(30, "ecp5") == filled(0, "ecp5")


def test_a_small_memory_of_one_port_is_cheaper_in_blocks() -> None:
    memories = (Memory("small", 16, 1024, 1, True), Memory("large", 16, 16_384, 1, True))
    found = ram_cells(memories, "ice40", True)
    assert (found["block_rams"], found["single_port_rams"]) == (4, 1)


def test_what_a_network_is_made_of() -> None:
    made_of = contents(TINY)
    shapes = {(memory.width, memory.depth) for memory in made_of.memories if memory.name.startswith("rows")}
    # A word a synapse: 9 rows of 4, 5 rows of 3.
    assert shapes == {(6, 36), (6, 15)}
    assert Contents.from_dict(json.loads(json.dumps(made_of.to_dict()))) == made_of
    wider = contents(TINY.replace(lanes=(4, 3)))
    assert wider.sums > made_of.sums
    assert wider.registers > made_of.registers
    single = contents(TINY.replace(ports=(1, 2))).memories
    assert [memory.single for memory in single if memory.name.startswith("rows")] == [True, False]


def test_what_fits() -> None:
    board = BOARDS["icebreaker"]
    assert Estimate(3_900, 1_800, 5_170, 30, 4).fits(board)
    assert not Estimate(3_900, 1_800, 5_180, 30, 4).fits(board)
    assert not Estimate(3_900, 1_800, 5_170, 31, 4).fits(board)
    assert not Estimate(3_900, 1_800, 5_170, 30, 5).fits(board)


def test_the_record_is_near_to_what_is_fitted_to_the_others() -> None:
    samples = json.loads(RECORD.read_text())
    assert families() == ["ecp5", "ice40"]
    for family in families():
        found = re.search(r"mean ([\d.]+)%, largest ([\d.]+)%", error_table(samples, family))
        assert found
        assert float(found[1]) < 10, family
        assert float(found[2]) < 15, family
    for sample in samples:
        made_of = Contents.from_dict(sample["contents"])
        kind = {"ice40": "SB_RAM40", "ecp5": "DP16KD"}[sample["family"]]
        real = sum(number for cell, number in sample["cells"].items() if cell.startswith(kind))
        assert ram_cells(made_of.memories, sample["family"], False)["block_rams"] == real, sample["config"]


def test_a_family_without_an_estimate_is_one_sentence(capsys, tmp_path) -> None:
    sentence = r"^there is no estimate for devices of the family gowin, only for those of ecp5, ice40$"
    with pytest.raises(BackspikeError, match=sentence):
        estimate(PRESETS["tiny"], BOARDS["tangnano9k"])
    with pytest.raises(BackspikeError, match=sentence):
        _ = BOARDS["tangnano9k"].capacity
    record = tmp_path / "ecp5.json"
    write_record([sample for sample in json.loads(RECORD.read_text()) if sample["family"] == "ecp5"], record)
    with pytest.raises(BackspikeError, match=r"ecp5\.json has no networks of the family ice40$"):
        estimate(PRESETS["tiny"], BOARDS["hx8k"], record)
    with pytest.raises(BackspikeError, match=r"^cannot read the record of bench/area\.py .*none\.json: No such "):
        estimate(PRESETS["tiny"], BOARDS["hx8k"], RECORD.with_name("none.json"))
    assert main(["estimate", "--config", "tiny", "--board", "tangnano9k"]) == 2
    capsys.readouterr()
    assert main(["estimate", "--config", "tiny", "--board", "hx8k"]) == 0
    line, why = capsys.readouterr().out.splitlines()
    assert re.match(
        r"hx8k +LUTs [\d,]+, .* logic cells [\d,]+ of 7,680, .*samples/s unknown, (fits|does not fit)$", line
    )
    assert why == "training samples/s are unknown, because no training of this network is on record"
