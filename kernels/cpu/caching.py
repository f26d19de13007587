"""Machine code kept on disk, under names that change with what it is made from.

That is any source file of the kernels, the compiler and the processor. Numba notices only a change
of the file that a function stands in, not of what the function calls; so every function that is
kept on disk bears a digest of all kernel sources in its name, and no stale code is ever loaded.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding as llvm
from numba import njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only compiled code calls.

    It gets no entry from Python, which would take long to compile.

    References to arrays are not counted: arrays outlive the run, and counting, once per array and
    call, took up to a third of the time. So a kernel can neither allocate arrays nor assign to
    slices.
    """
    compiled: Callable[..., Any] = njit(
        error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False
    )(function)
    return compiled


@cache
def source_digest() -> str:
    """A digest of all that machine code of the library's kernels is made from.

    That is the source files of all kernels, what compiles them and the processor they are for.
    """
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    config = numba.config
    maker = (
        sys.version,
        numba.__version__,
        llvmlite.__version__,
        np.__version__,
        config.OPT,
        config.CPU_NAME,
        config.CPU_FEATURES,
        config.ENABLE_AVX,
        config.BOUNDSCHECK,
        config.LOOP_VECTORIZE,
        config.SLP_VECTORIZE,
        llvm.get_host_cpu_name(),
        sorted(llvm.get_host_cpu_features().items()),
    )
    sources = b"".join(file.read_bytes() for file in files)
    return hashlib.blake2b(sources + repr(maker).encode(), digest_size=8).hexdigest()


def named(
    function: Callable[..., Any],
    parameters: str,
    body: str,
    scope: dict[str, Any],
    digest: str = "",
) -> Callable[..., Any]:
    """A Python function with this body, under a name of its own.

    It is as if it stood in the file of `function`. digest: of what the body calls, unless that is
    of the library.
    """
    digest = hashlib.blake2b(f"{source_digest()}{digest}{body}".encode(), digest_size=8).hexdigest()
    readable = function.__name__ if function.__name__.isidentifier() else "kernel"
    name = f"{readable}_{digest}"
    scope = {**scope, "__name__": function.__module__}
    exec(
        compile(f"def {name}({parameters}):\n    {body}\n", function.__code__.co_filename, "exec"),
        scope,
    )
    made: Callable[..., Any] = scope[name]
    return made


@cache
def cached(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, or a kernel, for calls from Python; its machine code is kept on disk."""
    plain = getattr(function, "py_func", function)
    name = f"{plain.__name__}_{source_digest()}"
    own = FunctionType(
        plain.__code__.replace(co_name=name, co_qualname=name), plain.__globals__, name
    )
    own.__doc__, own.__module__ = plain.__doc__, plain.__module__
    compiled: Callable[..., Any] = njit(cache=True, nogil=True, error_model="numpy")(own)
    return compiled
