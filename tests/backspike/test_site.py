"""The documentation: a site without a warning, whose notebooks run."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_site_is_made_without_a_warning(tmp_path: Path) -> None:
    """Links, tables of contents, docstrings, the command line's reference, and what the notebooks claim."""
    if importlib.util.find_spec("sphinx_gallery") is None:
        pytest.skip("needs sphinx-gallery: pip install .[docs]")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    for notebook in (ROOT / "docs" / "notebooks").glob("plot_*.py"):
        page = (ROOT / "docs" / "notebooks_run" / f"{notebook.stem}.rst").read_text()
        assert ".. rst-class:: sphx-glr-script-out" in page, "nothing was printed"
        assert "sphx_glr_" in page, "nothing was drawn"


def test_figures_of_ours_in_the_comparison_are_those_on_record() -> None:
    text = (ROOT / "docs" / "comparison.md").read_text()
    record = "".join((ROOT / "docs" / f"{name}.md").read_text() for name in ("results", "resources", "boards"))
    rows = [line for line in text.splitlines() if line.startswith("| **Backspike**")]
    figures = {figure for row in rows for figure in re.findall(r"\d[\d,.]+\d", row)}
    assert len(figures) >= 10
    assert {
        figure for figure in figures if not re.search(rf"(?<![\d,.]){re.escape(figure)}(?![\d,.])", record)
    } == set()
