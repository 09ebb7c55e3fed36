"""Backspike: a generator of spiking networks that learn on chip."""

from importlib.metadata import version

from .config import PRESETS, NetworkConfig, load_config
from .errors import BackspikeError, BackspikeWarning

__all__ = ["PRESETS", "BackspikeError", "BackspikeWarning", "NetworkConfig", "load_config"]

__version__ = version("backspike")
