"""The error and the warning that a user sees as one sentence."""

__all__ = ["BackspikeError", "BackspikeWarning"]


class BackspikeError(Exception):
    """Bad input or a missing prerequisite; its text is one clear sentence, shown without a traceback."""


class BackspikeWarning(UserWarning):
    """Input that can be worked with, but hardly is what was meant; one sentence, and the command line shows no more."""
