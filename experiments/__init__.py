"""Published results, one flat module each; `potentia list` names them.

A module is an experiment if it has a `Settings` model and a function ``run(settings, context)``;
the first line of its docstring, which begins with the reference, describes it. What they share
stands in the folders.
"""

from .framework.catalogue import experiments, load

__all__ = ["experiments", "load"]
