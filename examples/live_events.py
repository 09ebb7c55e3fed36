"""A camera's events, as they come: a network is taught two gestures one by one, then answers a stream without an end.

The camera is made up: a bar across 8 x 8 pixels, which lies or stands, flickers for a twentieth of a second, and then
there is another one. A real one's driver gives arrays of the same form.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from backspike import Model, NetworkConfig
from backspike.datasets import Binning, stream_recordings, stream_windows

SIDE = 8
BINNING = Binning(width=SIDE, height=SIDE, microseconds=50_000)
CONFIG = NetworkConfig(layers=(BINNING.inputs, 24, 2), ticks=10, input="spikes", rates=(256, 256), temperature=0.5)
NAMES = ("lying", "standing")
TAUGHT, ASKED = 300, 40
EVENTS = [("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", np.bool_)]


def bar(standing: int, generator: np.random.Generator) -> NDArray[np.void]:
    """Return the events of a bar somewhere, a tenth of them noise, from 0 to 50,000 microseconds."""
    events = np.zeros(200, EVENTS)
    events["t"] = np.sort(generator.integers(0, BINNING.microseconds, len(events)))
    events["t"][0] = 0
    across, along = ("x", "y") if standing else ("y", "x")
    events[along] = generator.integers(0, SIDE, len(events))
    noise = generator.random(len(events)) < 0.1
    events[across] = np.where(noise, generator.integers(0, SIDE, len(events)), generator.integers(0, SIDE))
    events["p"] = generator.random(len(events)) < 0.5
    return events


def camera(shown: list[int], generator: np.random.Generator) -> Iterator[NDArray[np.void]]:
    """Give packets of events for ever, the clock running on; note which bar each is of."""
    now = 1_000_000
    while True:
        shown.append(int(generator.integers(2)))
        events = bar(shown[-1], generator)
        events["t"] += now
        now += BINNING.microseconds
        yield events


def main() -> None:
    """Teach the network, and print how many of its answers to the camera are right."""
    generator = np.random.default_rng(1)
    model = Model(CONFIG, engine="numpy")
    lessons = ((bar(number % 2, generator), number % 2) for number in range(TAUGHT))
    learned = list(model.stream(stream_recordings(lessons, BINNING, CONFIG.ticks), learn=True))
    print(f"taught {len(learned)} bars, one by one")
    shown: list[int] = []
    answers = model.stream(stream_windows(camera(shown, generator), BINNING, CONFIG.ticks))
    found = [answer.label for answer in islice(answers, ASKED)]
    right = sum(one == other for one, other in zip(found, shown, strict=False))
    print(f"then {right} of {ASKED} of the camera's right, {NAMES[found[0]]} first")


if __name__ == "__main__":
    main()
