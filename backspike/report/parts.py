"""What a section of the page is made of, and the words for its numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Part", "Picture", "Section", "Table", "counted", "percent", "points"]


@dataclass(frozen=True)
class Picture:
    """An image in the page.

    Parameters
    ----------
    data : str
        As a ``data:`` address.
    alt : str
        What it shows, for those who do not see it.
    width, height : int or None
        Size on the page, of images of few pixels, which are drawn as squares.
    """

    data: str
    alt: str
    width: int | None = None
    height: int | None = None

    @classmethod
    def svg(cls, content: bytes, alt: str) -> Picture:
        """Return a chart."""
        return cls(_address("svg+xml", content), alt)

    @classmethod
    def png(cls, content: bytes, alt: str, width: int, height: int, wanted: int) -> Picture:
        """Return an image of so many pixels, each a square of 1 to 16 of the page's, about as wide as wanted."""
        scale = min(16, max(1, round(wanted / width)))
        return cls(_address("png", content), alt, width * scale, height * scale)


@dataclass(frozen=True)
class Table:
    """Rows of text below headings; the first cell of each row is its heading."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """A part of a training's or a build's section: what is missing is said in a sentence.

    Parameters
    ----------
    heading : str
    words : list of str
        Paragraphs before the pictures.
    pictures : list of Picture
    captions : list of str
        One of each picture; empty where they need none.
    matrix : NDArray or None
        A confusion matrix to be shown as a table.
    table : Table or None
    folded : bool
        Whether the table is folded away until it is asked for.
    source : str
        The file that it is from, and where in it.
    missing : str
        Why there is nothing to show; then there is nothing else.
    """

    heading: str
    words: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    matrix: list[list[dict[str, Any]]] | None = None
    table: Table | None = None
    folded: bool = False
    source: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Section:
    """A training or a build: its title, the folder that it is from, and its parts."""

    title: str
    folder: str
    parts: list[Part]


def percent(share: float | None) -> str:
    """Return a share, 0 to 1, in percent; a dash where there is none."""
    return "-" if share is None else f"{share:.2%}"


def points(difference: float) -> str:
    """Return a difference of two shares in points of percent, with its sign."""
    return f"{100 * difference:+.2f} points"


def counted(count: int, what: str) -> str:
    """Return a number with what is counted, in the plural where it is not one."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
