"""Which experiments there are; none is imported before it is asked for."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from potentia.errors import ParameterError
from potentia.experiments.framework.experiment import Experiment
from potentia.sim import validation as check

FOLDER: Final = Path(__file__).parents[1]
PACKAGE: Final = __package__.rpartition(".")[0]


@cache
def experiments() -> Mapping[str, str]:
    """The names of all experiments, with dashes, and what each is."""
    found = {}
    for module in pkgutil.iter_modules([str(FOLDER)]):
        if module.ispkg:
            continue
        tree = ast.parse((FOLDER / f"{module.name}.py").read_text(encoding="utf-8"))
        defined = {getattr(node, "name", None) for node in tree.body}
        if {"Settings", "run"} <= defined:
            found[module.name.replace("_", "-")] = summary(ast.get_docstring(tree))
    return found


def summary(docstring: str | None) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((docstring or "").partition("\n\n")[0].split())


def load(name: str) -> Experiment:
    """The experiment called `name`.

    Raises ParameterError with the nearest name if there is none.
    """
    known, name = experiments(), check.text("experiments", "name", name)
    if name not in known:
        hint = check.nearest(name, known)
        raise ParameterError(f"no experiment is called {name!r}{hint} (known: {', '.join(known)})")
    module = importlib.import_module(f".{name.replace('-', '_')}", PACKAGE)
    return Experiment(name, known[name], module.Settings, module.run, getattr(module, "plot", None))
