"""What can go wrong, said in one sentence: object, field, rule, value got, nearest valid choice."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 1000  # characters of a message


def one_line(text: str, most: int = LONGEST) -> str:
    """`text` on one line of at most `most` characters.

    Nothing is left in it that a terminal would act on.
    """
    text = " ".join(text[: 4 * most].split())
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return text if len(text) <= most else text[: most - 3] + "..."


class PotentiaError(Exception):
    """Base of every error that Potentia raises on purpose.

    Its message is one line of bounded length.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(one_line(part) if isinstance(part, str) else part for part in args))


class ParameterError(PotentiaError, ValueError):
    """A value given by the user is outside what its field allows."""


class NetworkError(PotentiaError, ValueError):
    """The parts of a network description do not fit together."""


class DivergenceError(PotentiaError, ArithmeticError):
    """The state of a running network is no longer made of numbers."""


class NotReachedError(PotentiaError, TimeoutError):
    """A simulation did not come to what it was to run until."""


class UnsupportedError(PotentiaError, RuntimeError):
    """A valid request that the chosen engine or backend cannot carry out."""


class CapacityError(PotentiaError, MemoryError):
    """What is asked for is larger than the machine or a number format can hold."""


class DataError(PotentiaError, OSError):
    """A file or folder is missing, damaged, hostile, full or of another schema."""

    def __str__(self) -> str:
        return " ".join(str(part) for part in self.args)


class DependencyError(PotentiaError, ImportError):
    """An optional package is needed and not installed."""


class PotentiaWarning(UserWarning):
    """Something is done as asked, but outside of what has been measured."""
