"""All files of a network that leave this project: Verilog, its description, and what the tools of others read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.files import write_atomic
from backspike.register_files import register_files

from .bus.pins import WRAPPERS
from .fusesoc import core_file
from .testbench import make_testbench
from .vendor import vendor_scripts
from .verilog import write_design

__all__ = ["write_package"]


def write_package(
    config: NetworkConfig,
    directory: Path,
    weights: Sequence[NDArray[np.int64]] | None = None,
    wrapper: str | None = None,
) -> list[Path]:
    """Write a network's Verilog and its description, and what others need to use them.

    That are its registers (`register_files`), a testbench, a FuseSoC core, and scripts for Vivado and Quartus.

    Parameters
    ----------
    config : NetworkConfig
    directory : Path
        Where; made if it is missing.
    weights : sequence of int64 array, optional
        At power-up, as those of a `NetworkTop`.
    wrapper : str, optional
        The bus that the network is on, one of `bus.pins.WRAPPERS`.

    Returns
    -------
    list of Path
        The files, each written whole or not at all.

    Raises
    ------
    BackspikeError
        The bus has no room for the network's registers; the directory or a file cannot be written.
    """
    paths = write_design(config, directory, weights, wrapper)
    name, description = paths[0].stem, json.loads(paths[1].read_text(encoding="utf-8"))
    texts = {
        **register_files(name, config, WRAPPERS[wrapper].registers if wrapper else None),
        f"{name}_tb.sv": make_testbench(name, config, description, weights),
        f"{name}.core": core_file(name, config),
        **vendor_scripts(name, description),
    }
    for file, text in texts.items():
        path = Path(directory) / file
        write_atomic(path, text.encode())
        paths.append(path)
    return paths
