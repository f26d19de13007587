"""What an experiment is, and how its settings are read from the command line."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, final, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from potentia.errors import DependencyError, ParameterError
from potentia.sim import validation as check
from potentia.sim.hdf5 import hdf5
from potentia.sim.results import figures
from potentia.sim.runs.runfolder import read_json

# metrics of the machine, not of the network
TIMED: Final = re.compile(r"(^|_)(seconds|cpu_s|wall_s|rss_mb|real_time_factor)(_sd)?$")
UNIT: Final = re.compile(r"\[([^\]]+)\]")  # in the description of a setting
QUANTITY: Final = re.compile(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([a-zA-Zµμ]{1,4})")
PREFIXES: Final = {
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "µ": -6,
    "μ": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
}

SIGNS: Final = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}  # of pydantic's limits
KINDS: Final[dict[Any, str]] = {
    int: "whole number",
    float: "number",
    bool: "true | false",
    str: "text",
    type(None): "null",
}

Metrics = dict[str, Any]


@final
@dataclass
class Context:
    """What an experiment is given beside its settings.

    backend: for every Simulator; data: the folder of data sets, None for what ships in the package;
    folder: the run folder, for figures and results; progress: whether to show bars, None on a
    terminal only; say: prints a text; plots: whether figures are wanted; resume: whether the folder
    is that of a run that broke off, for ``Simulator.run(record_to=folder, resume=resume)``. hashes
    and tables: what `record` and `table` were given.
    """

    backend: str
    data: Path | None
    folder: Path
    progress: bool | None = None
    say: Callable[[str], None] = print
    plots: bool = True
    resume: bool = False
    hashes: list[str] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)

    def record(self, result: Any) -> None:
        """Let the spikes of a result count in the spike hash of the run.

        It is to be called in a fixed order.
        """
        self.hashes.append(result.hash)

    def plot(self, name: str, make: Callable[[], Any]) -> Path | None:
        """Save the Figure or Axes that `make` returns as ``<name>.png``.

        Without matplotlib only say so.
        """
        if not self.plots:
            return None
        try:
            made = make()
        except DependencyError as error:
            self.say(f"no {name}.png: {error}")
            return None
        path: Path = figures.save(getattr(made, "figure", made), self.folder / f"{name}.png")
        return path

    def keep(self, name: str, words: Any) -> None:
        """Write what JSON can say into the folder, all or nothing."""
        hdf5.write_file(self.folder / name, json.dumps(words).encode())

    def kept(self, name: str) -> Any:
        """What `keep` wrote. Raises DataError."""
        return read_json(self.folder / name)

    def table(
        self, rows: Iterable[Sequence[Any]], *, header: Sequence[str] = (), title: str = ""
    ) -> None:
        """Print rows in aligned columns, numbers to the right, and keep them for the report."""
        rows = [list(row) for row in rows]
        self.tables.append({"title": title.strip(), "header": list(header), "rows": rows})
        self.say(format_table(rows, header=header, title=title))

    def note(self, text: str) -> None:
        """Print a sentence and keep it for the report."""
        self.table([[text]])

    @property
    def spike_hash(self) -> str:
        """BLAKE2b of the hashes of all results recorded, in order."""
        return hashlib.blake2b("".join(self.hashes).encode(), digest_size=16).hexdigest()


@final
@dataclass(frozen=True)
class Experiment:
    """A named experiment.

    It has settings, the function that runs it, and `plot`, which plots its figures anew.
    """

    name: str
    description: str
    settings: type[BaseModel]
    run: Callable[[Any, Context], Metrics]
    plot: Callable[[Context], None] | None = None


def read_settings(
    name: str,
    model: type[BaseModel],
    texts: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Any:
    """Settings from texts such as ``rate=1e-3`` and ready `values`, all checked.

    Raises ParameterError in one sentence that names the field, what it takes and what it got.
    """
    name = check.text("read_settings", "name", name)
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        raise check.fail("read_settings", "model", "must be a class of settings", model)
    if not isinstance(texts, (list, tuple)):
        raise check.fail(name, "settings", "must be a list of texts such as rate=1e-3", texts)
    given = {} if values is None else check.mapping(name, "settings", values, "{'neurons': 100}")
    for text in texts:
        key, equals, value = check.text(name, "settings", text).partition("=")
        if not equals:
            raise ParameterError(f"{name}: settings have the form key=value (got {text!r:.80})")
        key = key.strip()
        _known(name, model, key)
        given[key] = _parse(name, model, key, value.strip())
    for key in given:
        _known(name, model, key)
    try:
        return model(**given)
    except ValidationError as error:
        raise _sentence(name, model, error) from None


def settings_rows(model: type[BaseModel]) -> list[tuple[str, str, str, str, str]]:
    """Every setting: name, default, unit, what it may be, and what it is."""
    rows = []
    for name, about in model.model_fields.items():
        text = about.description or ""
        unit = UNIT.search(text)
        default = _default(about, "needed")
        told = UNIT.sub("", text).strip()
        rows.append((name, default, unit[1] if unit else "", _range(about), told))
    return rows


def is_timed(metric: str) -> bool:
    """Whether a metric tells of the machine's time or memory, so that no two runs agree on it."""
    return TIMED.search(metric) is not None


def format_table(
    rows: Iterable[Sequence[Any]], *, header: Sequence[str] = (), title: str = ""
) -> str:
    """Rows of cells as text in aligned columns; floats with four significant digits."""
    rows = [list(row) for row in rows]
    lines = ([list(header)] if header else []) + [[_show(cell) for cell in row] for row in rows]
    columns = list(zip_longest(*lines, fillvalue=""))
    widths = [max(map(len, column)) for column in columns]
    right = [
        all(isinstance(cell, (int, float)) for cell in column)
        for column in zip_longest(*rows, fillvalue=0)
    ]
    shown = []
    for line in zip(*columns, strict=True):
        cells = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=False)
        ]
        shown.append("  ".join(cells).rstrip())
    if header:
        shown.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(([title] if title else []) + shown)


def _known(name: str, model: type[BaseModel], key: str) -> None:
    if key not in model.model_fields:
        known = ", ".join(model.model_fields)
        raise ParameterError(
            f"{name} has no setting {key!r:.60}{check.nearest(key, model.model_fields)} (known: {known})"
        )


def _parse(name: str, model: type[BaseModel], key: str, text: str) -> Any:
    """A text as what the field takes.

    That is a number, true or false, null, a JSON list, or the text itself.
    """
    kind, scalar = model.model_fields[key].annotation, _scalar(text)
    number = kind is not str and get_origin(kind) is not list
    if number and isinstance(scalar, float) and not math.isfinite(scalar):
        raise check.fail(name, key, "must be a finite number", text)
    if isinstance(scalar, bool) and kind in (int, float):
        return text
    try:
        TypeAdapter(kind or str).validate_python(scalar)
    except ValidationError:  # of a list, what is told is which entry is wrong
        return scalar if isinstance(scalar, list) and get_origin(kind) is list else text
    return scalar


def _scalar(text: str) -> Any:
    words = {"true": True, "false": False, "null": None, "none": None, "~": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float, json.loads):
        try:
            return kind(text)
        except (ValueError, RecursionError):
            continue
    return text


def _sentence(name: str, model: type[BaseModel], error: ValidationError) -> ParameterError:
    """The first complaint of pydantic as one sentence of ours."""
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    rule = first["msg"].replace("Input should be", "must be").replace("Value error, ", "")
    rule = re.sub(
        r"List should have (at (?:least|most) \d+) items? after validation, not (\d+)",
        r"must be a list of \1, not \2",
        rule,
    )
    rule = re.sub(r", unable to parse string as an? (number|integer)", "", rule)
    about = model.model_fields.get(key)
    if about:
        such = f"must be a list such as {_default(about, '[1, 2]')}"
        rule = rule.replace("must be a valid list", such)
    unit = UNIT.search((about.description or "") if about else "")
    if about and unit and "number" in rule:
        rule += f" in {unit[1]}{_hint(first['input'], unit[1], key, about.default)}"
    return check.fail(name, key or "settings", rule, first["input"])


def _default(about: FieldInfo, needed: str) -> str:
    """The default of a setting as ``--set`` takes it; `needed` where it has none."""
    if about.is_required():
        return needed
    return _written(about.get_default(call_default_factory=True))


def _range(about: FieldInfo) -> str:
    """What a setting may be: which kinds or choices, and in which range."""
    limits = [
        f"{sign} {limit if isinstance(limit, int) and limit < 10**9 else f'{limit:g}'}"
        for rule in about.metadata
        for name, sign in SIGNS.items()
        if isinstance(limit := getattr(rule, name, None), (int, float))
    ]
    return f"{' | '.join(_kinds(about.annotation))} {' and '.join(limits)}".strip()


def _kinds(hint: Any) -> list[str]:
    """The kinds of values that a type hint admits, and the choices that it lists."""
    if get_origin(hint) is Literal:
        return [_written(choice) for choice in get_args(hint)]
    if get_origin(hint) in (Union, UnionType):
        return [kind for part in get_args(hint) for kind in _kinds(part)]
    return [KINDS.get(hint) or str(getattr(hint, "__name__", hint) if not get_args(hint) else hint)]


def _written(value: Any) -> str:
    """A default as ``--set`` takes it."""
    if isinstance(value, str):
        return value
    return "null" if value is None else json.dumps(value, default=str)


def _hint(got: Any, unit: str, key: str, default: Any) -> str:
    """How to write a text with a unit.

    It is written as the number that it stands for where the unit fits the field's.
    """
    quantity = QUANTITY.fullmatch(got.strip()) if isinstance(got, str) else None
    if quantity is None:
        return ""
    number, written = quantity.groups()
    prefix = written.removesuffix(unit)
    if not written.endswith(unit) or prefix not in PREFIXES:
        return f", without a unit, such as {key}={default}"
    try:
        return f", without a unit: {key}={float(f'{number}e{PREFIXES[prefix]}'):g}"
    except ValueError:
        return f", without a unit, such as {key}={default}"


def _show(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else "\\n".join(str(cell).split("\n"))
