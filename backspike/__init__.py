"""Backspike: a generator of spiking networks that learn on chip."""

from typing import TYPE_CHECKING, Any

from .errors import BackspikeError, BackspikeWarning

if TYPE_CHECKING:
    from .config import PRESETS, NetworkConfig, load_config
    from .training.model import Model

    __version__: str

__all__ = ["PRESETS", "BackspikeError", "BackspikeWarning", "Model", "NetworkConfig", "load_config"]

# The command line passes through here as well, and what only says what there is needs no configuration.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return the version, or what other files have of the names above, when it is first asked for."""
        if name == "__version__":
            from importlib.metadata import version

            value = version("backspike")
        elif name in __all__:
            from importlib import import_module

            value = getattr(import_module(".training.model" if name == "Model" else ".config", __name__), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, "__version__"})
