"""Errors that users meet: each says what was found, where, what was expected, and what to do."""


class AefpgaError(Exception):
    """A failure whose message is written for the user; the command line prints it and exits 1."""

    exit_code = 1


class UsageError(AefpgaError):
    """A wrong option, configuration or argument; the command line prints it and exits 2."""

    exit_code = 2


class DataError(AefpgaError):
    """An input file that is missing, damaged, or lacks what was asked of it."""


class RunError(AefpgaError):
    """A run folder that is missing, incomplete, altered, or of another version."""


class ToolError(AefpgaError):
    """An external tool that is missing, failed, or answered something unexpected."""
