"""The page in headless Chromium: no error, every picture drawn, both colour schemes, and no width too small."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backspike.cli import main

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser is installed: none of {', '.join(BROWSERS)}")

SCHEMES = {"dark": (0, (0x14, 0x17, 0x1A)), "light": (1, (0xFF, 0xFF, 0xFF))}
"""Chromium's number of each colour scheme, and the page's background in it."""

WATCH = """
<script>
addEventListener("load", () => {
  document.querySelectorAll("details").forEach(element => { element.open = true; });
  const images = [...document.images];
  const root = document.documentElement;
  root.dataset.broken = images.filter(image => !image.complete || !image.naturalWidth).length;
  root.dataset.images = images.length;
  root.dataset.overflow = root.scrollWidth - root.clientWidth;
  const focused = [...document.querySelectorAll("a[href], summary, [tabindex='0']")];
  root.dataset.unfocused = focused.filter(element => (element.focus(), document.activeElement !== element)).length;
  root.dataset.wide = [...document.querySelectorAll(".scroll")].filter(
    element => element.scrollWidth > element.clientWidth && element.tabIndex !== 0).length;
});
</script>
"""


def browse(page: Path, tmp_path: Path, *options: str, scheme: str = "light", width: int = 1000) -> tuple[str, str]:
    """Load a page; return what is printed, and what its console and network had to complain of."""
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1400",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme][0]}", *options, page.as_uri(),
    ]  # fmt: skip
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return process.stdout, "\n".join(line for line in process.stderr.splitlines() if "CONSOLE" in line)


@pytest.fixture(scope="module")
def page(training, build, tmp_path_factory) -> Path:
    """Return the page of a training in a folder whose name would be a picture from outside, and a script."""
    out = tmp_path_factory.mktemp("page") / "page.html"
    folder = out.parent / "<img src=http:x onerror='alert(1)'><script>alert(2)<"
    shutil.copytree(training, folder)
    assert main(["report", str(folder), str(build), "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_error_and_the_readers_scheme(scheme, page, tmp_path) -> None:
    _, complaints = browse(page, tmp_path, f"--screenshot={tmp_path / 'page.png'}", scheme=scheme)
    assert complaints == ""
    pixels = np.asarray(Image.open(tmp_path / "page.png").convert("RGB")).reshape(-1, 3)
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    paper = SCHEMES[scheme][1]
    assert tuple(pixels[0]) == paper
    # Words and charts in the other scheme's colours would be hard to see.
    ink = {"dark": (0xE6, 0xE8, 0xEB), "light": (0x1F, 0x23, 0x28)}
    found = {tuple(color): count for color, count in zip(colors.tolist(), counts.tolist(), strict=True)}
    other = "light" if scheme == "dark" else "dark"
    assert found[ink[scheme]] > 200
    # Some of the shades at the edges of letters are the other one.
    assert 4 * found.get(ink[other], 0) < found[ink[scheme]]


def test_the_ink_of_charts_follows_the_scheme(page, tmp_path) -> None:
    """The first chart by itself, on the colour of the paper."""
    chart = re.search(r'src="(data:image/svg[^"]*)"', page.read_text())
    assert chart
    alone = tmp_path / "alone.html"
    alone.write_text(f'<meta name="color-scheme" content="light dark"><img src="{chart[1]}">')
    brightest = {}
    for scheme in SCHEMES:
        picture = tmp_path / f"{scheme}.png"
        browse(alone, tmp_path / scheme, f"--screenshot={picture}", scheme=scheme)
        pixels = np.asarray(Image.open(picture).convert("L")).astype(int)
        brightest[scheme] = np.abs(pixels - pixels[-1, -1]).max()
    assert all(contrast > 150 for contrast in brightest.values()), brightest


@pytest.mark.parametrize("width", [1200, 500])
def test_pictures_are_drawn_all_can_be_reached_by_keyboard_and_nothing_is_cut(width, page, tmp_path) -> None:
    watched = tmp_path / "watched.html"
    text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", page.read_text())
    watched.write_text(text.replace("</body>", f"{WATCH}</body>"))
    printed, complaints = browse(watched, tmp_path, "--dump-dom", width=width)
    assert complaints == ""
    found = {name: int(value) for name, value in re.findall(r'data-(\w+)="(-?\d+)"', printed.split(">")[1])}
    assert found.pop("images") == page.read_text().count("<img ") > 20
    assert found == {"broken": 0, "overflow": 0, "unfocused": 0, "wide": 0}


def test_what_is_looked_for_would_be_seen(page, tmp_path) -> None:
    """An image from outside, and a script: the page's own policy stops both, and the console has it."""
    bad = tmp_path / "bad.html"
    bad.write_text(page.read_text().replace("</body>", '<img src="http://127.0.0.1:9/x.png">' + WATCH + "</body>"))
    printed, complaints = browse(bad, tmp_path, "--dump-dom")
    assert "http://127.0.0.1:9/x.png" in complaints
    assert len(re.findall("Content Security Policy", complaints)) >= 2
    assert "data-broken" not in printed.split(">")[1]
