"""Small faults in a source: an operator, a number, a condition, a statement that is missing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from types import CodeType

__all__ = ["Mutant", "draw_mutants", "find_mutants"]

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}
_METHODS = {"any": "all", "all": "any"}
_FUNCTIONS = {"min": "max", "max": "min"}
_CONDITIONS = ("If", "Elif")
_WIDTHS = ("Signal", "In", "Out", "StructLayout", "signed", "unsigned")

_Edit = Callable[[ast.AST], "ast.AST | None"]


@dataclass(frozen=True)
class Mutant:
    """A source with a fault.

    ``file``: which source, and its text, ``source``; ``line``; ``change``: what was there and what is, of the
    statement, condition or assignment around it, unique in the file.
    """

    file: str
    source: str
    line: int
    change: str
    number: int
    edit: _Edit

    def compile(self, path: str) -> CodeType:
        """Return the code of the module; its lines are those of the file at ``path``."""
        tree = ast.parse(self.source)
        nodes = list(ast.walk(tree))
        found = nodes[self.number]
        changed = self.edit(found)
        _replace(_parents(nodes)[found], found, changed)
        for part in ast.walk(changed) if changed else ():
            if isinstance(part, ast.expr | ast.stmt) and not hasattr(part, "lineno"):
                ast.copy_location(part, found)
        return compile(ast.fix_missing_locations(tree), path, "exec")


def find_mutants(file: str, source: str) -> list[list[Mutant]]:
    """Return all mutants of a source, those of each place in a list.

    Parameters
    ----------
    file, source : str
        What it is called, and its text.
    """
    nodes = list(ast.walk(ast.parse(source)))
    parents = _parents(nodes)
    left_out = set(_not_code(nodes))
    seen: dict[str, int] = {}
    places = []
    for number, node in enumerate(nodes):
        if any(around in left_out for around in _chain(node, parents)):
            continue
        drawn = []
        for edit in _edits(node, parents):
            change = _describe(node, parents, edit(node))
            seen[change] = seen.get(change, 0) + 1
            if seen[change] > 1:
                change += f" #{seen[change]}"
            drawn.append(Mutant(file, source, getattr(node, "lineno", 0), change, number, edit))
        if drawn:
            places.append(drawn)
    return places


def draw_mutants(places: list[list[Mutant]], random: Random) -> Iterator[Mutant]:
    """Give all mutants in random order: of each place one, before any has another."""
    rounds = [random.sample(place, len(place)) for place in places]
    while rounds:
        random.shuffle(rounds)
        for place in rounds:
            yield place.pop()
        rounds = [place for place in rounds if place]


def _chain(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    """Give a node and all around it."""
    current: ast.AST | None = node
    while current is not None:
        yield current
        current = parents.get(current)


def _not_code(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """Give what makes no hardware: texts, types, imports, refusals, and the names of signals and of where they are."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            yield from node.decorator_list
            if node.returns:
                yield node.returns
            if node.name == "probes":
                yield node
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            yield node


def _edits(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[_Edit]:
    """Give the changes of one node: functions of its copy, which return what takes its place; None if nothing does."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        other = _OPERATORS[type(node.op)]
        yield lambda found: ast.BinOp(found.left, other(), found.right)
        yield lambda found: found.left
        yield lambda found: found.right
    elif isinstance(node, ast.BoolOp):
        turned = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield lambda found: ast.BoolOp(turned(), found.values)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        for kind in _COMPARISONS[type(node.ops[0])]:
            yield lambda found, kind=kind: ast.Compare(found.left, [kind(), *found.ops[1:]], found.comparators)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not | ast.USub):
        yield lambda found: found.operand
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        # Wider than needed is never wrong.
        if not any(isinstance(around, ast.Call) and _name(around) in _WIDTHS for around in _chain(node, parents)):
            yield lambda found: ast.Constant(found.value + 1)
        if node.value:
            yield lambda found: ast.Constant(found.value - 1)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        # A reset more than needed is never wrong.
        if not (node.value and getattr(parents[node], "arg", "") == "reset_less"):
            yield lambda found: ast.Constant(not found.value)
    elif isinstance(node, ast.IfExp):
        yield lambda found: ast.IfExp(found.test, found.orelse, found.body)
    elif isinstance(node, ast.Call):
        yield from _edits_of_call(node, parents)
    elif isinstance(node, ast.AugAssign) and _is_assignment(node.value):
        yield lambda found: ast.Pass()
    elif isinstance(node, ast.Assign) and _is_next(node):
        yield lambda found: ast.Pass()
        states = _states(node, parents)
        if len(states) > 1:
            target = states[(states.index(node.value.value) + 1) % len(states)]
            yield lambda found: ast.Assign(found.targets, ast.Constant(target))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and "__init__" not in ast.unparse(node):
        yield lambda found: ast.Pass()


def _edits_of_call(node: ast.Call, parents: dict[ast.AST, ast.AST]) -> Iterator[_Edit]:
    name = _name(node)
    if name == "Mux":
        yield lambda found: ast.Call(found.func, [found.args[0], found.args[2], found.args[1]], [])
    elif name in _METHODS and isinstance(node.func, ast.Attribute) and not node.args:
        yield lambda found: ast.Call(ast.Attribute(found.func.value, _METHODS[name], ast.Load()), [], [])
    elif name in _FUNCTIONS and isinstance(node.func, ast.Name):
        yield lambda found: ast.Call(ast.Name(_FUNCTIONS[name], ast.Load()), found.args, found.keywords)
    elif name in _CONDITIONS and isinstance(node.func, ast.Attribute):
        yield lambda found: ast.Call(
            found.func, [ast.Compare(found.args[0], [ast.Eq()], [ast.Constant(0)])], found.keywords
        )
    elif _is_assignment(node) and isinstance(parents[node], ast.List | ast.Tuple):
        yield lambda found: None


def _name(call: ast.Call) -> str:
    """Return the last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_assignment(node: ast.AST) -> bool:
    """Whether it is ``signal.eq(value)``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "eq"


def _is_next(node: ast.Assign) -> bool:
    target = node.targets[0]
    return isinstance(target, ast.Attribute) and target.attr == "next" and isinstance(node.value, ast.Constant)


def _states(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> list[str]:
    """Return the states of the machine around a node."""
    function = next(around for around in _chain(node, parents) if isinstance(around, ast.FunctionDef))
    calls = (call for call in ast.walk(function) if isinstance(call, ast.Call) and call.args)
    names = [call.args[0].value for call in calls if ast.unparse(call.func) == "m.State"]
    return names if node.value.value in names else []


def _parents(nodes: list[ast.AST]) -> dict[ast.AST, ast.AST]:
    return {child: node for node in nodes for child in ast.iter_child_nodes(node)}


def _replace(parent: ast.AST, found: ast.AST, changed: ast.AST | None) -> None:
    """Put something in a node's place, or nothing."""
    for name, value in ast.iter_fields(parent):
        if value is found:
            setattr(parent, name, changed)
        elif isinstance(value, list) and any(part is found for part in value):
            value[:] = [changed if part is found else part for part in value if part is not found or changed]


def _describe(node: ast.AST, parents: dict[ast.AST, ast.AST], changed: ast.AST | None) -> str:
    """Return the text around a node, of compound statements the first line, before a change and after it."""
    around = next(
        place
        for place in _chain(node, parents)
        if isinstance(place, ast.stmt | ast.withitem | ast.FunctionDef) or _is_assignment(place)
    )
    before = _first_line(around)
    if changed is None or isinstance(changed, ast.Pass):
        return f"{before} -> nothing"
    if node is around:
        return f"{before} -> {_first_line(changed)}"
    kept = {name: list(value) if isinstance(value, list) else value for name, value in ast.iter_fields(parents[node])}
    _replace(parents[node], node, changed)
    after = _first_line(around)
    for name, value in kept.items():
        setattr(parents[node], name, value)
    return f"{before} -> {after}"


def _first_line(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).split("\n")[0].removesuffix(":")
