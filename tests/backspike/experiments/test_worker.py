"""Processes that train cells for a sweep."""

from __future__ import annotations

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
