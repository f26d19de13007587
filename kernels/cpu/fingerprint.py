"""What the machine code of a user's function is made from.

So code on disk or in memory is never stale. Numba keeps code by the file, name and line of a
function. But what a function computes also hangs on the values it closes over, its defaults, the
globals that it reads, and all that the functions it calls read in their turn.
"""

from __future__ import annotations

import dis
import hashlib
import sys
import types as python
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

import numpy as np
from numba.core.types import Type

# all rooms of kernels, whose sources every name of code on disk bears
LIBRARY: Final = __package__.rpartition(".")[0]
TRUSTED: Final = (
    frozenset({"numpy", "numba", "llvmlite", "scipy", "builtins"}) | sys.stdlib_module_names
)
NUMBERS: Final = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
ATTRIBUTES: Final = ("LOAD_ATTR", "LOAD_METHOD")
MISSING: Final = object()


class Fingerprint(NamedTuple):
    """A digest of a function, and how far it holds.

    digest: equal for functions whose code is; sound: whether it holds in another process; kept:
    what it names by address, which must live as long as the digest is used.
    """

    digest: str
    sound: bool
    kept: tuple[Any, ...]


class Read(NamedTuple):
    """A global that a function reads, and the attributes of it.

    ``constants.membrane.tau`` has two.
    """

    name: str
    attributes: tuple[str, ...]


def fingerprint(function: Callable[..., Any]) -> Fingerprint:
    """The fingerprint of a Python function or of one compiled by Numba."""
    walk = _Walk()
    walk.root(function)
    return Fingerprint(walk.hash.hexdigest(), walk.sound, tuple(walk.kept))


def is_compiled(value: Any) -> bool:
    """Whether `value` is a function compiled by ``numba.njit``."""
    return hasattr(value, "py_func") and hasattr(value, "targetoptions")


def is_own(function: Callable[..., Any]) -> bool:
    """Whether a kernel is a user's, not one of the library."""
    module = getattr(getattr(function, "py_func", function), "__module__", None) or ""
    return not f"{module}.".startswith(f"{LIBRARY}.")


def reads(code: python.CodeType) -> Iterator[Read]:
    """The globals that code reads, that of functions inside too."""
    instructions = list(dis.get_instructions(code))
    for k, instruction in enumerate(instructions):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            attributes = []
            for following in instructions[k + 1 :]:
                if following.opname not in ATTRIBUTES:
                    break
                attributes.append(str(following.argval))
            yield Read(str(instruction.argval), tuple(attributes))
    for constant in code.co_consts:
        if isinstance(constant, python.CodeType):
            yield from reads(constant)


def found(function: python.FunctionType, name: str) -> Any:
    """The global that a function sees under a name, or MISSING."""
    builtins = function.__globals__.get("__builtins__", {})
    offered = builtins if isinstance(builtins, Mapping) else vars(builtins)
    return function.__globals__.get(name, offered.get(name, MISSING))


def is_trusted(module: str | None) -> bool:
    """Whether the digest covers a module already.

    It does if the module is of Python, of a library whose version is in the digest, or of the
    library's kernels.
    """
    name = module or ""
    return name.partition(".")[0] in TRUSTED or f"{name}.".startswith(f"{LIBRARY}.")


class _Walk:
    """Hashes values, and what they refer to in their turn."""

    def __init__(self) -> None:
        self.hash = hashlib.blake2b(digest_size=16)
        self.sound = True
        self.kept: list[Any] = []
        self._seen: dict[int, int] = {}  # functions, which may call themselves

    def root(self, function: Callable[..., Any]) -> None:
        if is_compiled(function):
            self.value(function)
        else:
            self._function(function)  # type: ignore[arg-type]

    def value(self, value: Any) -> None:
        """Hash one value, or note that it cannot be done soundly."""
        if isinstance(value, NUMBERS):
            self._text(
                type(value).__name__, float.hex(value) if isinstance(value, float) else repr(value)
            )
        elif isinstance(value, Enum):
            self._text("enum", type(value).__module__, type(value).__qualname__, value.name)
            self.value(value.value)
        elif isinstance(value, (tuple, frozenset)):
            self._collection(value)
        elif isinstance(value, (np.ndarray, np.generic, np.dtype)):
            self._numpy(value)
        elif is_compiled(value):
            self._compiled(value)
        elif isinstance(value, python.CodeType):
            self._code(value)
        elif isinstance(value, Type):  # of Numba
            self._text("numba", repr(value))
        elif is_trusted(_home(value)):
            self._text(
                "named",
                type(value).__name__,
                str(_home(value)),
                str(getattr(value, "__qualname__", "")),
            )
        elif isinstance(value, type) and issubclass(value, (BaseException, tuple)):
            self._text(
                "class", value.__module__, value.__qualname__, repr(getattr(value, "_fields", ()))
            )
        elif isinstance(value, type) and issubclass(value, Enum):
            self._text("enumeration", value.__module__, value.__qualname__)
            for member in value:
                self.value(member)
        else:
            self._unsound(value)

    def _collection(self, value: Any) -> None:
        self._text(type(value).__name__, repr(getattr(value, "_fields", ())), str(len(value)))
        for member in sorted(value, key=repr) if isinstance(value, frozenset) else value:
            self.value(member)

    def _numpy(self, value: Any) -> None:
        if isinstance(value, np.dtype):
            self._text("dtype", repr(value), str(value.isalignedstruct))
            return
        if value.dtype.hasobject:
            self._unsound(value)
            return
        shape, flags = getattr(value, "shape", ()), getattr(value, "flags", None)
        self._text(
            type(value).__name__, repr(value.dtype), str(shape), str(getattr(flags, "num", 0))
        )
        self.hash.update(value.tobytes())

    def _compiled(self, value: Any) -> None:
        """A function compiled by Numba: its options and the Python function."""
        if not is_own(value):
            self._text("kernel", str(value.py_func.__module__), value.py_func.__qualname__)
            return
        self._text("compiled", type(value).__name__, repr(getattr(value, "locals", {})))
        for name, option in sorted(value.targetoptions.items()):
            self._text(name)
            self.value(option)
        self._function(value.py_func)

    def _function(self, function: python.FunctionType) -> None:
        if id(function) in self._seen:
            self._text("again", str(self._seen[id(function)]))
            return
        self._seen[id(function)] = len(self._seen)
        self.kept.append(function)
        module = function.__module__ or ""
        self._text("module", module)  # code on disk imports it by this name
        if module not in sys.modules:
            self._unsound(function.__code__)
        self._code(function.__code__)
        self.value(function.__defaults__)
        for name, default in sorted((function.__kwdefaults__ or {}).items()):
            self._text(name)
            self.value(default)
        for cell in function.__closure__ or ():
            self.value(cell.cell_contents if _is_full(cell) else MISSING)
        for read in sorted(set(reads(function.__code__))):
            self._global(function, read)

    def _code(self, code: python.CodeType) -> None:
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        self._text("code", repr(names), repr(counts), code.co_code.hex())
        self._text(getattr(code, "co_exceptiontable", b"").hex())
        self.value(code.co_consts)
        if any(instruction.opname == "IMPORT_NAME" for instruction in dis.get_instructions(code)):
            self._unsound(code)

    def _global(self, function: python.FunctionType, read: Read) -> None:
        """A global: of a module that may change, the attributes that are read of it."""
        self._text("global", *read.attributes, read.name)
        value = found(function, read.name)
        for name in read.attributes:
            if not isinstance(value, python.ModuleType) or is_trusted(value.__name__):
                break
            value = getattr(value, name, MISSING)
        self.value(value)

    def _unsound(self, value: Any) -> None:
        """Know a value by its address alone."""
        self._text("unsound", type(value).__qualname__, str(id(value)))
        self.kept.append(value)
        self.sound = value is MISSING and self.sound
        if isinstance(value, python.FunctionType):
            self._function(value)

    def _text(self, *texts: str) -> None:
        for text in texts:
            self.hash.update(f"{len(text)}:{text}".encode())


def _is_full(cell: python.CellType) -> bool:
    try:
        return cell.cell_contents is not MISSING
    except ValueError:
        return False


def _home(value: Any) -> str | None:
    """The module that names a module, class or function.

    That is if it can be found there under its name.
    """
    if isinstance(value, python.ModuleType):
        return value.__name__
    if isinstance(value, np.ufunc):
        return "numpy" if getattr(np, value.__name__, None) is value else None
    if isinstance(value, (python.BuiltinFunctionType, python.FunctionType, type)) or hasattr(
        value, "__wrapped__"
    ):
        return getattr(value, "__module__", None)
    return None
