"""What simulations of boards go through: lines, branches and toggles of their Verilog, and phases of the tick.

Verilator counts them in the Verilog that `backspike.hdl.verilog.emit` writes. Each module of it says which file of
`hdl/` it is from, and what is counted is gathered by these files, over all boards. Modules of the same text are one, as
lanes and banks are: what one of them has gone through, all have. What no input can reach is told by Yosys: bits that
are constant in a configuration, and the sides of choices that follow from them.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from backspike.cache import cached
from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.fpga.tools import run_yosys, tool_version

__all__ = ["KINDS", "Coverage", "Design", "Hole", "Waiver", "phases", "read_waivers", "sort_out"]

KINDS = ("line", "branch", "toggle")
"""What is counted: blocks of statements, either side of each choice, either way of each bit."""

_PACKAGE = Path(__file__).resolve().parent.parent
_MODULE = re.compile(r'(?:^\(\* src = "(?P<source>[^"]*):\d+" \*\)\n)?^module \\?(?P<name>\S+) ?\(', re.MULTILINE)
_ATTRIBUTE = re.compile(r"\(\* .*? \*\) ?")
# Amaranth tells names apart by numbers that go through the whole design, and a module's name is where it is.
_APART = re.compile(r"\$\d+|\\[\w$]+\.\S+ ")
_POINT = re.compile(r"C '(.*)' (\d+)")
_ESCAPED = re.compile(r"__0([0-9a-fA-F]{2})")
_TOGGLE = re.compile(r"(?P<name>.*?)(?:\[(?P<bit>\d+)\])?:[01]->[01]")
_CHOICE = re.compile(r"(?P<condition>[^=?]*?) \? ")
_CASE = re.compile(r"(?P<bits>\d+'b[01?]+|default):$")
_CALL = "{function}(" + r".*, (?P<selectors>\{{.*\}}|[^,]*)\);"
# Where a constant goes into a register, the next round finds that register constant.
_ROUND = "opt_expr\nopt_dff{way}\n"
_CONSTANT = f"""\
read_verilog -DSYNTHESIS design.v
hierarchy -top {{top}}
proc
flatten -noscopeinfo
{"".join(_ROUND.format(way=way) for way in ["", "", " -sat", "", ""])}opt_expr
opt_clean
write_json constant.json
"""


def phases(config: NetworkConfig) -> dict[str, str]:
    """Return bins of what happens in which phase, as conditions in Verilog on the signals of a `BoardTop`.

    A reset, by the host or of all, and an access to a register in each phase of a network; and samples that follow each
    other without a cycle between them.
    """
    network, layers = "unit.network", range(1, config.depth + 1)
    showing, ending = f"{network}.sequencer.showing", f"{network}.sequencer.ending"
    sweeping = " || ".join(f"{network}.layer_{layer}.sweep.events__sweeping" for layer in layers)
    writing = " || ".join(f"{network}.layer_{layer}.sweep.events__wrote != 0" for layer in layers)
    errors = " || ".join(f"{network}.layer_{layer}.control__error" for layer in layers)
    seeding = f"{network}.registers.seeding"
    found = {
        "LFSRs are seeded": seeding,
        "no sample is there": f"!{showing} && !{seeding}",
        "rows are swept": f"{showing} && ({sweeping})",
        "rows are updated": writing,
        "error spikes are registered": f"{showing} && ({errors})",
        "units move, or race": f"{showing} && !{ending} && !({sweeping})",
        "a tick ends": f"{network}.sequencer.advance",
        "a sample ends": ending,
    }
    asked = f"{network}.registers.requests__valid && {network}.registers.requests__ready"
    events = {
        "reset": "unit.link.reset || now__rst",
        "register accessed": asked,
    }
    bins = {
        f"{event} while {phase}": f"({happens}) && ({condition})"
        for event, happens in events.items()
        for phase, condition in found.items()
    }
    bins["a sample begins in the cycle after the one before it"] = (
        f"{network}.sequencer.\\begin  && $past({network}.sequencer.ended)"
    )
    return bins


@dataclass(frozen=True)
class Hole:
    """A point of the Verilog that no simulation has gone through, though it is not known to be out of reach.

    Attributes
    ----------
    component : str
        The file that its module is from, such as ``hdl/wta.py``.
    kind : str
        One of `KINDS`.
    text : str
        A bit and its way (``rates[8]:0->1``), or a condition and what it has not been (``fsm_state == 2'h1: else``).
    where : str
        An instance of its module.
    """

    component: str
    kind: str
    text: str
    where: str

    def __str__(self) -> str:
        return f"{self.component}: {self.kind} {self.text} ({self.where})"


@dataclass(frozen=True)
class Waiver:
    """Why holes are none.

    Attributes
    ----------
    component, kind, text : str
        Regular expressions that those of the holes match, whole.
    reason : str
    """

    component: str
    kind: str
    text: str
    reason: str

    def fits(self, hole: Hole) -> bool:
        """Whether it speaks of a hole."""
        pairs = ((self.component, hole.component), (self.kind, hole.kind), (self.text, hole.text))
        return all(re.fullmatch(pattern, found) for pattern, found in pairs)


@dataclass(frozen=True)
class _Place:
    """A point of a module's text: equal in modules of the same text."""

    component: str
    kind: str
    module: str
    line: int
    column: int
    text: str


@dataclass(frozen=True)
class _Module:
    """A module of a design: what it is from, its text's hash without what tells it apart, and its lines."""

    name: str
    component: str
    digest: str
    first: int
    lines: list[str]

    @cached_property
    def _assigned(self) -> dict[str, str]:
        found = (re.match(r" *assign (\S+) +?= (.*);$", line) for line in self.lines)
        return {match[1]: match[2] for match in found if match}

    def meaning(self, signal: str) -> str:
        """Return what a signal without a name of its own is assigned, as far as that says more."""
        for _ in range(4):
            if not re.fullmatch(r"_\d+_", signal) or signal not in self._assigned:
                break
            signal = self._assigned[signal]
        return signal


class Design:
    """A design's Verilog, cut into modules.

    Parameters
    ----------
    name : str
        What the user calls it.
    verilog : str
        From `hdl.verilog.emit`, with sources.
    top : str
        The top module.
    """

    def __init__(self, name: str, verilog: str, top: str) -> None:
        self.name, self.verilog, self.top = name, verilog, top
        self.lines = verilog.count("\n")
        self._modules = list(self._cut())
        self._starts = [module.first for module in self._modules]

    def _cut(self) -> Iterator[_Module]:
        for match in _MODULE.finditer(self.verilog):
            start = match.end()
            end = self.verilog.index("\nendmodule", start)
            text = _ATTRIBUTE.sub("", self.verilog[start:end])
            digest = hashlib.sha256(_APART.sub("", text).encode()).hexdigest()
            first = self.verilog.count("\n", 0, start) + 1
            yield _Module(match["name"], _component(match["source"] or ""), digest, first, text.split("\n"))

    def module_at(self, line: int) -> _Module:
        """Return the module that a line of the Verilog is in."""
        return self._modules[bisect_right(self._starts, line) - 1]

    @cached_property
    def constant(self) -> dict[str, set[int]]:
        """Bits that are constant in this configuration, whatever comes in, by the signal's path below the top module.

        Raises
        ------
        BackspikeError
            Yosys is missing, or does not take the Verilog.
        """
        script = _CONSTANT.format(top=self.top)

        def make(made: Path) -> None:
            (made / "design.v").write_text(_ATTRIBUTE.sub("", self.verilog), encoding="utf-8")
            run_yosys(script, self.top, made)

        folder = cached(
            ["constant", tool_version("yosys"), script, self.verilog], make, f"the constants of {self.name}"
        )
        netlist = json.loads((folder / "constant.json").read_text(encoding="utf-8"))
        nets = netlist["modules"][self.top]["netnames"]
        return {
            name: {net.get("offset", 0) + place for place, bit in enumerate(net["bits"]) if isinstance(bit, str)}
            for name, net in nets.items()
        }


class Coverage:
    """What several simulations have gone through, together."""

    def __init__(self) -> None:
        self._hits: Counter[_Place] = Counter()
        self._instances: defaultdict[_Place, list[tuple[Design, _Module, str]]] = defaultdict(list)
        self.bins: Counter[str] = Counter()

    def add(self, design: Design, counted: str, bins: Iterable[str] = ()) -> None:
        """Add a simulation.

        Parameters
        ----------
        design : Design
        counted : str
            What Verilator has written.
        bins : iterable of str
            Names of the bins that stand behind the design, in their order.
        """
        behind: list[tuple[int, int]] = []
        for point in _POINT.finditer(counted):
            keys = dict(key.split("\x02", 1) for key in point[1].split("\x01") if key)
            line, hits = int(keys["l"]), int(point[2])
            if line > design.lines:
                if keys["page"].startswith("v_user"):
                    behind.append((line, hits))
                continue
            module, kind = design.module_at(line), keys["page"].removeprefix("v_").partition("/")[0]
            text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), keys["o"])
            at = line - module.first
            if kind not in KINDS or _is_memory(module.lines[at]):
                continue
            place = _Place(module.component, kind, module.digest, at, int(keys["n"]), _APART.sub("", text))
            self._hits[place] += hits
            self._instances[place].append((design, module, text))
        names = list(bins)
        if len(behind) != len(names):
            raise BackspikeError(f"{design.name} has {len(behind)} bins, not {len(names)}")
        for name, (_, hits) in zip(names, sorted(behind), strict=True):
            self.bins[name] += hits

    def holes(self) -> list[Hole]:
        """Return the points that were not gone through, but for those that cannot be."""
        return [self._hole(place) for place, hits in self._hits.items() if not hits and not self._unreachable(place)]

    def counts(self) -> dict[str, dict[str, tuple[int, int, int]]]:
        """Return, of each component and kind, the points that were gone through, all, and those out of reach."""
        found: defaultdict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
        for place, hits in self._hits.items():
            unreachable = not hits and self._unreachable(place)
            for index, counts in enumerate((hits > 0, True, unreachable)):
                found[place.component][place.kind, index] += counts
        return {
            component: {kind: (counts[kind, 0], counts[kind, 1], counts[kind, 2]) for kind in KINDS}
            for component, counts in sorted(found.items())
        }

    def _unreachable(self, place: _Place) -> bool:
        return all(_out_of_reach(design, module, place, text) for design, module, text in self._instances[place])

    def _hole(self, place: _Place) -> Hole:
        design, module, text = self._instances[place][0]
        if place.kind != "toggle":
            text = _condition(module, place.line, text)
        return Hole(place.component, place.kind, text, f"{design.name}: {module.name}")


def sort_out(holes: Iterable[Hole], waivers: Iterable[Waiver]) -> tuple[dict[Waiver, list[Hole]], list[Hole]]:
    """Return the holes that each waiver speaks of, and those that none does; a hole goes to the first that fits.

    Raises
    ------
    BackspikeError
        A waiver speaks of no hole: there is none any more, or it never was one.
    """
    waived: dict[Waiver, list[Hole]] = {waiver: [] for waiver in waivers}
    others: list[Hole] = []
    for hole in holes:
        waiver = next((waiver for waiver in waived if waiver.fits(hole)), None)
        (waived[waiver] if waiver else others).append(hole)
    for waiver, spoken_of in waived.items():
        if not spoken_of:
            raise BackspikeError(
                f"there is no {waiver.kind} {waiver.text} of {waiver.component} that is not covered: "
                f"its waiver ({waiver.reason}) is out of date"
            )
    return waived, others


def _component(source: str) -> str:
    path = Path(source)
    if path.is_relative_to(_PACKAGE / "hdl"):
        return str(path.relative_to(_PACKAGE))
    return "/".join(path.parts[path.parts.index("amaranth") :]) if "amaranth" in path.parts else path.name


def _is_memory(line: str) -> bool:
    """Whether a line declares a memory, whose words are not looked at bit by bit."""
    return re.match(r" *reg (\[\d+:\d+\] )?\S+ +\[\d+:\d+\];", line) is not None


def _out_of_reach(design: Design, module: _Module, place: _Place, text: str) -> bool:
    """Whether no input can bring an instance of a module through a point."""
    line = module.lines[place.line]
    if place.kind == "toggle":
        match = _TOGGLE.fullmatch(text)
        return match is not None and _is_constant(design, module, match["name"], int(match["bit"] or 0))
    if _CASE.search(line.strip()):
        # Where two selectors of one choice are set at once, which Amaranth's never are, the choice is X.
        return re.search(r"= \d+'[bh]x+;$", module.lines[place.line + 1]) is not None
    choice = _CHOICE.search(line.partition(" = ")[2])
    return choice is not None and _is_constant(design, module, *_bit_of(choice["condition"]))


def _bit_of(condition: str) -> tuple[str, int]:
    match = re.fullmatch(r"\\?(\S+?) ?(?:\[(\d+)\])?", condition)
    return (match[1], int(match[2] or 0)) if match else (condition, 0)


def _is_constant(design: Design, module: _Module, signal: str, bit: int) -> bool:
    instance = module.name.removeprefix(design.top).removeprefix(".")
    path = f"{instance}.{signal}" if instance else signal
    return bit in design.constant.get(path, ())


def _condition(module: _Module, at: int, text: str) -> str:
    """Say in words of the Verilog what a point of a line is: a condition, and which side of it."""
    line = module.lines[at].strip()
    case = _CASE.search(line)
    if case:
        function = next((re.search(r"function \S+ (\w+);|function (\w+);", back) for back in reversed(module.lines[:at])
                         if "function" in back), None)  # fmt: skip
        name = (function[1] or function[2]) if function else ""
        for call in module.lines[at:]:
            found = re.search(rf"{name}\(.*, (\{{[^}}]*\}}|[^,{{}}]*)\);$", call)
            if name and found:
                selectors = [module.meaning(one.strip()) for one in found[1].strip("{}").split(",")]
                if "1" not in case["bits"].partition("'b")[2]:
                    return f"none of {', '.join(reversed(selectors))}"
                place = case["bits"].partition("'b")[2][::-1].index("1")
                return f"{selectors[::-1][place]}: chosen"
    choice = _CHOICE.search(line.partition(" = ")[2])
    if choice:
        return f"{module.meaning(choice['condition'])}: {text.removeprefix('cond_')}"
    return f"{line}: {text}"


def read_waivers(values: Mapping[str, Any]) -> list[Waiver]:
    """Return the waivers of a TOML file's values: a table ``waiver`` each, whose reason says why it is none."""
    found = []
    for number, table in enumerate(values.get("waiver", []), start=1):
        if set(table) != {"component", "kind", "text", "reason"}:
            raise BackspikeError(f"waiver {number} must have component, kind, text and reason, not {', '.join(table)}")
        found.append(Waiver(**table))
    return found
