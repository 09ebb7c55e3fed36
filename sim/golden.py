"""The golden model as a process of its own, beside a simulation: both work at the same time.

It writes what every tick and sample must come to into a pipe, from which the bench reads it.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backspike.config import NetworkConfig
from backspike.model import Network, Sample

from .exchange import load_values
from .observation import Expected, Flags, model_flags, model_stores

__all__ = ["expectations", "golden_process"]


def expectations(job: dict[str, Any]) -> Iterator[Expected]:
    """Run the golden model through a bench's job, sample by sample."""
    config = NetworkConfig.from_dict(job["config"]).replace(seed=job["seed"])
    network = Network(config, [job[f"weights_{layer}"] for layer in range(1, config.depth + 1)])
    flags: list[Flags] = []
    for values, label, learn, rates in zip(job["values"], job["labels"], job["learn"], job["rates"], strict=True):
        flags.clear()
        network.rates = rates.tolist()
        result = network.run(Sample(values, int(label), bool(learn)), lambda _: flags.append(model_flags(network)))
        yield Expected(flags, model_stores(network), result, network.counters)


@contextmanager
def golden_process(job: Path, pipe: Path) -> Iterator[None]:
    """Run the golden model through the job in a file (`exchange.store_values`) while in the context.

    Writes an `observation.Expected` a sample to a named pipe, pickled.
    """
    process = subprocess.Popen([sys.executable, "-m", __name__, str(job), str(pipe)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _main(job: str, pipe: str) -> None:
    with Path(pipe).open("wb") as out:
        for expected in expectations(load_values(Path(job))):
            pickle.dump(expected, out)


if __name__ == "__main__":
    _main(*sys.argv[1:])
