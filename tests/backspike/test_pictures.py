"""Pictures are ours, whatever style and backend the user has; and a library that cannot be loaded is one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.errors import loading
from backspike.experiments.plots import Curve, Line, curves_picture, study_picture
from backspike.training.learning_curve import learning_curve

DRAW = """
import hashlib
from backspike.training.learning_curve import learning_curve
print(hashlib.sha256(learning_curve("title", [0.5, 1.0], [0.25, 0.75], 0.9)).hexdigest())
"""


def drawn(folder: Path, **environment: str) -> str:
    words = [sys.executable, "-c", DRAW]
    result = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_neither_style_nor_backend_of_the_user_decides(tmp_path: Path) -> None:
    """A style that asks for LaTeX, which may not be there, ended a training with a traceback."""
    (tmp_path / "styled").mkdir()
    (tmp_path / "styled" / "matplotlibrc").write_text("text.usetex: True\nlines.linewidth: 9\n")
    known = {"MPLCONFIGDIR": str(tmp_path)}
    assert drawn(tmp_path / "styled", MPLBACKEND="no backend", **known) == drawn(tmp_path, **known)


@pytest.mark.parametrize("title", [r"$\frac$ and $", "5 $, then 6 $"])
def test_a_title_is_no_formula(title: str) -> None:
    assert learning_curve(title, [0.5], [0.5], 0.5).startswith(b"\x89PNG")
    assert f">{title}<".encode() in curves_picture([Curve(title, [[0.5, 0.6]], 0.7)])
    line = Line("", [1, 2], [0.5, 0.6], [0, 0], [0.7, 0.7], [None, None], [9, 9], [8, 8])
    assert study_picture(title, f"x {title}", [line], (10, 20)).count(f"{title}<".encode()) == 3


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("Number of threads must be > 0.\nand more"), r"Number of threads must be > 0\."),
        (ModuleNotFoundError("No module named 'numba'"), "No module named 'numba'"),
        (AttributeError(), "AttributeError"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_one_sentence(error: Exception, reason: str) -> None:
    with pytest.raises(BackspikeError, match=f"^Numba cannot be loaded: {reason}$"), loading("Numba"):
        raise error
