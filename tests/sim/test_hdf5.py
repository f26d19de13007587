"""The reader of HDF5 gives what the library gives, and survives what the library does not."""

import io
import struct
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from potentia.errors import DataError
from potentia.sim.hdf5 import hdf5
from potentia.sim.hdf5 import tree as hdf5_tree
from potentia.sim.hdf5.chunks import fletcher32
from potentia.sim.hdf5.datatypes import Unusual
from potentia.sim.hdf5.format import open_root
from potentia.tests.sim import hostile

KINDS = [np.dtype(name) for name in ("u1", "<i2", "<u4", ">i8", "<f2", ">f4", "<f8", "?", "S5")]


def made(fill):
    """A file in memory, filled."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver="earliest") as file:
        fill(file)
    return stream


@st.composite
def datasets(draw):
    """An array, and the ways in which it is stored."""
    values = draw(
        arrays.arrays(
            draw(st.sampled_from(KINDS)), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)
        )
    )
    if not values.ndim or not values.size:
        return values, {}
    chunks = tuple(draw(st.integers(1, extent)) for extent in values.shape)
    ways = {"chunks": chunks, "fletcher32": draw(st.booleans()), "shuffle": draw(st.booleans())}
    ways["compression"] = draw(st.sampled_from([None, "gzip"]))
    return values, draw(st.sampled_from([{}, ways]))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(datasets(), max_size=12),
    st.lists(st.text(max_size=40).filter(lambda text: "\0" not in text), max_size=5),
)
def test_it_reads_what_the_library_reads(found, texts):
    def fill(file):
        for k, (values, ways) in enumerate(found):
            group = file.require_group(f"g{k % 3}/deep")
            group.create_dataset(f"d{k}", data=values, **ways)
            group.attrs[f"a{k}"] = values.reshape(-1)[:8]
        for k, text in enumerate(texts):
            file.attrs[f"t{k}"] = text

    root = open_root(made(fill))
    for k, (values, _) in enumerate(found):
        dataset = root[f"g{k % 3}/deep/d{k}"]
        got = dataset.read()
        assert got.dtype == values.dtype
        assert got.shape == values.shape
        assert got.tobytes() == values.tobytes()
        assert got.flags.writeable
        kept = root[f"g{k % 3}/deep"].attributes[f"a{k}"]
        assert np.asarray(kept).tobytes() == values.reshape(-1)[:8].tobytes()
    assert [root.attributes[f"t{k}"].decode() for k in range(len(texts))] == texts


def test_many_members_and_many_attributes():
    def fill(file):
        for k in range(700):
            file.create_group(f"group {k}").attrs["k"] = k
        for k in range(200):
            file["group 7"].attrs[f"attribute {k}"] = np.arange(k)

    root = open_root(made(fill))
    assert len(list(root)) == 700
    assert root["group 699"].attributes["k"] == 699
    assert root["group 7"].attributes["attribute 150"].tolist() == list(range(150))


def test_fletcher32_is_that_of_the_library():
    rng = np.random.default_rng(3)
    contents = [
        rng.integers(0, 256, size, np.uint8) for size in (1, 2, 3, 359, 722, 70_001, 3_000_000)
    ]
    contents += [
        np.frombuffer(text, np.uint8) for text in (b"\xff" * 4000, b"\0" * 40, b"\0\x01" * 65535)
    ]
    for content in contents:
        stream = made(
            lambda file, x=content: file.create_dataset(
                "x", data=x, chunks=x.shape, fletcher32=True
            )
        )
        with h5py.File(stream) as file:
            chunk = file["x"].id.get_chunk_info(0)
        stored = stream.getvalue()[chunk.byte_offset :][: chunk.size]
        assert struct.pack("<I", fletcher32(content.tobytes())) == stored[-4:]
        assert open_root(stream)["x"].read().tobytes() == content.tobytes()


def refused(path):
    """The one sentence with which a file is refused."""
    with pytest.raises(DataError) as caught:
        hdf5.tree(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_texts_without_end(tmp_path):
    assert "text" in refused(hostile.endless_texts(tmp_path / "x.h5"))


def test_many_texts_in_one_place(tmp_path):
    assert "many of its texts lie in one place" in refused(
        hostile.texts_in_one_place(tmp_path / "x.h5")
    )


def test_a_chunk_of_no_bytes(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        hdf5.add(file, "x", np.arange(100_000))
    hostile.empty_chunk(path, "x")
    with pytest.raises(DataError, match="/x: "), hdf5.reading(path, path) as root:
        hdf5.array(root, "x", "i", 1)


def test_chunks_in_one_place(tmp_path):
    assert "overlap" in refused(hostile.chunks_in_one_place(tmp_path / "x.h5"))


def test_a_stream_that_swells_beyond_its_chunk():
    stream = made(
        lambda file: file.create_dataset(
            "x", data=np.zeros(1 << 16), chunks=(1 << 16,), compression="gzip"
        )
    )
    with h5py.File(stream) as file:
        chunk = file["x"].id.get_chunk_info(0)
    bomb = zlib.compress(b"\0" * (1 << 19) + b"\0" * 60_000, 9)[: chunk.size].ljust(
        chunk.size, b"\0"
    )
    content = stream.getvalue()
    content = content[: chunk.byte_offset] + bomb + content[chunk.byte_offset + chunk.size :]
    with pytest.raises(DataError, match="larger than it declares"):
        open_root(io.BytesIO(content))["x"].read()


@pytest.mark.parametrize("version", ["v108", "latest"])
def test_newer_forms_are_told_by_the_library_in_another_process(tmp_path, version):
    path = tmp_path / "new.h5"
    with h5py.File(path, "w", libver=(version, "latest")) as file:
        file.create_dataset("values", data=np.arange(12.0).reshape(3, 4), chunks=(1, 4)).attrs[
            "units"
        ] = "mV"
        file.create_group("empty\x1b[31m").attrs["note"] = "two\nlines"
        file["away"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(Unusual), hdf5.reading(path, path):
        pass
    lines = hdf5.tree(path)
    assert "  values  float64[3, 4] [mV]" in lines
    assert any("link, not followed" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_the_other_process_has_limits(tmp_path, monkeypatch):
    path = tmp_path / "new.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["x"] = np.arange(3)
    program = tmp_path / "slow.py"
    for text in (
        "while True: pass",
        "import os; os.abort()",
        "print('[1')",
        "import sys; sys.exit(3)",
    ):
        program.write_text(text)
        monkeypatch.setattr(hdf5_tree, "__file__", str(program))
        monkeypatch.setattr(hdf5, "MOST_SECONDS", 2)
        assert "the HDF5 library cannot read it" in refused(path)


def test_texts_that_are_written_have_a_fixed_length():
    def fill(file):
        for k, text in enumerate(("", "V", "µV", "x" * 1000)):
            hdf5.put(file, f"t{k}", text)

    content = bytes(hdf5.image(fill))
    assert b"GCOL" not in content
    root = open_root(io.BytesIO(content))
    assert [hdf5.attribute(root, f"t{k}", str) for k in range(4)] == ["", "V", "µV", "x" * 1000]
    with h5py.File(io.BytesIO(content)) as file:
        assert file.attrs["t2"].decode() == "µV"
