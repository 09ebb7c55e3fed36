"""The command line: the list of commands, which are imported when they run, and errors as one sentence."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword

import click

from .errors import BackspikeError
from .interrupts import Terminated, raised_terminations
from .warned import tell_warnings

__all__ = ["COMMANDS", "main", "python_name"]

REFUSED = 2
"""Exit status of bad input or a missing prerequisite."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""

CLOSED = 141
"""Exit status when the reader of a pipe has gone, as shells have it (128 + SIGPIPE)."""

WHOLE = "finished files are whole, others were not written"
"""What an interruption leaves."""

COMMANDS = {
    "build": "Build a network and its host link for a board: bitstream and report.",
    "cache": "Show how much is kept: simulations, netlists and bitstreams that were built, and datasets.",
    "compare": "Show the same samples to golden model and Verilog, and compare every state.",
    "datasets": "List the datasets: what each is, whether it is here and where, and its settings.",
    "demo": "Train the digits in RTL simulation, beside the golden model.",
    "estimate": "Estimate what a network and its host link take on a board, before synthesis, and how fast it trains.",
    "evaluate": "Say how many test samples a trained network answers right, in all and of each class.",
    "experiment": "Experiments as files: list them, run them, and make the page of their results.",
    "export": "Write the weights of a checkpoint for other tools.",
    "flash": "Bring what `build` has left in the folder BUILD into its board, with openFPGALoader.",
    "generate": "Write the Verilog of a network, and what other tools need to know of it.",
    "host": "Train a network on a board, over a serial port.",
    "import": "Take the weights of a float network from PyTorch, snnTorch or NIR, and say what they lose.",
    "live": "Teach a network by hand: draw, see what spikes and what it answers, say what it was, and see it learn.",
    "predict": "Say which class a trained network takes each sample for, and how sure it is.",
    "presets": "List the named configurations.",
    "report": "Write one HTML page of trainings and builds, to be looked at without anything else.",
    "sweep": "Train every point of the grid in FILE that has no result yet.",
    "train": "Train the golden model, beside a float network of the same layers.",
}
"""Each command's line in the list of them, which is the first of its own help: a list is no reason to import them."""


def python_name(command: str) -> str:
    """Return the name of a command's file and function: its own, unless that is a keyword, as `import` is."""
    return f"{command}_" if iskeyword(command) else command


_EPILOG = """\b
Such as
  backspike train --config digits --dataset digits --epochs 5 --out run
  backspike compare --config digits --dataset digits --samples 100
  backspike train --help

\b
Exit status
  0              done
  1              a mismatch, or a part of a test or a sweep that failed
  2              bad input, a missing prerequisite, no room to write, or a device that does not answer
  129, 130, 143  ended by SIGHUP, Ctrl-C or SIGTERM
  141            the reader of a pipe has gone
"""


def _tell_more_or_less(context: click.Context, option: click.Parameter, chosen: bool) -> None:
    """Show less or more of what goes on: what `-q` and `-v` do, wherever they stand."""
    if not chosen:
        return
    if context.meta.setdefault("backspike.verbosity", option.name) != option.name:
        raise click.UsageError("-q and -v are opposites; give one of them")
    import logging

    from .console import show_log

    show_log(logging.WARNING if option.name == "quiet" else logging.DEBUG)


_VERBOSITY: list[click.Parameter] = [
    click.Option(
        [letter, word], is_flag=True, expose_value=False, is_eager=True, callback=_tell_more_or_less, help=help
    )
    for letter, word, help in (
        ("-q", "--quiet", "Results, warnings and errors only: no progress."),
        ("-v", "--verbose", "Say more: programs that are run, builds that are found."),
    )
]


def _with_verbosity(command: click.Command) -> click.Command:
    """Return a command that takes `-q` and `-v`, as its commands do, if it has any."""
    if _VERBOSITY[0] not in command.params:
        command.params += _VERBOSITY
        for inner in getattr(command, "commands", {}).values():
            _with_verbosity(inner)
    return command


class _Commands(click.Group):
    """The commands of `backspike.commands`, each imported when it is called or asked for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = python_name(cmd_name)
        command: click.Command = getattr(import_module(f"backspike.commands.{name}"), name)
        return _with_verbosity(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    params=_VERBOSITY.copy(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=_EPILOG,
)
@click.version_option(None, "-V", "--version", package_name="backspike", prog_name="backspike")
@click.pass_context
def commands(context: click.Context) -> None:
    """Spiking networks that learn on chip: golden model, Verilog, and proof that both are equal.

    -q and -v are taken before a command and after it.
    """
    if "backspike.verbosity" not in context.meta:
        from .console import show_log  # and tqdm with it, which who asks for help alone does not need

        show_log()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 for success, 1 for a mismatch, 2 for bad input, a missing prerequisite or no room to write, 130 after Ctrl-C,
    143 after SIGTERM, 129 after SIGHUP, 141 without a word when the reader of a pipe has gone. Errors and warnings are
    one sentence on the standard error stream.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of this process when left out.
    """
    _open_streams()
    try:
        with warnings.catch_warnings(), raised_terminations():
            tell_warnings()
            status = commands.main(arguments, prog_name="backspike", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except BackspikeError as error:
        return _refuse(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return REFUSED
    except click.ClickException as error:
        return _refuse(error.format_message())
    except click.Abort as error:
        cause = error.__cause__
        click.echo(f"error: interrupted; {cause.args[0] if cause and cause.args else WHOLE}", err=True)
        return INTERRUPTED
    except Terminated as termination:
        # A terminal that was closed takes no more.
        with suppress(OSError):
            click.echo(f"error: terminated; {termination.args[0] if termination.args else WHOLE}", err=True)
        return termination.status
    except SystemExit:
        # Click's answer to a closed pipe, and to nothing else; its own status means a mismatch here.
        return CLOSED
    # What no command foresaw is the machine's: mostly a full disk.
    except OSError as error:
        _leave_output()
        return _refuse(f"{error.filename or 'cannot write'}: {error.strerror or error}")
    except MemoryError:
        return _refuse("this takes more memory than there is")
    return status if isinstance(status, int) else 0


def _open_streams() -> None:
    """Let standard streams that are closed take what they are given, and give nothing.

    Otherwise the next file to be opened gets the number of one, and what a program writes there is written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, so this one
            os.set_inheritable(null, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _refuse(sentence: str) -> int:
    # An error stream that takes nothing leaves the exit status to say it.
    with suppress(OSError):
        click.echo(f"error: {sentence}", err=True)
    return REFUSED


def _leave_output() -> None:
    """Let what the output stream could not take go nowhere, since Python would try it again when it ends."""
    # Neither a stream without a descriptor nor none at all keeps anything.
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
