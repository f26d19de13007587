"""What somebody may do to a file of results with the HDF5 library: each function changes an open
file.
"""

import h5py
import numpy as np


def external_link(file):
    file["spikes/exc/evil"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file):
    file["spikes/exc/evil"] = h5py.SoftLink("/meta")


def dangling_link(file):
    file["evil"] = h5py.SoftLink("/nowhere")


def link_circle(file):
    file["spikes/exc/evil"] = file["spikes"]


def same_dataset_twice(file):
    file["spikes/evil"] = file["spikes/exc/timestamps"]


def virtual_dataset(file):
    layout = h5py.VirtualLayout((10,), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (10,))
    del file["spikes/exc/timestamps"]
    file["spikes/exc"].create_virtual_dataset("timestamps", layout)


def external_storage(file):
    del file["spikes/exc/timestamps"]
    file["spikes/exc"].create_dataset("timestamps", (10,), "f8", external=[("/etc/passwd", 0, 80)])


def never_written(file):
    del file["report/exc.v/data"]
    file["report/exc.v"].create_dataset(
        "data", (100_000_000, 2), "f4", chunks=(1000, 2), compression="gzip"
    )


def beyond_memory(file):
    file.create_dataset("evil", (1 << 40, 1 << 10), "f8", chunks=(1000, 100))


def deep(file):
    file.create_group("/".join("a" * 20))


def object_references(file):
    file.create_dataset("evil", (2,), h5py.ref_dtype)


def ragged(file):
    file.create_dataset("evil", (2,), h5py.vlen_dtype(np.int32))


def compound(file):
    file.create_dataset("evil", (2,), [("a", "i4"), ("b", "f8")])


def object_attribute(file):
    file.attrs.create("evil", file.ref, dtype=h5py.ref_dtype)


def unknown_filter(file):
    file.create_dataset("evil", data=np.arange(100), compression="lzf")


def named_type(file):
    file["evil"] = np.dtype("f8")


def newer(file):
    file["meta"].attrs["schema"] = 2


def without_schema(file):
    del file["meta"].attrs["schema"]


def schema_of_another_kind(file):
    file["meta"].attrs["schema"] = "one"


def another_hash(file):
    file["meta"].attrs["hash"] = "0" * 32


def another_time(file):
    file["spikes/exc/timestamps"][0] += 1e-9


def ids_too_large(file):
    file["spikes/exc/node_ids"][0] = 30


def ids_beyond_int64(file):
    file["spikes/exc/node_ids"][0] = 2**64 - 1


def fewer_ids(file):
    del file["spikes/exc/node_ids"]
    file["spikes/exc/node_ids"] = np.zeros(3, np.uint64)


def group_for_dataset(file):
    del file["spikes/exc/node_ids"]
    file["spikes/exc"].create_group("node_ids")


def dataset_for_group(file):
    del file["spikes"]
    file["spikes"] = np.arange(3)


def no_tallies(file):
    del file["tallies"]


def no_json(file):
    del file["meta/json"]


def broken_json(file):
    del file["meta/json"]
    file["meta"].create_dataset("json", data=np.bytes_(b"{"))


def another_sorting(file):
    kind = h5py.enum_dtype({"none": 2, "by_id": 1, "by_time": 0}, basetype=np.uint8)
    file["spikes/exc"].attrs.create("sorting", 2, dtype=kind)


def unsorted(file):
    file["spikes/exc"].attrs.modify("sorting", 0)


def another_interval(file):
    file["report/exc.v/mapping/time"][2] *= 2


def no_interval(file):
    file["report/exc.v/mapping/time"][2] = np.nan


def other_pointers(file):
    file["report/exc.v/mapping/index_pointers"][1] = 2


def other_elements(file):
    file["report/exc.v/mapping/element_ids"][0] = 1


def other_units_of_time(file):
    file["spikes/exc/timestamps"].attrs["units"] = np.bytes_("ms")


def other_units_of_frames(file):
    file["report/exc.v/mapping/time"].attrs["units"] = np.bytes_("ms")


def no_units_of_a_trace(file):
    del file["report/exc.v/data"].attrs["units"]


def units_of_ids(file):
    file["spikes/inh/node_ids"].attrs["units"] = np.bytes_("s")


def another_magic(file):
    file.attrs["magic"] = np.uint32(1)


ATTACKS = [
    another_sorting,
    unsorted,
    another_interval,
    no_interval,
    other_pointers,
    other_elements,
    other_units_of_time,
    other_units_of_frames,
    no_units_of_a_trace,
    units_of_ids,
    another_magic,
    external_link,
    soft_link,
    dangling_link,
    link_circle,
    same_dataset_twice,
    virtual_dataset,
    external_storage,
    never_written,
    beyond_memory,
    deep,
    object_references,
    ragged,
    compound,
    object_attribute,
    unknown_filter,
    named_type,
    newer,
    without_schema,
    schema_of_another_kind,
    another_hash,
    another_time,
    ids_too_large,
    ids_beyond_int64,
    fewer_ids,
    group_for_dataset,
    dataset_for_group,
    no_tallies,
    no_json,
    broken_json,
]
