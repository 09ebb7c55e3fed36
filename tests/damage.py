"""Malformed files by the thousand, near to good ones: what readers have to turn into one sentence."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import strategies as st

from backspike import BackspikeError

PIECES = (
    b"\xff" * 4,
    b"\0" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"[" * 3000,
    b"9" * 5000,
)
"""Bytes that readers stumble over: the ends of counts, and values of another kind in texts."""


@st.composite
def damaged(draw: st.DrawFn, *originals: bytes) -> bytes:
    """Draw bytes that a few steps part from good ones: changed, cut out, repeated or put in somewhere."""
    content = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.integers(0, 12))
        step = draw(st.sampled_from(["change", "cut", "repeat", "insert", "end"]))
        if step == "change" and start < len(content):
            content[start] ^= draw(st.integers(1, 255))
        elif step == "cut":
            del content[start:end]
        elif step == "repeat":
            content[start:start] = content[start:end] * draw(st.integers(1, 3))
        elif step == "insert":
            content[start:end] = draw(st.sampled_from(PIECES) | st.binary(max_size=8))
        elif step == "end":
            del content[start:]
    return bytes(content)


@st.composite
def damaged_zips(draw: st.DrawFn, members: Mapping[str, bytes]) -> bytes:
    """Draw a zip that is damaged, or is whole and has a damaged member; any method of packing."""
    spoilt = draw(st.sampled_from(sorted(members)) | st.none())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, content in members.items():
            archive.writestr(name, draw(damaged(content)) if name == spoilt else content)
    return file.getvalue() if spoilt else draw(damaged(file.getvalue()))


def read_or_refused(read: Callable[[Path], object], path: Path) -> object:
    """Return what a reader makes of a file, or None if it refuses it: in one sentence, which names the file."""
    try:
        return read(path)
    except BackspikeError as error:
        sentence = str(error)
    if "\n" in sentence or str(path) not in sentence or len(sentence) > 1000:
        pytest.fail(f"no good sentence: {sentence!r}")
    return None
