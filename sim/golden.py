"""The golden model as a process of its own, beside a simulation: both work at the same time.

It writes what every tick and sample must come to into a pipe, from which the bench reads it.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.model import Network, Sample
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState
from backspike.programs import python_command

from .exchange import BenchError, load_values
from .observation import Expected, compared_state

__all__ = ["expectations", "golden_process"]


def expectations(job: dict[str, Any]) -> Iterator[Expected]:
    """Run the golden model through a bench's job, sample by sample."""
    config = NetworkConfig.from_dict(job["config"]).replace(seed=job["seed"])
    network = Network(config, [job[f"weights_{layer}"] for layer in range(1, config.depth + 1)])
    flags: list[NetworkState] = []
    for values, label, learn, rates in zip(job["values"], job["labels"], job["learn"], job["rates"], strict=True):
        flags.clear()
        network.rates = rates.tolist()
        result = network.run(
            Sample(values, int(label), bool(learn)),
            lambda _: flags.append(NetworkState.of(network, StateKind.FLAG)),
        )
        yield Expected(flags, compared_state(network), result, network.counters)


@contextmanager
def golden_process(job: Path, pipe: Path) -> Iterator[None]:
    """Run the golden model through the job in a file (`exchange.store_values`) while in the context.

    Writes an `observation.Expected` a sample to a named pipe, pickled. When the process ends, however it does, a bench
    that waits at the pipe finds its end, and one that comes later finds no pipe: neither waits for ever.

    Raises
    ------
    BackspikeError
        A bench failed in the context because the process had.
    """
    with tempfile.TemporaryFile() as errors:
        command = python_command(f"from {__name__} import _main; _main(*sys.argv[1:])", str(job), str(pipe))
        process = subprocess.Popen(command, stderr=errors)
        closing = Thread(target=_close_behind, args=(process, pipe))
        closing.start()
        try:
            yield
        except BenchError as failure:
            # Where the bench failed for a reason of its own, the process either still runs or ends without an error.
            with suppress(subprocess.TimeoutExpired):
                if process.wait(timeout=2):
                    raise BackspikeError(f"the golden model {_reason(process.returncode, errors)}") from failure
            raise
        finally:
            process.kill()
            closing.join()


def _close_behind(process: subprocess.Popen[bytes], pipe: Path) -> None:
    """Wait for the end of a process that writes to a pipe, then let nobody wait at the pipe any more."""
    process.wait()
    # Open for both, it does not wait for a reader, and frees one that waits for a writer.
    both = os.open(pipe, os.O_RDWR)
    pipe.unlink()
    os.close(both)


def _reason(status: int, errors: IO[bytes]) -> str:
    if status < 0:
        return f"was killed by signal {-status}"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    return f"failed: {next((line for line in reversed(lines) if line.strip()), 'it did not say why')}"


def _main(job: str, pipe: str) -> None:
    # A bench that has seen enough closes the pipe.
    with suppress(BrokenPipeError), Path(pipe).open("wb") as out:
        for expected in expectations(load_values(Path(job))):
            pickle.dump(expected, out)
