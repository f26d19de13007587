"""Descriptions as plain data and back: JSON, and named arrays for the numbers; no code.

A frozen dataclass becomes ``{"class": name, "fields": {...}}`` and is made again through its
constructor, which checks its fields. A class is looked up among the subclasses of the ports that
the program has imported already; no name in a file can make it import or call anything else.
"""

from __future__ import annotations

import inspect
import math
import sys
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import dropwhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, PotentiaError, UnsupportedError
from .connectivity import Connectivity
from .distributions import Distribution
from .inputs import Stimulus
from .network import MAX_NAME, Network
from .neuron import NeuronModel
from .parts import Population, Projection
from .rule import Rule
from .store import Store

PORTS = (NeuronModel, Stimulus, Store, Rule, Connectivity, Distribution)
CHOICES = ("connectivity", "weight", "delay", "store", "rule")  # of a projection
MOST_DEPTH = 32  # of values inside values
LIBRARY = __package__.split(".")[0]
# each class in one of them has a name of its own there
ROOMS = (
    "sim",
    "models",
    "learning",
    "hardware",
)
OFFERED = tuple(f"{LIBRARY}.{room}." for room in ROOMS)
Arrays = dict[str, NDArray[Any]]


def pack(value: Any, arrays: Arrays) -> Any:
    """`value` as JSON-able data.

    Its arrays go to `arrays` under new names, and their names into the data.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if (array := _as_array(value)) is not None:
        return {"array": _keep(array, arrays)}
    if isinstance(value, (list, tuple, range)):
        return {
            "tuple" if isinstance(value, tuple) else "list": [pack(item, arrays) for item in value]
        }
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: pack(item, arrays) for key, item in value.items()}}
    return _pack_sparse(value, arrays) if hasattr(value, "tocsr") else _pack_part(value, arrays)


def _pack_part(value: Any, arrays: Arrays) -> dict[str, Any]:
    """A dataclass as the name of its class and its fields."""
    if not is_dataclass(value) or isinstance(value, type):
        rule = "descriptions hold numbers, texts, arrays, lists, dictionaries with texts as keys, and parts"
        raise UnsupportedError(f"a {type(value).__name__} cannot be saved: {rule}")
    given = {
        field.name: pack(getattr(value, field.name), arrays)
        for field in fields(value)
        if field.init
    }
    return {"class": _found_again(type(value)), "fields": given}


def unpack(data: Any, arrays: Mapping[str, NDArray[Any]], depth: int = 0) -> Any:
    """The value that `pack` turned into `data` and `arrays`.

    Raises DataError where that is impossible.
    """
    if depth > MOST_DEPTH:
        raise DataError(f"a description nests its values more than {MOST_DEPTH} deep")
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    form = next(iter(data), None) if isinstance(data, dict) else None
    content = data[form] if form is not None else None
    match form, content:
        case "class", str(name):
            value = _build(name, data.get("fields"), arrays, depth)
        case "list" | "tuple", list(items):
            made = [unpack(item, arrays, depth + 1) for item in items]
            value = tuple(made) if form == "tuple" else made
        case "dict", dict(items):
            value = {key: unpack(item, arrays, depth + 1) for key, item in items.items()}
        case "array", str(name):
            value = _fetch(name, arrays)
        case "float", "inf" | "-inf" | "nan":
            value = float(content)
        case "sparse", dict(parts):
            value = _unpack_sparse(parts, arrays)
        case _:
            raise DataError(f"a description holds {data!r:.60}, which is no known form of value")
    return value


def pack_network(network: Network, arrays: Arrays) -> dict[str, Any]:
    """A whole network as JSON-able data; its arrays go to `arrays`."""
    return {
        "seed": network.seed,
        "populations": [
            {"name": part.name, "model": pack(part.model, arrays), "n": part.n}
            | {"initial": {key: pack(value, arrays) for key, value in part.initial.items()}}
            for part in network.populations
        ],
        "projections": [
            {
                "name": part.name,
                "pre": part.pre.name,
                "post": part.post.name,
                "receptor": part.receptor,
            }
            | {key: pack(getattr(part, key), arrays) for key in CHOICES}
            for part in network.projections
        ],
        "inputs": [
            {"name": part.name, "population": part.population.name, "receptor": part.receptor}
            | {"stimulus": pack(part.stimulus, arrays)}
            for part in network.inputs
        ],
        "probes": [
            {"target": part.target.name, "what": part.what, "every": part.every}
            | {"ids": None if part.ids is None else pack(np.array(part.ids, np.int64), arrays)}
            for part in network.probes
        ],
    }


def check_savable(network: Network) -> None:
    """Raise UnsupportedError unless all of a network can be saved and made again.

    The error names the part.
    """
    parts: list[tuple[Any, str]] = [
        (part, key) for part in network.populations for key in ("model", "initial")
    ]
    parts += [(part, key) for part in network.projections for key in CHOICES]
    parts += [(part, "stimulus") for part in network.inputs]
    for part, key in parts:
        place = f"{type(part).__name__} {part.name!r:.80}, {key}"
        packed: Arrays = {}
        again: Arrays = {}
        try:
            data = pack(_plain(getattr(part, key)), packed)
            if pack(unpack(data, packed), again) == data and same_arrays(packed, again):
                continue
            reason = "its constructor makes something else of its own fields"
        except (
            PotentiaError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
        ) as error:
            reason = f"{error!s:.300}"
        raise UnsupportedError(
            f"{place}: cannot be saved, which a record in a folder needs: {reason}"
        )


def same_arrays(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> bool:
    """Whether two descriptions hold the same numbers."""
    return one.keys() == other.keys() and all(
        np.array_equal(array, other[name], equal_nan=array.dtype.kind == "f")
        for name, array in one.items()
    )


def unpack_network(data: Any, arrays: Mapping[str, NDArray[Any]]) -> Network:
    """The network that `pack_network` turned into `data` and `arrays`, every part checked again.

    Raises DataError in one sentence where a part is missing, wrong or of an unknown class.
    """
    try:
        return _rebuild(data, arrays)
    except DataError:
        raise
    except PotentiaError as error:
        raise DataError(f"the network described cannot be built: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(
            f"the network described is damaged: {type(error).__name__} {error!s:.100}"
        ) from None


def class_name(kind: type[Any]) -> str:
    """The name under which a class is saved.

    It is that of the library where it is offered, such as ``potentia.models.LIF``.
    """
    return _offered(f"{kind.__module__}.{kind.__qualname__}")


def _found_again(kind: type[Any]) -> str:
    """The name under which a class is saved, and by which it will be found again.

    Raises UnsupportedError for a user's class where a later one has its name: what was saved would
    then be made of that one.
    """
    name = class_name(kind)
    if name.startswith(OFFERED):
        return name
    port = next((port for port in PORTS if issubclass(kind, port)), kind)
    last = [other for other in _below([port]) if class_name(other) == name and is_dataclass(other)]
    if last and last[-1] is not kind:
        raise UnsupportedError(
            f"a {kind.__name__} cannot be saved: another class that was made later is called {name}, too; give "
            "each class a name of its own"
        )
    return name


def _offered(name: str) -> str:
    """A qualified name without the modules inside a room of the library.

    Those are not the same in every version.
    """
    library, _, rest = name.partition(".")
    room, *inner = rest.split(".")
    if library != LIBRARY or room not in ROOMS:
        return name
    return ".".join((library, room, *dropwhile(str.islower, inner)))


def known_classes() -> dict[str, type[Any]]:
    """All dataclasses that a description may be made of, by qualified name.

    These are the imported subclasses of the ports, and those of the classes named in their fields.
    """
    found: dict[str, type[Any]] = {}
    todo: list[type[Any]] = list(PORTS)
    for kind in _below(todo):
        if is_dataclass(kind):
            found[class_name(kind)] = kind
            own = class_name(kind).startswith(OFFERED)
            todo += _known_fields(kind) if own else _classes_in_fields(kind)
    return found


def _below(todo: list[type[Any]]) -> Iterator[type[Any]]:
    """Classes and their subclasses, each once, those made later behind those made before.

    Whoever asks may add to `todo`.
    """
    seen: set[type[Any]] = set()
    while todo:
        kind = todo.pop(0)
        if kind not in seen:
            seen.add(kind)
            todo += type.__subclasses__(kind)
            yield kind


def _rebuild(data: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Network:
    network = Network(seed=data["seed"])
    populations: dict[str, Population] = {}
    for part in data["populations"]:
        initial = {key: unpack(value, arrays) for key, value in part["initial"].items()}
        made = network.population(
            unpack(part["model"], arrays), part["n"], name=part["name"], initial=initial
        )
        populations[made.name] = made
    projections: dict[str, Projection] = {}
    for part in data["projections"]:
        choices = {key: unpack(part[key], arrays) for key in CHOICES}
        pre, post = populations[part["pre"]], populations[part["post"]]
        joined = network.connect(
            pre, post, **choices, receptor=part["receptor"], name=_given(part["name"])
        )
        projections[_same(joined.name, part["name"])] = joined
    for part in data["inputs"]:
        stimulus, target = unpack(part["stimulus"], arrays), populations[part["population"]]
        tied = network.stimulate(
            target, stimulus, receptor=part["receptor"], name=_given(part["name"])
        )
        _same(tied.name, part["name"])
    for part in data["probes"]:
        probed = populations.get(part["target"]) or projections[part["target"]]
        network.probe(probed, part["what"], every=part["every"], ids=unpack(part["ids"], arrays))
    return network


def _given(name: str) -> str | None:
    """A name that a user may have given; None for one that only `Network` itself makes."""
    return name if len(name) <= MAX_NAME and "." not in name else None


def _same(made: str, saved: str) -> str:
    if made != saved:
        raise DataError(
            f"the network described is damaged: {saved!r:.120} would be called {made!r}"
        )
    return made


def _build(name: str, given: Any, arrays: Mapping[str, NDArray[Any]], depth: int) -> Any:
    kind = known_classes().get(_offered(name))
    if kind is None:
        module = name.rpartition(".")[0]
        hint = "" if module in sys.modules else f"; import {module:.80} first"
        raise DataError(
            f"a description uses the class {name!r:.100}, which this program does not know{hint}"
        )
    known = {field.name for field in fields(kind) if field.init}
    if not isinstance(given, dict) or set(given) != known:
        expected = ", ".join(sorted(known)) or "none"
        shown = ", ".join(sorted(given)) if isinstance(given, dict) else given
        raise DataError(f"{kind.__name__} has the fields {expected} (got {shown!s:.100})")
    return kind(**{key: unpack(value, arrays, depth + 1) for key, value in given.items()})


@cache
def _known_fields(kind: type[Any]) -> tuple[type[Any], ...]:
    """`_classes_in_fields` of a class of the library; to read hints takes long."""
    return tuple(_classes_in_fields(kind))


def _classes_in_fields(kind: type[Any]) -> Iterator[type[Any]]:
    """The classes that the hints of a dataclass's fields name, also inside unions and containers."""
    try:
        hints = list(typing.get_type_hints(kind).values())
    except (NameError, TypeError):  # a hint that only a type checker can see names no part
        return
    while hints:
        hint = hints.pop()
        inner = typing.get_args(hint)
        hints += [part for part in inner if part is not Ellipsis]
        if (
            not inner
            and isinstance(hint, type)
            and (is_dataclass(hint) or inspect.isabstract(hint))
        ):
            yield hint


def _plain(value: Any) -> Any:
    """A mapping as a dictionary, anything else as it is."""
    return dict(value) if isinstance(value, Mapping) else value


def _as_array(value: Any) -> NDArray[Any] | None:
    """An object with `__array__`, such as a tensor, as an array; None if it is none of numbers."""
    if isinstance(value, type) or is_dataclass(value) or not hasattr(value, "__array__"):
        return None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None  # a tensor that is elsewhere or waits for its gradient
    return array if array.dtype.kind in "biuf" else None


def _keep(array: NDArray[Any], arrays: Arrays) -> str:
    name = str(len(arrays))
    arrays[name] = array
    return name


def _fetch(name: str, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if name not in arrays:
        raise DataError(f"a description asks for the array {name!r:.60}, which is not there")
    array = arrays[name]
    return array if array.ndim else array[()]


def _pack_sparse(matrix: Any, arrays: Arrays) -> dict[str, Any]:
    matrix = matrix if matrix.format == "coo" else matrix.tocsr()
    keys = ("data", "row", "col") if matrix.format == "coo" else ("data", "indices", "indptr")
    parts = {key: _keep(np.asarray(getattr(matrix, key)), arrays) for key in keys}
    return {"sparse": {**parts, "shape": [int(extent) for extent in matrix.shape]}}


def _unpack_sparse(content: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:
    from scipy.sparse import coo_array, csr_array

    if "row" in content:
        data, row, col = (_fetch(content[key], arrays) for key in ("data", "row", "col"))
        return coo_array((data, (row, col)), shape=tuple(content["shape"]))
    values = tuple(_fetch(content[key], arrays) for key in ("data", "indices", "indptr"))
    matrix = csr_array(values, shape=tuple(content["shape"]))
    matrix.check_format(full_check=True)
    return matrix
