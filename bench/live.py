"""How long `backspike live` takes for a stroke, and how many drawings teach a symbol that no class was made for."""

from __future__ import annotations

import asyncio
import base64
import copy
import http.client
import json
import math
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from backspike.commands.device import connect
from backspike.config import PRESETS
from backspike.datasets import load_dataset
from backspike.fpga.boards import USUAL_BAUD
from backspike.live.drawing import SURFACE, sample_of
from backspike.live.network import LiveNetwork, with_spare_units
from backspike.live.server import LiveServer
from backspike.live.session import LiveSession, rehearsed
from backspike.model.fast import run_samples
from backspike.model.network import Network
from backspike.training.answers import answer
from backspike.training.order import sample_order

ANSWER_MS, LEARN_MS = 100, 200
"""What they are to take at most."""


@contextmanager
def serving(server: LiveServer) -> Iterator[None]:
    """Serve in a thread while in the context."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(server.serve())
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait([task])))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


def drawing(generator: np.random.Generator) -> str:
    """Return a line with some corners, as the page sends it."""
    image = Image.new("L", (SURFACE, SURFACE))
    points = generator.integers(10, SURFACE - 10, (5, 2))
    ImageDraw.Draw(image).line([tuple(point) for point in points.tolist()], 255, 10, joint="curve")
    return base64.b64encode(image.tobytes()).decode()


def measure(url: str, name: str, requests: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each request, and those of CPU that it took."""
    place, path = url.removeprefix("http://").split("/", 1)
    connection = http.client.HTTPConnection(place)
    took: list[float] = []
    worked: list[float] = []
    for values in requests:
        begun, working = time.perf_counter(), time.process_time()
        connection.request("POST", f"/{path}{name}", json.dumps(values), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = json.loads(response.read())
        took.append(1000 * (time.perf_counter() - begun))
        worked.append(1000 * (time.process_time() - working))
        if response.status != 200:
            raise click.ClickException(content["error"])
    connection.close()
    return took, worked


def symbols() -> dict[str, list[tuple[float, float]]]:
    """Return lines that are no digits, by name: their corners, 0 to 1."""
    turns = [2 * math.pi * step / 30 for step in range(31)]
    return {
        "heart": [
            (
                0.5 + 0.35 * math.sin(turn) ** 3,
                0.47
                - 0.022 * (13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)),
            )
            for turn in turns
        ],
        "cross": [(0.2, 0.2), (0.8, 0.8), (0.5, 0.5), (0.8, 0.2), (0.2, 0.8)],
        "triangle": [(0.5, 0.15), (0.15, 0.85), (0.85, 0.85), (0.5, 0.15)],
        "Z": [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)],
    }


def by_hand(points: list[tuple[float, float]], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return what a network of digits sees of a line in another hand: other proportions, other corners."""
    corners = np.array(points) * generator.uniform(0.8, 1.15, 2) + generator.normal(0, 0.02, (len(points), 2))
    image = Image.new("L", (SURFACE, SURFACE))
    ImageDraw.Draw(image).line([tuple(corner) for corner in (SURFACE * corners).tolist()], 255, 10, joint="curve")
    return sample_of(np.asarray(image), 8, 8)


def teach(lessons: int) -> None:
    """Teach each symbol to a network that knows the digits; say what it knows of both.

    The symbols that are asked are 40 others, and the digits those to test on. In the end it learns 200 digits again,
    without the drawings, and with one of them after every tenth.
    """
    config = PRESETS["digits"]
    data = load_dataset("digits", config, config.seed)
    trained = Network(config)
    for epoch in range(6):
        order = sample_order(len(data.train_labels), config.seed, epoch)
        run_samples(trained, data.train_values, data.train_labels, order, True)
    click.echo("symbol    drawings         recognised  digits right")
    for name, points in symbols().items():
        generator = np.random.Generator(np.random.PCG64(1))
        network = with_spare_units(trained, 1)
        others = np.array([by_hand(points, generator) for _ in range(40)])
        drawings = np.array([by_hand(points, generator) for _ in range(lessons)])

        def tell(what: str, subject: Network, name: str = name, others: NDArray[np.uint8] = others) -> None:
            recognised = np.mean(answer(subject, others).classes == 10)
            right = np.mean(answer(subject, data.test_values).classes == data.test_labels)
            click.echo(f"{name:8}  {what:15}  {recognised:10.0%}  {right:12.1%}")

        tell("0", network)
        for lesson in range(lessons):
            run_samples(network, drawings, np.full(lessons, 10), np.array([lesson]), True)
            tell(f"{lesson + 1}", network)
        values, labels = data.train_values[order[:200]], data.train_labels[order[:200]]
        for what, (shown, classes) in (
            ("then digits", (values, labels)),
            ("then both", rehearsed(values, labels, 0, drawings, np.full(lessons, 10), 0)),
        ):
            subject = copy.deepcopy(network)
            run_samples(subject, shown, classes, np.arange(len(classes)), True)
            tell(what, subject)


@click.command()
@click.option("--config", "names", multiple=True, default=("digits", "mnist-ecp5"), show_default=True)
@click.option("--requests", default=20, show_default=True, help="Drawings that are answered, and learned.")
@click.option("--lessons", default=3, show_default=True, help="Drawings of a symbol that are learned.")
@click.option("--simulate", is_flag=True, help="On a simulated board.")
def main(names: tuple[str, ...], requests: int, lessons: int, simulate: bool) -> None:
    """Measure requests of the page, on one core; the status is 1 if they take more of its time than they are to.

    A machine with other work takes longer; its time on the core does not.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    late = False
    click.echo("network     request  median ms  most ms  median ms of CPU  limit ms")
    for name in names:
        config = PRESETS[name]
        side = round(config.layers[0] ** 0.5)
        classes = config.layers[-1]
        way = partial(connect, config, None, None, None, USUAL_BAUD, 0.0, 0.0, None, None) if simulate else None
        live = LiveNetwork(Network(config), way)
        session = LiveSession(live, "a bench", (side, side), [*map(str, range(classes))])
        server = LiveServer(session)
        generator = np.random.Generator(np.random.PCG64(1))
        drawings = [drawing(generator) for _ in range(requests + 1)]
        with serving(server):
            for request, limit in (("answer", ANSWER_MS), ("learn", LEARN_MS)):
                asked: list[dict[str, Any]] = [{"drawing": content} for content in drawings]
                if request == "learn":
                    asked = [{**values, "label": number % classes} for number, values in enumerate(asked)]
                # The first one loads what the others need no more.
                took, worked = (times[1:] for times in measure(server.url, request, asked))
                median = statistics.median(took)
                late |= statistics.median(worked) > limit
                click.echo(
                    f"{name:10}  {request:7}  {median:9.1f}  {max(took):7.1f}  {statistics.median(worked):16.1f}"
                    f"  {limit:8}"
                )
        live.close()
    click.echo()
    teach(lessons)
    if late:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
