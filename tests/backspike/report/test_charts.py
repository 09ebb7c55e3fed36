"""Charts: SVG that loads nothing, has no colour of one scheme alone, and marks what it says it does."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS
from backspike.model import Network
from backspike.model.raster import record_raster
from backspike.model.spikes import Sample
from backspike.report import charts
from backspike.report.charts import CurveLine, curves_chart, raster_chart, ticks_chart, work_chart

SVG = "{http://www.w3.org/2000/svg}"


@cache
def raster(**changes):
    config = PRESETS["tiny"].replace(**changes)
    values = np.full(config.layers[0], 200, dtype=np.uint8)
    return record_raster(Network(config), Sample(values, 1, True))


def texts(content: bytes) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(content).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: curves_chart([CurveLine("one", [0.5]), CurveLine("two", [0.1, 0.9], dashed=True)]),
        lambda: work_chart([10.0, 5.0], [4.0, 3.0], (9, 20)),
        lambda: ticks_chart(np.array([1, 3, 3]), 8),
        lambda: ticks_chart(np.array([5, 5]), 5),
        lambda: ticks_chart(np.array([65_535, 2]), 65_535),
        lambda: raster_chart(raster(), 1),
        lambda: raster_chart(raster(layers=(8, 3), lanes=(3,), rates=(64,)), 0),
        lambda: raster_chart(raster(layers=(300, 1, 2), lanes=(), rates=(), ticks=140), 0),
    ],
)
def test_charts_are_whole_in_both_schemes_and_load_nothing(draw) -> None:
    content = draw()
    root = ElementTree.fromstring(content)
    assert content == draw(), "the same figures make the same chart"
    assert charts._INK.encode() not in content
    # What is black on every scheme would be a default that was not set.
    assert b"#000000" not in content
    assert b"prefers-color-scheme:dark" in content
    links = [value for element in root.iter() for name, value in element.attrib.items() if name.endswith("href")]
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)


def test_a_raster_names_all_layers() -> None:
    said = texts(raster_chart(raster(layers=(8, 5, 4, 3), lanes=(), rates=()), 1))
    for word in ("inputs", "layer 1", "layer 2", "layer 3", "spikes", "gates open", "errors + and -", "winner", "tick"):
        assert word in said
    assert said.count("layer 1") == said.count("layer 2") == 4  # spikes, gates, errors, and the changed weights
    assert said.count("layer 3") == 2


def test_marks_are_where_the_units_spiked() -> None:
    matrix = np.zeros((3, 2), dtype=np.bool_)
    matrix[1, 0] = matrix[2, 1] = True
    image = charts._marks([(matrix, "#ff0000"), (matrix[:, ::-1] & [True, False], "#0000ff")])
    assert image.shape == (8, 12, 4)
    red, blue = (image == [255, 0, 0, 255]).all(axis=2), (image == [0, 0, 255, 255]).all(axis=2)
    assert (red[:3, 4:7]).all()
    assert (red[4:7, 8:11]).all()
    assert red.sum() == 18
    assert blue[:3, 8:11].all()
    assert blue.sum() == 9


def test_of_many_units_each_spike_is_still_marked() -> None:
    """Four units share a row of pixels; the last ones a row that is not full."""
    matrix = np.zeros((2, 785), dtype=np.bool_)
    matrix[0, [5, 784]] = True
    image = charts._marks([(matrix, "#ff0000")])
    assert image.shape == (197, 8, 4)
    assert np.argwhere(image[:, 0, 3]).ravel().tolist() == [1, 196]


def test_long_rasters_are_cut() -> None:
    long = raster(ticks=170)
    assert long.ticks == 170
    ticks = [int(text) for text in texts(raster_chart(long, 1)) if text.isdecimal()]
    assert 100 <= max(ticks) < charts.SHOWN_TICKS


def test_pictures_of_the_readme_are_small_whole_and_in_both_schemes() -> None:
    root = Path(__file__).parents[3]
    shown = re.findall(r'(?:\]\(|src=")(docs/images/[^")]*)', (root / "README.md").read_text())
    assert {"docs/images/raster.svg", "docs/images/mnist.svg", "docs/images/tick.svg"} <= set(shown)
    for name in shown:
        content = (root / name).read_bytes()
        assert len(content) < 300_000, name
        ElementTree.fromstring(content)
    for name in ("raster", "mnist"):
        assert b"prefers-color-scheme:dark" in (root / "docs" / "images" / f"{name}.svg").read_bytes()
