"""What can go wrong, said in one sentence: object, field, rule, value got, nearest valid choice."""

from __future__ import annotations


class PotentiaError(Exception):
    """Base of every error that Potentia raises on purpose."""


class ParameterError(PotentiaError, ValueError):
    """A value given by the user is outside what its field allows."""


class NetworkError(PotentiaError, ValueError):
    """The parts of a network description do not fit together."""


class DivergenceError(PotentiaError, ArithmeticError):
    """The state of a running network is no longer made of numbers."""


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
