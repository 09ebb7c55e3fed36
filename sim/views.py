"""What to look at in a waveform: save files for GTKWave and Surfer, with the signals of each layer together."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vcd.gtkw import GTKWSave

from backspike.config import NetworkConfig
from backspike.files import write_atomic

__all__ = ["REQUEST_STATES", "Group", "Trace", "groups_of", "signals_of", "write_views"]

REQUEST_STATES = ("Renew", "Ready", "Seed", "Access", "Look", "Respond", "Weight", "Move")
"""States of `hdl.registers.RegisterFile`, by their numbers: Amaranth counts them as they are first named."""

_MODULE = re.compile(r"^module \\?(\S+?) ?\((.*?)^endmodule$", re.MULTILINE | re.DOTALL)
_SIGNAL = re.compile(r"^  (?:wire|reg) (?:signed )?(?:\[(\d+):0\] )?(\\?\S+?) ?(?:;|= )", re.MULTILINE)


@dataclass(frozen=True)
class Trace:
    """A signal to be shown.

    Parameters
    ----------
    path : str
        Its hierarchical name, from the top module on.
    width : int
        Its bits.
    form : str
        ``"bin"``, ``"dec"`` or ``"hex"``.
    states : tuple of str
        What its values are called, from 0 on; empty if they are numbers.
    """

    path: str
    width: int
    form: str
    states: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Signals that belong together: a title, in one word, and the signals from the top."""

    title: str
    traces: list[Trace]


def signals_of(verilog: str) -> dict[str, int]:
    """Return the bits of each signal of a design, by hierarchical name from the top module on.

    Parameters
    ----------
    verilog : str
        As `backspike.hdl.verilog.emit` gives it: each module bears the hierarchical name of its one instance.
    """
    return {
        f"{module[1]}.{signal[2]}": int(signal[1] or 0) + 1
        for module in _MODULE.finditer(verilog)
        for signal in _SIGNAL.finditer(module[2])
        if not signal[2].startswith("\\")
    }


def groups_of(config: NetworkConfig, verilog: str) -> list[Group]:
    """Return what is worth looking at, in groups: tick, samples and results, each layer from the input on, registers.

    Parameters
    ----------
    config : NetworkConfig
    verilog : str
        The network's, as `backspike.hdl.verilog.emit` gives it. Of the signals that are looked for only those are
        returned that it has: a layer whose units take turns keeps their states in memories.
    """
    widths = signals_of(verilog)

    def group(title: str, *words: str) -> Group:
        traces = []
        for word in words:
            name, _, form = word.partition(":")
            path = f"{config.name}.{name}"
            if path in widths:
                states = REQUEST_STATES if form == "states" else ()
                traces.append(Trace(path, widths[path], "hex" if states else form or "hex", states))
        return Group(title, traces)

    groups = [
        group("tick", "clk", "rst", *(f"sequencer.{word}" for word in _TICK)),
        group("samples", *(f"samples__{word}" for word in _STREAM)),
        group("input", *(f"source.{word}" for word in _VISITS)),
    ]
    for layer in config.hidden_layers:
        place = f"layer_{layer.number}"
        groups.append(group(place, *(f"{place}.{word}" for word in (*_CONTROL, *_FLAGS, *_VISITS))))
    place = f"layer_{config.depth}"
    groups.append(group(place, *(f"{place}.{word}" for word in (*_CONTROL, *_OUTPUT, *_VISITS))))
    groups.append(group("results", *(f"results__{word}" for word in _STREAM)))
    groups.append(
        group("registers", *(f"{port}__{word}" for port in ("requests", "responses") for word in _STREAM),
              "registers.fsm_state:states")
    )  # fmt: skip
    return [found for found in groups if found.traces]


_TICK = ("showing", "tick:dec", "advance", "last", "ending", "moved", "starting:bin", "finished:bin")
_STREAM = ("valid", "ready", "payload")
_CONTROL = ("control__start", "control__finished", "control__learn", "control__rate:dec", "control__error")
_FLAGS = ("flags__word:dec", "flags__spike:bin", "flags__gate:bin", "flags__permit:bin", "errors.register:bin")
_OUTPUT = ("label:dec", "wta.winner:dec", "wta.error_pos:bin", "wta.error_neg:bin", "wta.done")
_VISITS = ("visits__valid", "visits__ready", "visits__payload", "events__visited", "events__wrote")


def write_views(waves: Path, config: NetworkConfig, verilog: str) -> list[Path]:
    """Write beside a waveform what opens it with its signals in groups, and return the files.

    ``<waves>.gtkw`` is for GTKWave (``gtkwave waves.gtkw``), which shows states by name from ``<waves>.states.txt``;
    ``<waves>.sucl`` is a command file for Surfer (``surfer --command-file waves.sucl waves.fst``).

    Parameters
    ----------
    waves : Path
        The waveform; the files have its name with another ending.
    config, verilog
        As `groups_of` takes them.

    Raises
    ------
    BackspikeError
        A file cannot be written.
    """
    groups = groups_of(config, verilog)
    files = {
        waves.with_suffix(".states.txt"): "".join(f"{value:x} {name}\n" for value, name in enumerate(REQUEST_STATES)),
        waves.with_suffix(".gtkw"): _gtkwave(waves, groups),
        waves.with_suffix(".sucl"): "".join(f"{line}\n" for line in _surfer(groups)),
    }
    for path, text in files.items():
        # A path may be no text at all.
        write_atomic(path, text.encode(errors="surrogateescape"))
    return list(files)


def _gtkwave(waves: Path, groups: list[Group]) -> str:
    text = io.StringIO()
    save = GTKWSave(text)
    save.dumpfile(str(waves.absolute()), abspath=False)
    # With it GTKWave finds the waveform beside the save file when both were moved.
    save.savefile(str(waves.absolute().with_suffix(".gtkw")), abspath=False)
    save.treeopen(f"{groups[0].traces[0].path.partition('.')[0]}.")
    save.sst_expanded(True)
    for group in groups:
        with save.group(group.title):
            for trace in group.traces:
                bits = f"[{trace.width - 1}:0]" if trace.width > 1 else ""
                # A store's own signal says nothing; the store's name does.
                place, _, name = trace.path.rpartition(".")
                alias = f"{place.rpartition('.')[2]}{bits}" if name == "register" else None
                names = str(waves.absolute().with_suffix(".states.txt")) if trace.states else None
                save.trace(f"{trace.path}{bits}", alias, datafmt=trace.form, translate_filter_file=names)
    return text.getvalue()


def _surfer(groups: list[Group]) -> Iterator[str]:
    for group in groups:
        yield f"divider_add {group.title}"
        for trace in group.traces:
            yield f"variable_add {trace.path}"
    yield "zoom_fit"
