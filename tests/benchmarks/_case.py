"""One case of a benchmark in a process of its own, so that the peak memory it reports is its own.

``python -m potentia.tests.benchmarks._case JOB``: JOB is a JSON object that names a function, a
class of settings, the settings and further options. ``function(settings, **options)`` makes the
case ready and returns a function that measures it once; this is called for every line on stdin, and
answered by one line of JSON on stdout.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

import potentia
from potentia import errors

from ._measure import Measure, Row

Ready = Callable[..., Measure]


class Case:
    """A case that runs elsewhere: call it to measure once. The process starts at the first call."""

    def __init__(self, ready: Ready, settings: BaseModel, **options: Any) -> None:
        self._job = {
            "ready": [ready.__module__, ready.__qualname__],
            "kind": [type(settings).__module__, type(settings).__qualname__],
            "settings": settings.model_dump(mode="json"),
            "options": options,
        }
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._errors.close()

    def __call__(self) -> Row:
        if self._process is None:
            self._process = subprocess.Popen(
                command("potentia.tests.benchmarks._case", json.dumps(self._job)),
                env=environment(),
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._died() from None
        line = self._process.stdout.readline()
        if not line:
            raise self._died()
        answer: Row = json.loads(line)
        if "error" in answer:
            raise getattr(errors, answer["kind"])(answer["error"])
        return answer

    def _died(self) -> RuntimeError:
        assert self._process is not None
        code = self._process.wait()
        self._errors.seek(0)
        last = (self._errors.read().strip().splitlines() or ["no message"])[-1]
        return RuntimeError(
            f"the process of {self._job['ready'][0]} ended with code {code}: {last}"
        )


def named(module: str, name: str) -> Any:
    """A function or class by its module and name."""
    return getattr(importlib.import_module(module), name)


def command(module: str, *arguments: str) -> list[str]:
    """A command that runs a module of this very package with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, in which `potentia` is imported from where it runs now."""
    roots = [str(Path(potentia.__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots)), **changes}


def main(job: str) -> None:
    """Answer requests until there are no more; only answers go to stdout."""
    answers, sys.stdout = sys.stdout, sys.stderr
    asked = json.loads(job)
    measure: Measure | None = None
    for _ in sys.stdin:
        try:
            if measure is None:
                settings = named(*asked["kind"])(**asked["settings"])
                measure = named(*asked["ready"])(settings, **asked["options"])
            told: Row = measure()
        except errors.PotentiaError as error:
            told = {"error": str(error), "kind": type(error).__name__}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
