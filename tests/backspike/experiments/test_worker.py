"""Processes that train cells for a sweep."""

from __future__ import annotations

import signal
import warnings

import pytest

from backspike.errors import BackspikeWarning
from backspike.experiments.worker import Worker, stop


def test_warnings_are_one_sentence_as_those_of_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    worker = Worker()
    for _ in range(2):
        worker.begin(warnings.warn, "white is hardly meant by 1 of 255", BackspikeWarning)
        assert worker.result() is None
    stop([worker])
    assert capfd.readouterr().err == "warning: white is hardly meant by 1 of 255\n"


def test_an_idle_worker_ends_whether_or_not_a_signal_wakes_it(capfd: pytest.CaptureFixture[str]) -> None:
    """That just before it begins to wait is lost; one that has only just started is not ready for it."""
    deaf, hearing = Worker(), Worker()
    deaf.begin(signal.signal, signal.SIGINT, signal.SIG_IGN)
    assert deaf.result() == signal.default_int_handler
    stop([deaf, hearing])
    assert [worker.process.returncode for worker in (deaf, hearing)] == [0, 0]
    assert capfd.readouterr().err == ""
