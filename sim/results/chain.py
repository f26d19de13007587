"""Section files of one run: their order, and whether each begins where the one before it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from ...errors import DataError
from ..hdf5 import hdf5
from ..hdf5.format import Group

SECTION: Final = re.compile(r"seg-(\d{1,15})\.h5")
SAME_TIME: Final = 1e-9  # [s]: far below the length of a section


@final
@dataclass(frozen=True, kw_only=True)
class Link:
    """What a result file says about its place in a run.

    It says its span [s], its digest, and which file comes before it. section: its number, from 1
    on; follows: the digest of the section before it, none for the first; run: which simulation it
    is of. These are None in files that say nothing of them.
    """

    start: float
    stop: float
    digest: str
    section: int | None
    follows: str | None
    run: str | None


def sections(folder: Path) -> list[Path]:
    """The sections in a folder, by number."""
    found = [(match, path) for path in folder.iterdir() if (match := SECTION.fullmatch(path.name))]
    return [path for _, path in sorted(found, key=lambda item: (int(item[0][1]), item[1].name))]


def name(number: int) -> str:
    """What a section is called."""
    return f"seg-{number:04d}.h5"


def link(path: Path) -> Link:
    """The place of a file of results. Raises DataError."""
    with hdf5.reading(path, path, follow=False) as root:
        meta = root.get("meta")
        if not isinstance(meta, Group):
            raise DataError("it has no group /meta, so it is no file of results of Potentia")
        return read_link(meta)


def read_link(meta: Group) -> Link:
    """The place told in the group /meta of a file."""

    def told(name: str, kind: type[Any]) -> Any:
        return hdf5.attribute(meta, name, kind) if name in meta.attributes else None

    return Link(
        start=hdf5.attribute(meta, "start", float),
        stop=hdf5.attribute(meta, "stop", float),
        digest=hdf5.attribute(meta, "digest", str),
        section=told("segment", int),
        follows=told("follows", str),
        run=told("run", str),
    )


@final
class Chain:
    """Sections of one run, added one by one; a gap or a section of another run is a DataError."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.links = folder, list[Link]()

    @property
    def last(self) -> Link | None:
        """The section added last."""
        return self.links[-1] if self.links else None

    def add(self, path: Path, link: Link) -> None:
        """Append `path`, whose place is `link`. Raises DataError unless it follows the last one."""
        number, match = len(self.links) + 1, SECTION.fullmatch(path.name)
        if match is None or int(match[1]) > number:
            raise DataError(
                f"{self.folder} is refused: {name(number)} is missing before {path.name}"
            )
        if int(match[1]) < number:
            raise DataError(
                f"{self.folder} is refused: it has two sections with the number of {path.name}"
            )
        if (reason := self._stranger(number, link)) is not None:
            raise DataError(f"{path} is refused: it {reason}")
        self.links.append(link)

    def _stranger(self, number: int, link: Link) -> str | None:
        """Why a section does not follow the last one."""
        if link.section not in (None, number):
            return f"was written as section {link.section}, not as {number}"
        if self.last is None:
            return None if not link.follows else "follows another section, but is the first"
        if abs(link.start - self.last.stop) > SAME_TIME:
            return f"begins at {link.start:g} s, but the section before it ends at {self.last.stop:g} s"
        if link.run != self.last.run and None not in (link.run, self.last.run):
            return "is of another simulation than the section before it"
        if link.follows not in (None, self.last.digest):
            return "was written after another section than the one before it"
        return None
