"""Programs of others: the environment that they get, how they are started, and what is said when they cannot be."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .cache import user_cache
from .errors import BackspikeError

__all__ = ["clean_environment", "python_command", "run_program"]

logger = logging.getLogger(__name__)

# What finds programs, libraries and headers, and where files may be written. All else stays out, for nearly every
# variable means something to one of the programs: to make each is a variable of the makefile, to cocotb a test to leave
# out, to Perl and Python modules to load.
_KEPT = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TEMP", "TMP", "YOWASP_CACHE_DIR"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH"),
    *("COMPILER_PATH", "GCC_EXEC_PREFIX", "SDKROOT", "DEVELOPER_DIR"),
}
_KEPT_BEGINNINGS = ("BACKSPIKE_", "CCACHE_", "DYLD_", "NIX_")

# Without the folder that `-c` puts first, which is the user's and may hold a `random.py`. Where the parent's modules
# are the child's are, but after the library's own: the parent may have been started with such a folder.
_ISOLATED = "import sys; del sys.path[0]; sys.path += [p for p in {paths!r} if p not in sys.path]; {code}"


def clean_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that programs are started in: what they do is to depend on their arguments only.

    Messages are English, and numbers have a point. Caches are in `backspike.cache.user_cache`.

    Parameters
    ----------
    changes : mapping of str to str, optional
        Variables besides.
    """
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_BEGINNINGS)}
    fixed = {"LC_ALL": "C", "XDG_CACHE_HOME": str(user_cache())}
    return {"PATH": os.defpath, **kept, **fixed, **(changes or {})}


def python_command(code: str, *arguments: str) -> list[str]:
    """Return the command that runs Python code with this interpreter and its packages, whatever folder it runs in.

    No module of that folder is imported, and no ``PYTHON…`` variable is obeyed.

    Parameters
    ----------
    code : str
        One or more statements in one line.
    *arguments : str
        Its ``sys.argv[1:]``.
    """
    paths = [path for path in sys.path if path]
    return [sys.executable, "-E", "-c", _ISOLATED.format(paths=paths, code=code), *arguments]


def run_program(
    command: Sequence[str],
    folder: Path | None = None,
    *,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in a `clean_environment`, and return its status and what it printed.

    Parameters
    ----------
    command : sequence of str
    folder : Path, optional
        Where it runs; in this process's folder when left out.
    text : str, optional
        What it reads from its standard input; nothing when left out.
    environment : mapping of str to str, optional
        Variables besides.

    Raises
    ------
    BackspikeError
        It cannot be started. A status other than 0 is no error here.
    """
    # Some pass code to Python, which is no line to read.
    logger.debug("running %.300s", shlex.join(map(str, command)))
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=clean_environment(environment),
            input=text or "",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise BackspikeError(f"{command[0]} cannot be run: {error.strerror}") from error
