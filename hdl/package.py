"""All files of a network that leave this project: Verilog, its description, and what the tools of others read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.files import write_atomic
from backspike.register_files import register_files

from .verilog import write_design

__all__ = ["write_package"]


def write_package(
    config: NetworkConfig, directory: Path, weights: Sequence[NDArray[np.int64]] | None = None
) -> list[Path]:
    """Write a network's Verilog, its description, and its registers as C header, SVD and Markdown.

    Parameters
    ----------
    config : NetworkConfig
    directory : Path
        Where; made if it is missing.
    weights : sequence of int64 array, optional
        At power-up, as those of a `NetworkTop`.

    Returns
    -------
    list of Path
        The files, each written whole or not at all.

    Raises
    ------
    BackspikeError
        The directory or a file cannot be written.
    """
    paths = write_design(config, directory, weights)
    for name, text in register_files(config.name, config).items():
        path = Path(directory) / name
        write_atomic(path, text.encode())
        paths.append(path)
    return paths
