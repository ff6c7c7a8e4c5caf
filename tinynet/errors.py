"""Every error a user can cause, in one hierarchy, so that the command line can tell them from bugs.

Each class is also the built-in error that Python programmers expect (`ValueError`, `TypeError`,
`FileNotFoundError`), so `except ValueError` keeps working. The message is a sentence: the name of the
argument, what came, what was expected, what to do.
"""

from __future__ import annotations


class TinynetError(Exception):
    """Base of all of them. The command line prints its message and exits with code 2."""


class InputError(TinynetError, ValueError):
    """An argument has a wrong shape, size, range or name."""


class DTypeError(InputError, TypeError):
    """An array has a data type the engine does not compute with."""


class DataError(TinynetError, ValueError):
    """A data file is corrupted, truncated or not what its name says."""


class MissingDataError(DataError, FileNotFoundError):
    """A data file or folder is not there."""


class CheckpointError(TinynetError, ValueError):
    """A saved model does not fit, or is not one."""


class ConversionError(TinynetError, ValueError):
    """A network or weights of another framework have no equal here, or ours have none there."""


class GradientError(TinynetError, RuntimeError):
    """A backward pass cannot give a right gradient."""


class GradcheckError(TinynetError, AssertionError):
    """An analytical gradient differs from the numerical one."""


class ForkError(TinynetError, RuntimeError):
    """A process was forked from one whose kernels have run, and cannot run them itself."""


class OutputError(TinynetError, BrokenPipeError):
    """Nobody reads what is printed any more, and work is left undone."""


class TrainingError(TinynetError, RuntimeError):
    """Training cannot go on, for instance because the loss is not finite."""
