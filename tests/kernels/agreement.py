"""Whether the kernels of a room leave what the reference leaves, step by step."""

from __future__ import annotations

import numpy as np

from potentia.kernels.backend import TENSORS, Call, Clockwork
from potentia.sim.operators.operator import parameters
from potentia.tests.kernels.on_tensors import load

N, STEPS = 12, 40
KEY = np.uint64(0x0123456789ABCDEF)


def zeros(n, dtype="float64"):
    return np.zeros(n, dtype)


def run(name, kernel, given, dtype="float64", each=lambda step, arguments: None):
    """Copies of all arrays after every step of a kernel on a backend; `each` prepares a step's
    arrays.
    """
    room = load(name)
    given = {key: value for key, value in given.items() if key in parameters(room.kernel(kernel))}
    arguments = {
        key: value.copy() if isinstance(value, np.ndarray) else value
        for key, value in given.items()
    }
    clockwork = Clockwork(zeros(1, "int64"), zeros(1, "int64"), zeros(8, "uint8"), 1 << 40)
    program = room.program([Call(room.kernel(kernel), arguments, None)], clockwork, dtype)
    seen = []
    for step in range(STEPS):
        each(step, arguments)
        getattr(program, "upload", lambda: None)()
        program.advance(step, step + 1)
        program.collect()
        arrays = {key: value for key, value in arguments.items() if isinstance(value, np.ndarray)}
        seen.append({key: value.copy() for key, value in arrays.items()})
    return seen


WORKING = {
    "pending",
    "drawn",
    "until",
    "met",
    "line",
}  # arrays in which a kernel works but leaves nothing


def assert_agrees(room, kernel, given, tolerance=0.0, *, aside=frozenset(), **options):
    """A room leaves what the reference leaves after every step, floats to a tolerance; returns the
    reference's. aside: arrays that a device keeps otherwise.
    """
    here, reference = (run(name, kernel, given, **options) for name in (room, "reference"))
    # a device runs every step, and stops its clock; tensors have no clock
    ignored = WORKING | ({"upcoming", "pause", *aside} if room in ("gpu", TENSORS) else set())
    for step, (own, expected) in enumerate(zip(here, reference, strict=True)):
        for key in own.keys() - ignored:
            what = f"{kernel}: {key} after step {step}"
            if tolerance and own[key].dtype.kind == "f":
                np.testing.assert_allclose(
                    own[key], expected[key], rtol=tolerance, atol=tolerance, err_msg=what
                )
            else:
                np.testing.assert_array_equal(own[key], expected[key], err_msg=what)
    return reference


def rounding(room, dtype):
    """The tolerance of a sum of a few hundred weights: the threads of a device add them in any
    order, tensors in that of the sources.
    """
    return 100 * np.finfo(dtype).eps if room in ("gpu", TENSORS) else 0.0


WAKING = {"drowsy": zeros(1, "int64"), "place": 0, "woken": zeros(1, "uint8")}
