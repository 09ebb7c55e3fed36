"""A build goes into its board, and nothing that stays is overwritten unasked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.cli import main
from backspike.fpga.boards import BOARDS, FLASH, SRAM
from backspike.fpga.load import load_command


def built(folder: Path, board: str, **changes) -> Path:
    """Leave what `build` leaves, as far as it is looked at."""
    folder.mkdir(exist_ok=True)
    report = {"board": board, "name": "net", "timing_met": True} | changes
    (folder / "report.json").write_text(json.dumps(report))
    (folder / f"net{BOARDS[board].family.suffix}").write_bytes(b"bits")
    return folder


@pytest.mark.parametrize(
    ("board", "target", "options"),
    [
        ("icebreaker", FLASH, ["-b", "ice40_generic"]),
        ("hx8k", None, ["-b", "ice40_generic", "-m"]),
        ("hx8k", FLASH, ["-b", "ice40_generic"]),
        ("ulx3s-12f", None, ["-b", "ulx3s"]),
        ("ulx3s-85f", SRAM, ["-b", "ulx3s"]),
        ("ulx3s-85f", FLASH, ["-b", "ulx3s", "-f"]),
        ("tangnano9k", None, ["-b", "tangnano9k"]),
    ],
)
def test_each_board_is_loaded_as_its_table_says(board, target, options, tmp_path) -> None:
    folder = built(tmp_path / "a folder", board)
    bitstream = folder / f"net{BOARDS[board].family.suffix}"
    assert load_command(folder, target) == ["openFPGALoader", *options, str(bitstream)]


@pytest.mark.parametrize("board", BOARDS)
def test_a_flash_is_written_only_when_asked(board, tmp_path) -> None:
    """Only openFPGALoader's iCE40 boards write their flash without -f."""
    folder, cable = built(tmp_path, board), "ft232RL" if BOARDS[board].cable else None
    if SRAM not in BOARDS[board].loading:
        with pytest.raises(BackspikeError, match=r"through its flash alone, and what is there is lost; --to flash if"):
            load_command(folder)
        return
    command = load_command(folder, cable=cable)
    assert "-f" not in command
    assert ("-m" in command) == ("ice40_generic" in command)


def test_a_cable_is_named_where_the_board_has_none(tmp_path) -> None:
    folder = built(tmp_path, "colorlight")
    with pytest.raises(BackspikeError, match=r"has no JTAG cable of its own; --cable says"):
        load_command(folder)
    assert load_command(folder, cable="ft232RL")[1:5] == ["-b", "colorlight", "-c", "ft232RL"]
    with pytest.raises(BackspikeError, match=r"has a JTAG cable of its own; leave out --cable$"):
        load_command(built(tmp_path, "ulx3s-12f"), cable="ft232RL")


def test_a_board_is_not_loaded_to_what_it_cannot(tmp_path) -> None:
    with pytest.raises(BackspikeError, match=r"iCE40 UP5K can be loaded to flash, not to 'sram'$"):
        load_command(built(tmp_path, "icebreaker"), SRAM)


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ("{}", "report.json is damaged: it has no 'name'"),
        ("[]", "report.json is damaged: "),
        ("x", "report.json is damaged: "),
        ('{"name": "net", "board": "moon", "timing_met": true}', "board must be one of icebreaker, "),
        ('{"name": "net", "board": "hx8k", "timing_met": false}', "has no bitstream, as its timing was not met"),
        ('{"name": "other", "board": "hx8k", "timing_met": true}', "other.bin is missing; build it again"),
        (None, "cannot read report "),
    ],
)
def test_what_is_no_build_is_one_sentence(report, sentence, tmp_path, capsys) -> None:
    if report is not None:
        (tmp_path / "report.json").write_text(report)
    assert main(["flash", str(tmp_path), "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error
    assert error.count("\n") == 1


def test_the_program_is_run_and_its_status_is_told(tmp_path, capfd, monkeypatch) -> None:
    folder = built(tmp_path / "build", "ulx3s-12f")
    program = tmp_path / "openFPGALoader"
    program.write_text('#!/bin/sh\necho "loads $*"\nexit ${BACKSPIKE_STATUS:-0}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert main(["flash", str(folder)]) == 0
    assert f"loads -b ulx3s {folder / 'net.bit'}\n" in capfd.readouterr().out
    assert main(["flash", str(folder), "--dry-run"]) == 0
    assert capfd.readouterr().out == f"openFPGALoader -b ulx3s {folder / 'net.bit'}\n"
    monkeypatch.setenv("BACKSPIKE_STATUS", "3")
    assert main(["flash", str(folder)]) == 2
    assert "error: openFPGALoader ended with status 3" in capfd.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert main(["flash", str(folder)]) == 2
    assert (
        capfd.readouterr().err == "error: openFPGALoader is missing; install it with: apt-get install openfpgaloader\n"
    )
