"""Yosys as a program: the package that has it as native code has the library alone."""

from __future__ import annotations

import argparse
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run Yosys as its own program would with the same arguments, of which it has those that are used here.

    Errors are printed to the standard error, each after ``ERROR:``; the status is then 1.
    """
    parser = argparse.ArgumentParser(prog="yosys", description="Yosys Open SYnthesis Suite", allow_abbrev=False)
    parser.add_argument("-V", "--version", action="store_true", help="print the version")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors alone")
    parser.add_argument("-l", "--logfile", metavar="FILE", help="write what is printed, and what is not, to a file")
    parser.add_argument("-p", "--commands", metavar="COMMANDS", help="run these after the scripts")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT")
    arguments = parser.parse_args()

    from pyosys import libyosys

    if arguments.version:
        sys.stdout.write(libyosys.yosys_maybe_version() + "\n")
        return
    if arguments.quiet:
        # The library prints by itself, whatever Python's streams are.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    log = f"tee -o {arguments.logfile} " if arguments.logfile else ""
    design = libyosys.Design()
    for script in arguments.scripts:
        libyosys.run_pass(f"{log}script {script}", design)
        log = log.replace("-o", "-a")
    if arguments.commands:
        libyosys.run_pass(arguments.commands, design)
    libyosys.log_flush()
