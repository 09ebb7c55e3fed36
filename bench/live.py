"""How long `backspike live` takes from a stroke to its answer and its raster, and to learn it."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import numpy as np
from PIL import Image, ImageDraw

from backspike.config import PRESETS
from backspike.live.drawing import SURFACE
from backspike.live.network import LiveNetwork
from backspike.live.server import LiveServer
from backspike.live.session import LiveSession
from backspike.model.network import Network

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


@click.command()
@click.option("--config", "names", multiple=True, default=("digits", "mnist-ecp5"), show_default=True)
@click.option("--requests", default=20, show_default=True, help="Drawings that are answered, and learned.")
def main(names: tuple[str, ...], requests: int) -> None:
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
        session = LiveSession(LiveNetwork(Network(config)), "a bench", (side, side), [*map(str, range(classes))])
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
    if late:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
