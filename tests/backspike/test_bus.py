"""Samples and results as words, for who drives a network on a bus from Python."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.bus import read_results, result_words, sample_words
from backspike.model import Result, Sample
from backspike.register_files import register_files
from backspike.registers import bus_registers

RATE = NetworkConfig(layers=(5, 3), ticks=4)
SPIKES = NetworkConfig(layers=(3, 2), ticks=3, input="spikes")
DOCUMENT = Path(__file__).parents[2] / "docs" / "bus.md"


def test_a_sample_is_its_label_and_its_entries() -> None:
    sample = Sample(np.array([0, 255, 0, 1, 0], dtype=np.uint8), 2, True)
    assert sample_words(RATE, sample).tolist() == [0x8200_0002, 0x00FF_0001, 0x0101_0003]
    unlearned = Sample(np.array([7, 0, 0, 0, 0], dtype=np.uint8), 0x1234, False)
    assert sample_words(RATE, unlearned).tolist() == [0x8000_1234, 0x0107_0000]


def test_an_empty_list_is_a_word() -> None:
    assert sample_words(RATE, Sample(np.zeros(5, dtype=np.uint8), 1, True)).tolist() == [0x8200_0001, 0x0100_0000]
    lists = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]], dtype=np.uint8)
    words = sample_words(SPIKES, Sample(lists, 1, False))
    assert words.dtype == np.uint32
    assert words.tolist() == [0x8000_0001, 0x0001_0001, 0x0101_0002, 0x0100_0000, 0x0101_0000]


def test_results_are_read_and_what_is_none_is_refused() -> None:
    assert result_words(RATE) == 4
    words = [0x0003_0001, 0x0001_0000, 0x0003_0001, 0x0000_0002, 0x0004_0000, 0x0004_0000, 1, 2]
    first, second = read_results(RATE, np.array(words, dtype=np.uint32))
    assert (first.winner, first.wins.tolist()) == (1, [1, 3, 0])
    assert (second.winner, second.wins.tolist()) == (0, [4, 0, 0])
    assert isinstance(first, Result)
    assert read_results(RATE, np.array([], dtype=np.uint32)) == []
    with pytest.raises(BackspikeError, match=r"^results must be of 4 words each, and 7 are not a multiple of that$"):
        read_results(RATE, np.array(words[:7], dtype=np.uint32))
    # A word too late, as after one that was lost.
    with pytest.raises(BackspikeError, match=r"^result 0 must name the classes \[2, 0, 1, 2\], not \[0, 1, 2, 0\]$"):
        read_results(RATE, np.array([*words[1:4], words[4]], dtype=np.uint32))


def test_the_program_of_the_docs_compiles(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc")
    (program,) = re.findall(r"^```c\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    for name, text in register_files("digits_wishbone", PRESETS["digits"], bus_registers(streams=True)).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text(f"#include <stdint.h>\n#define BASE ((uintptr_t)0x30000000)\n{program}")
    options = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "main.c"]
    subprocess.run([compiler, *options], cwd=tmp_path, check=True)
