"""What an HDF5 file holds, as lines of text.

Potentia's own reader tells it, or the HDF5 library in a process with limits.

Files of other tools may use parts of the format that only the library reads. It cannot be trusted
with them: some files make it crash, hang or take all memory. So this file is also a program, which
imports nothing of Potentia: it bounds its own time and memory, opens one file, and prints one JSON
object, ``{"lines": [...]}`` or ``{"error": ...}``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MEMORY = 2 << 30  # bytes of address space
SECONDS = 20  # of processor time
MOST_SHOWN = 60  # letters of a value
MOST_DEPTH = 16
MOST_OBJECTS = 100_000
MOST_ATTRIBUTE = 1 << 20  # bytes
MOST_LETTERS = 1 << 25  # of all lines together


def line(
    depth: int, name: str, dtype: str | None, shape: tuple[int, ...], attributes: dict[str, Any]
) -> str:
    """One object: its place, dtype, shape, unit and attributes; dtype: None for a group."""
    place = "  " * depth + ("/" if depth == 0 else clean(name))
    if dtype is not None:
        unit = f" [{brief(attributes['units'])}]" if "units" in attributes else ""
        return f"{place}  {dtype}{list(shape)}{unit}"
    shown = ", ".join(f"{clean(key)}={brief(value)}" for key, value in attributes.items())
    return place + ("/" if depth else "") + (f"  {shown}" if shown else "")


def brief(value: Any) -> str:
    """A value as a text of at most MOST_SHOWN letters."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    text = (
        f"{value:g}"
        if hasattr(value, "__float__") and "float" in type(value).__name__
        else str(value)
    )
    return clean(text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "...")


def clean(text: str) -> str:
    """A text without letters that move the cursor or break the line."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _limit() -> None:
    """Bound the memory and the time of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    for what, most in (
        ("RLIMIT_AS", MEMORY),
        ("RLIMIT_CPU", SECONDS),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
    ):
        kind = getattr(resource, what, None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
            try:
                resource.setrlimit(kind, (bound, hard))
            except (ValueError, OSError):  # a system that knows the name and not the limit
                continue


def _lines(path: str) -> list[str]:
    """All objects of a file, by the HDF5 library."""
    import h5py

    found: list[str] = []
    room = [MOST_LETTERS]

    def visit(item: Any, name: str, depth: int) -> None:
        if depth > MOST_DEPTH or len(found) > MOST_OBJECTS:
            raise ValueError(f"{clean(name):.200}: too deep, or one object too many")
        is_data = isinstance(item, h5py.Dataset)
        values = {key: _value(item.attrs, key) for key in sorted(item.attrs)}
        dtype, shape = (_dtype(item), item.shape or ()) if is_data else (None, ())
        found.append(line(depth, name, dtype, shape, values))
        room[0] -= len(found[-1])
        if room[0] < 0:
            raise ValueError("its names and attributes are too long to be told")
        for key in () if is_data else sorted(item):
            if not isinstance(item.get(key, getlink=True), h5py.HardLink):
                found.append("  " * (depth + 1) + f"{clean(key)}  (a link, not followed)")
                continue
            member = item[key]
            if isinstance(member, (h5py.Group, h5py.Dataset)):
                visit(member, key, depth + 1)
            else:
                found.append("  " * (depth + 1) + f"{clean(key)}  (a named type)")

    with h5py.File(path, "r") as file:
        visit(file, "/", 0)
    return found


def _dtype(dataset: Any) -> str:
    """The dtype of a dataset; one that numpy does not know by its HDF5 class."""
    try:
        return "text" if dataset.dtype.kind == "O" else str(dataset.dtype)
    except TypeError:
        return f"class {dataset.id.get_type().get_class()}"


def _value(attributes: Any, name: str) -> Any:
    """An attribute that is small and plain; of others the dtype."""
    stored = attributes.get_id(name)
    n_bytes = stored.dtype.itemsize
    for extent in stored.shape or ():
        n_bytes *= extent
    one_text, numbers = (
        stored.dtype.kind == "O" and stored.shape == (),
        stored.dtype.kind in "biufS",
    )
    if one_text or (numbers and n_bytes <= MOST_ATTRIBUTE):
        return attributes[name]
    return f"({stored.dtype}{list(stored.shape or ())})"


def _main() -> None:
    _limit()
    sys.path[:0] = sys.argv[2:]
    try:
        told: dict[str, Any] = {"lines": _lines(sys.argv[1])}
    except Exception as error:  # whatever the library raises becomes one sentence
        told = {"error": (str(error).splitlines() or [""])[0][:200].strip() or type(error).__name__}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _main()
