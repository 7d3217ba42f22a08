"""How a command ends early: one line on stderr and an exit code that says whose turn it is."""

BUG, BAD_INPUT, CANNOT_WRITE, STOPPED = 1, 2, 74, 75


class BadInput(ValueError):
    """The user's input is wrong. The message is one line: file, place, what is wrong, what is expected."""

    exit_code = BAD_INPUT


class CannotWrite(OSError):
    """The disk is full, the folder is read-only, or the path is taken by something else."""

    exit_code = CANNOT_WRITE


class Stopped(BaseException):
    """Work was interrupted after its state was saved; the same command resumes it.

    Like KeyboardInterrupt, so that no library's `except Exception` swallows it.
    """

    exit_code = STOPPED


class Diverged(ArithmeticError):
    """A loss or gradient is not finite; the last saved state is still good."""

    exit_code = BUG


class BrokenModel(RuntimeError):
    """What was trained or saved is not what it must be: adapters without effect, another model after reloading."""

    exit_code = BUG
