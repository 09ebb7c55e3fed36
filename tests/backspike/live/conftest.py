from __future__ import annotations

import base64

import numpy as np
import pytest
from PIL import Image, ImageDraw

from backspike.live.drawing import SURFACE

ZERO = [(40, 20), (25, 56), (40, 92), (72, 92), (87, 56), (72, 20), (40, 20)]
ONE = [(58, 15), (58, 97)]
CROSS = [(20, 20), (92, 92), (56, 56), (92, 20), (20, 92)]


def drawn(points: list[tuple[float, float]], width: int = 10) -> np.ndarray:
    """Return a line as a drawing."""
    image = Image.new("L", (SURFACE, SURFACE))
    ImageDraw.Draw(image).line(points, 255, width)
    return np.asarray(image)


def sent(drawing: np.ndarray) -> str:
    """Return a drawing as the page sends it."""
    return base64.b64encode(drawing.tobytes()).decode()


@pytest.fixture(scope="session")
def zero() -> str:
    return sent(drawn(ZERO))


@pytest.fixture(scope="session")
def cross() -> str:
    return sent(drawn(CROSS))
