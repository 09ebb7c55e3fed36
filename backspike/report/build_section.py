"""The section of a build."""

from __future__ import annotations

from collections.abc import Sequence

from .folders import BuildFolder, TrainingFolder
from .parts import Part, Section, Table

__all__ = ["build_section"]


def build_section(build: BuildFolder, trainings: Sequence[TrainingFolder]) -> Section:
    """Return the section of a build; it says which of the trainings' networks was built."""
    used = [
        [cell, f"{use['used']:,}", f"{use['available']:,}", f"{use['used'] / use['available']:.1%}"]
        for cell, use in build.device.items()
    ]
    clocks = [
        [name, f"{found['achieved']:.1f} MHz", f"{found['constraint']:.1f} MHz",
         f"{found['achieved'] / found['constraint']:.2f}"]
        for name, found in build.clocks.items()
    ]  # fmt: skip
    met = "Timing is met." if build.timing_met else "Timing is not met, so there is no bitstream."
    parts = [
        Part("Resources", table=Table(["cells", "used", "available", "share"], used), source=f"{build.path}: device"),
        Part(
            "Timing",
            words=[met],
            table=Table(["clock", "reached", "wanted", "reached / wanted"], clocks),
            source=f"{build.path}: clocks",
        ),
        Part(
            "The whole report",
            words=_built_for(build, trainings),
            table=Table([], [list(row) for row in build.rows]),
            source=str(build.path),
        ),
    ]
    layers = "-".join(map(str, build.layers))
    return Section(f"{build.name}, {layers}, built for {build.board}", str(build.folder), parts)


def _built_for(build: BuildFolder, trainings: Sequence[TrainingFolder]) -> list[str]:
    """Return which of the trainings' networks was built, or that it is none of them."""
    if not trainings:
        return []
    if build.config is None:
        return [f"There is no config.toml in {build.folder}, so whether it is a network above is not known."]
    same = [one for one in trainings if one.config.checkpoint_difference(build.config) is None]
    if same:
        return [f"It is the network that was trained in {', '.join(str(one.folder) for one in same)}."]
    return ["It is the network of none of the trainings above: it would not take their weights."]
