"""Sound files of every kind, how each is changed, and how it is read."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import shutil
import struct
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from potentia import Result, Simulator
from potentia.errors import PotentiaError
from potentia.experiments.datasets.idx import PACKED
from potentia.experiments.datasets.images import FILES, load_images
from potentia.experiments.datasets.nmnist import load_nmnist
from potentia.experiments.datasets.speech import load_speech
from potentia.sim import BatchResult
from potentia.sim.hdf5 import hdf5
from potentia.sim.hdf5.datatypes import Unusual
from potentia.sim.results import storage
from potentia.sim.runs.runfolder import RECORD, SWEEP, RunFolder, read_run

from .mutations import NUMBERS, bytes_changed, words_changed
from .reader import HELD, Other, Reader, command, network, told
from .snapshot_readers import EventSnapshots, Snapshots


class Results(Reader):
    """Results, changed byte by byte: what is accepted must say the same."""

    share = 600

    def prepare(self) -> None:
        self.path = self.home / "r.h5"
        self.result = Simulator(network()).run(0.05)
        self.result.save(self.path)
        self.content, self.digest = self.path.read_bytes(), storage.digest(self.result)

    def changed(self, rng: np.random.Generator) -> bytes:
        return bytes_changed(rng, self.content)

    def read(self, content: bytes, seed: int) -> None:
        self.path.write_bytes(content)
        with told():
            if storage.digest(Result.load(self.path)) != self.digest:
                raise Other("a result that is not the one that was saved")
        with told():
            if seed % HELD == 0:
                hdf5.tree(self.path)
            elif seed % 4 == 0:
                with contextlib.suppress(Unusual), hdf5.reading(self.path, self.path) as root:
                    list(hdf5._lines(root, "/", 0))


class Batches(Reader):
    """The results of a batch, changed byte by byte: what is accepted must say the same."""

    share = 40

    def prepare(self) -> None:
        self.path = self.home / "b.h5"
        self.digests = self._digests(Simulator(network()).run(0.02, batch=3))
        Simulator(network()).run(0.02, batch=3).save(self.path)
        self.content = self.path.read_bytes()

    def changed(self, rng: np.random.Generator) -> bytes:
        return bytes_changed(rng, self.content)

    def read(self, content: bytes, seed: int) -> None:
        self.path.write_bytes(content)
        with told():
            if self._digests(BatchResult.load(self.path)) != self.digests:
                raise Other("a batch that is not the one that was saved")

    def _digests(self, batch: BatchResult) -> list[str]:
        return [storage.digest(part) for part in batch]


class Sealed(Reader):
    """Results by somebody who can compute digests: records that cannot be, or can
    hardly be shown.
    """

    share = 6

    def prepare(self) -> None:
        self.path = self.home / "r.h5"
        self.result = Simulator(network()).run(0.05)

    def changed(self, rng: np.random.Generator) -> Result:
        odd: list[Any] = [0.0, -1.0, 1e-300, 1e300, np.nan, np.inf, *NUMBERS]
        spans = [odd[int(rng.integers(len(odd)))] if rng.random() < 0.3 else 0.0 for _ in range(2)]
        made = Result(
            spans[0], spans[1] or 0.05, "0" * 32, meta=self.result.meta, tallies={"a": spans[0]}
        )
        names = ["cells", "$\\frac{", "a\x1b[31m", "µ", "x" * 300, "a.b", "n\n"]
        for record in self.result.spike_records.values():
            n = int(rng.choice([record.n, 2**31 - 1, 10**6]))
            times = record.times.copy()
            times[: int(rng.integers(3))] = odd[int(rng.integers(len(odd)))]
            called = names[int(rng.integers(len(names)))]
            made.spike_records[called] = type(record)(times, record.ids, n, made.start, made.stop)
        for name, samples in self.result.sample_records.items():
            values = samples.values.astype(float)
            values[: int(rng.integers(3))] = odd[int(rng.integers(len(odd)))]
            called = f"{names[int(rng.integers(len(names)))]}.{name.rpartition('.')[2]}"
            unit = names[int(rng.integers(len(names)))]
            made.sample_records[called] = type(samples)(samples.times, values, samples.ids, unit)
        return made

    def read(self, content: Result, seed: int) -> None:
        # such a result need not be one that can be saved
        with contextlib.suppress(PotentiaError, ValueError):
            content.save(self.path, overwrite=True)
        with told():
            again = Result.load(self.path)
            if seed % 20 == 0:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    again.plot()
        command("inspect", str(self.path))


class Folders(Reader):
    """Run folders: run.json changed, figures and results changed or put in place of each other."""

    share = 40

    def prepare(self) -> None:
        self.folder = self.home / "runs"
        with RunFolder(self.home, "balanced-network", config={"duration": 0.1}, seed=1) as run:
            Simulator(network()).run(0.02).save(run.path)
            tables = [{"title": "t", "header": ["a", "b"], "rows": [["x", 1.0], ["y", 2]]}]
            run.finish({"rate_hz": 5.0, "n": 3, "seconds": 1.0}, "ab" * 16, tables=tables)
        self.words = read_run(run.path)
        self.result = (run.path / storage.RESULTS).read_bytes()

    def changed(self, rng: np.random.Generator) -> tuple[bytes, bytes, list[str]]:
        text = json.dumps(words_changed(rng, self.words)).encode()
        if rng.random() < 0.2:
            text = bytes_changed(rng, text)
        result = bytes_changed(rng, self.result) if rng.random() < 0.3 else self.result
        made = [
            name
            for name in ("a.png", "results.h5", "run.json", "seg-0001.h5", "report.html")
            if rng.random() < 0.1
        ]
        return text, result, made

    def read(self, content: tuple[bytes, bytes, list[str]], seed: int) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, text in ((RECORD, content[0]), (storage.RESULTS, content[1])):
            (self.folder / name).write_bytes(text)
        for k, name in enumerate(content[2]):
            (self.folder / name).unlink(missing_ok=True)
            (self.folder / name).symlink_to(("/dev/zero", "/etc/passwd", "nowhere")[(seed + k) % 3])
        command("inspect", str(self.folder))
        if seed % HELD == 0:
            command("plot", str(self.folder))
        with told():
            record = read_run(self.folder)
            from potentia.sim.runs.runfolder import write_report

            page = write_report(self.folder, record).read_text()
            if "root:" in page:
                raise Other("a report with another file in it")


class Sweeps(Reader):
    """Folders of sweeps: sweep.json and the run.json of a run."""

    share = 30

    def prepare(self) -> None:
        self.folder = self.home / "sweep"
        self.words = {
            "experiment": "balanced-network",
            "given": {"duration": 0.1},
            "grid": {"seed": [1, 2, 3]},
            "backend": "auto",
            "data": None,
            "schema": 1,
        }
        with RunFolder(self.home, "balanced-network", config={"duration": 0.1}, seed=1) as run:
            run.finish({"rate_hz": 5.0}, "ab" * 16)
        self.record = read_run(run.path)

    def changed(self, rng: np.random.Generator) -> tuple[Any, Any]:
        both = [self.words, self.record]
        k = int(rng.integers(2))
        both[k] = words_changed(rng, both[k])
        return both[0], both[1]

    def read(self, content: tuple[Any, Any], seed: int) -> None:
        (self.folder / "run").mkdir(parents=True, exist_ok=True)
        (self.folder / SWEEP).write_text(json.dumps(content[0]))
        (self.folder / "run" / RECORD).write_text(json.dumps(content[1]))
        command("inspect", str(self.folder))
        if seed % HELD == 0:
            command("plot", str(self.folder))


class Archives(Reader):
    """Archives of arrays, and files of one: small sets of sounds, of events and of images."""

    share = 300

    def prepare(self) -> None:
        speech, images = _speech(), _images()
        self.files = [  # name, content, what reads the folder
            ("fsdd/fsdd.npz", _archive(np.savez, speech), _first_sound),
            ("fsdd/fsdd.npz", _archive(np.savez_compressed, speech), _first_sound),
            (
                "nmnist_small/nmnist_small.npz",
                _archive(np.savez_compressed, _events()),
                partial(load_nmnist, small=True),
            ),
            ("mnist/mnist.npz", _archive(np.savez_compressed, images), _images_of("mnist")),
        ]
        for name, array in zip(FILES, images.values(), strict=True):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            content = gzip.compress(header + array.tobytes())
            place = f"fashion_mnist/{name}.gz"
            self.files.append((place, content, _images_of("fashion-mnist")))
        for place, content, _ in self.files:
            self._write(place, content)

    def changed(self, rng: np.random.Generator) -> tuple[bytes, int]:
        k = int(rng.integers(len(self.files)))
        content = self.files[k][1]
        if rng.random() < 0.5 and content[:2] == PACKED:  # else its checksum is always wrong
            return gzip.compress(bytes_changed(rng, gzip.decompress(content))), k
        return bytes_changed(rng, content), k

    def read(self, content: tuple[bytes, int], seed: int) -> None:
        place, whole, load = self.files[content[1]]
        self._write(place, content[0])
        try:
            with told():
                load(self.home)
        finally:
            self._write(place, whole)

    def _write(self, place: str, content: bytes) -> None:
        (self.home / place).parent.mkdir(exist_ok=True)
        (self.home / place).write_bytes(content)


def _archive(save: Callable[..., None], arrays: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    save(made, **arrays)
    return made.getvalue()


def _speech() -> dict[str, Any]:
    n, rng = 10, np.random.default_rng(1)
    return {
        "audio": rng.integers(-127, 128, 50 * n).astype(np.int8),
        "offsets": np.arange(n + 1) * 50,
        "label": np.arange(n) % 10,
        "speaker": np.zeros(n, int),
        "recording": np.arange(n),
        "is_test": np.arange(n) % 2 == 0,
        "speaker_names": np.array(["a"]),
        "rate": np.array(8000.0),
    }


def _events() -> dict[str, Any]:
    n = 10
    one = {"x": np.zeros(n, np.uint8), "y": np.zeros(n, np.uint8), "p": np.zeros(n, bool)}
    one |= {"t": np.arange(n), "offsets": np.arange(n + 1), "label": np.arange(n) % 10}
    return {f"{part}_{name}": array for part in ("train", "test") for name, array in one.items()}


def _images() -> dict[str, Any]:
    pixels, label = np.arange(120, dtype=np.uint8).reshape(10, 3, 4), np.arange(10, dtype=np.uint8)
    return {"x_train": pixels, "y_train": label, "x_test": pixels, "y_test": label}


def _first_sound(home: Path) -> None:
    load_speech(home).audio(0)


def _images_of(name: str) -> Callable[[Path], Any]:
    return lambda home: load_images(home, name)


KINDS: dict[str, type[Reader]] = {
    "results": Results,
    "batches": Batches,
    "sealed": Sealed,
    "snapshots": Snapshots,
    "event_snapshots": EventSnapshots,
    "folders": Folders,
    "sweeps": Sweeps,
    "archives": Archives,
}
