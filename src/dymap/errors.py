"""Errors that are the input's fault: one clear sentence, printed by the command line without a traceback."""


class InputError(ValueError):
    """A capture, file or option that cannot be used; the message says what was found, what was expected and why."""
