"""The pictures of README and docs: a digit being learned, learning curves, and the pages of `live`, `report` and docs.

`make diagrams` calls it.

python -m bench.pictures
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import numpy as np
from PIL import Image

from backspike.config import PRESETS
from backspike.datasets import load_dataset
from backspike.files import write_atomic
from backspike.live.network import LiveNetwork, with_spare_units
from backspike.live.server import LiveServer
from backspike.live.session import LiveSession
from backspike.model.fast import run_samples
from backspike.model.network import Network
from backspike.model.raster import record_raster
from backspike.model.spikes import Sample
from backspike.report.charts import CurveLine, curves_chart, raster_chart
from backspike.training.order import sample_order
from backspike.training.trainer import rates_of_epoch
from tests.browser import BROWSER, MISSING, Tab, browse

from .live import serving

ROOT = Path(__file__).parents[1]
SEED = 1


def first_digit() -> bytes:
    """Draw the very first sample that a training of the preset `digits` shows its network."""
    config = PRESETS["digits"].replace(seed=SEED)
    data = load_dataset("digits", config, SEED)
    first = sample_order(len(data.train_labels), SEED, 0)[0]
    label = int(data.train_labels[first])
    return raster_chart(record_raster(Network(config), Sample(data.train_values[first], label, True)), label)


def mnist_curve() -> bytes:
    """Draw the results of the experiment `mnist`: the mean of its seeds, and of their float networks in the end."""
    results = [json.loads(path.read_text()) for path in sorted((ROOT / "results" / "mnist").glob("seed-*.json"))]
    curve = np.mean([result["test_curve"] for result in results], axis=0)
    beside = float(np.mean([result["float_accuracy"] for result in results]))
    lines = [
        CurveLine(f"spiking network, {curve[-1]:.1%}", curve.tolist()),
        CurveLine(f"float network in the end, {beside:.1%}", [beside] * len(curve), dashed=True),
    ]
    return curves_chart(lines)


def live_page() -> bytes:
    """Draw the page of `backspike live` after a network of digits was taught a heart, twice."""
    config = PRESETS["digits"].replace(seed=SEED)
    data = load_dataset("digits", config, SEED)
    network = Network(config)
    for epoch in range(5):
        network.rates = rates_of_epoch(config, epoch)
        order = sample_order(len(data.train_labels), SEED, epoch)
        run_samples(network, data.train_values, data.train_labels, order, True)
    names = [*map(str, range(10)), None, None]
    live = LiveNetwork(with_spare_units(network, 2))
    server = LiveServer(LiveSession(live, "the golden model", (8, 8), names, data, epoch=5))
    turns = [2 * math.pi * step / 40 for step in range(41)]
    heart = [
        (
            0.5 + 0.022 * 16 * math.sin(turn) ** 3,
            0.47 - 0.022 * (13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)),
        )
        for turn in turns
    ]

    async def teach(tab: Tab) -> None:
        await tab.until("document.querySelectorAll('#classes li').length === 12 && !!surface.width")
        await tab.value("document.getElementById('symbol').value = '\u2665'")
        await tab.click("#new button")
        await tab.until("state.names[10] !== null")
        await tab.draw("#drawing", heart)
        await tab.until("!!told && !showing && !due")
        for lesson in (1, 2):
            await tab.click("#classes li:nth-child(11) button")
            await tab.until(f"document.getElementById('facts').textContent.includes(' of {lesson}')")
        await tab.value("(document.activeElement.blur(), scrollTo(0, 0))")

    with serving(server):
        return asyncio.run(photograph(server.url, teach))


def report_page() -> bytes:
    """Draw the page of `backspike report` for a training of the digits."""
    with tempfile.TemporaryDirectory() as folder:
        for words in ("train --config digits --dataset digits --epochs 5 --out run", "report run --out run.html"):
            subprocess.run([sys.executable, "-m", "backspike", "-q", *words.split()], cwd=folder, check=True)
        return asyncio.run(photograph((Path(folder) / "run.html").as_uri()))


def site_page() -> bytes:
    """Draw the first page of the documentation, which is built for it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ROOT / "docs", folder]
        subprocess.run(command, check=True)
        return asyncio.run(photograph((Path(folder) / "index.html").as_uri()))


async def photograph(url: str, act: Callable[[Tab], Awaitable[None]] | None = None) -> bytes:
    """Return a picture (PNG) of a whole page, 1280 pixels wide, after something was done on it."""
    with tempfile.TemporaryDirectory() as folder:
        async with browse(Path(folder)) as open_tab:
            tab = await open_tab()
            await tab.look("light", 1280)
            await tab.ask("Page.navigate", url=url)
            await tab.until("document.readyState === 'complete'")
            if act:
                await act(tab)
            await tab.screenshot(Path(folder) / "page.png")
        # A third of the size, and nothing that one sees is lost.
        file = io.BytesIO()
        Image.open(Path(folder) / "page.png").convert("RGB").quantize(64).save(file, "PNG", optimize=True)
    return file.getvalue()


PICTURES = {"raster.svg": first_digit, "mnist.svg": mnist_curve}
PHOTOGRAPHS = {"live.png": live_page, "report.png": report_page, "site.png": site_page}


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=ROOT / "docs" / "images", help="Folder of the pictures."
)
@click.argument("names", nargs=-1, type=click.Choice([*PICTURES, *PHOTOGRAPHS]))
def main(names: tuple[str, ...], out: Path) -> None:
    """Draw the pictures of README and docs; all of them, unless some are named."""
    for name, draw in (PICTURES | PHOTOGRAPHS).items():
        if names and name not in names:
            continue
        if name in PHOTOGRAPHS and BROWSER is None:
            click.echo(f"{name} stays as it is: {MISSING}")
            continue
        write_atomic(out / name, draw())
        click.echo(out / name)


if __name__ == "__main__":
    main()
