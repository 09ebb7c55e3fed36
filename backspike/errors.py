"""The error that a user sees as one sentence."""

__all__ = ["BackspikeError"]


class BackspikeError(Exception):
    """Bad input or a missing prerequisite; its text is one clear sentence, shown without a traceback."""
