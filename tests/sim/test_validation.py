"""The door: whatever a user hands over becomes a plain value, or one sentence; nothing is lost
without a word.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from potentia.errors import LONGEST, CapacityError, ParameterError, PotentiaError
from potentia.sim import validation as check

torch = pytest.importorskip("torch")


class Rude:
    """An object that helps nobody who asks what it is."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __float__ = __int__ = __index__ = __len__ = __iter__ = __array__ = __repr__


NUMBERS = [
    3,
    3.0,
    np.int8(3),
    np.float16(3),
    np.longdouble(3),
    np.uint64(3),
    np.array(3),
    np.array(3.0),
    Fraction(3),
    Decimal("3.0"),
    torch.tensor(3),
    torch.tensor(3.0, requires_grad=True),
    torch.tensor(3.0, dtype=torch.bfloat16),
    np.array(3.0, ">f8"),
    np.ma.array(3.0),
]
NO_NUMBERS = [
    None,
    True,
    np.True_,
    "10 mV",
    "3",
    b"3",
    3j,
    np.complex64(3),
    np.timedelta64(3, "s"),
    np.datetime64("2020"),
    math.nan,
    -math.inf,
    np.float32("nan"),
    10**400,
    -(10**5000),
    Fraction(10**400),
    Decimal("NaN"),
    Decimal("sNaN"),
    np.longdouble("1e4000"),
    np.ma.masked,
    np.array(True),
    np.array("3"),
    np.array(3j),
    [3],
    (3,),
    {3},
    {"a": 3},
    np.array([3.0]),
    torch.tensor([3.0]),
    torch.tensor(True),
    torch.tensor(3j),
    torch.tensor(3.0, device="meta"),
    object(),
    Rude(),
    float,
    (x for x in [3]),
    slice(3),
    np.dtype(float),
    lambda: 3,
    ...,
    NotImplemented,
]


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_numbers_of_any_library_are_numbers(value):
    number = check.real("Owner", "field", value)
    assert type(number) is float
    assert number == 3.0
    assert check.per_unit("Owner", "field", value, above=0.0) == 3.0


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("ask", [check.real, check.within, check.per_unit, check.whole])
def test_all_else_is_one_sentence(ask, value):
    if (
        ask is check.per_unit
        and isinstance(value, (list, tuple, np.ndarray, torch.Tensor))
        and np.ndim(value)
    ):
        pytest.skip("an array is one number per unit")
    if ask is check.whole and isinstance(value, int) and not isinstance(value, bool):
        assert ask("Owner", "field", abs(value)) == abs(value)
        return
    with pytest.raises(ParameterError, match=r"^Owner\.field: must be .* \(got .*\)$") as caught:
        ask("Owner", "field", value)
    message = str(caught.value)
    assert len(message) < 250
    assert message.isprintable()


def test_negative_zero_is_zero():
    assert math.copysign(1.0, check.within("Owner", "field", -0.0, least=0.0)) == 1.0
    assert math.copysign(1.0, check.per_unit("Owner", "field", np.float32(-0.0))) == 1.0
    assert np.copysign(1.0, check.finite_array("Owner", "field", [-0.0, 0.0])).tolist() == [
        1.0,
        1.0,
    ]


ARRAYS = [
    [1, 2],
    (1.0, 2.0),
    range(1, 3),
    np.array([1, 2], ">i2"),
    np.array([1, 9, 2, 9])[::2],
    np.float16([1, 2]),
    np.longdouble([1, 2]),
    torch.tensor([1, 2]),
    torch.tensor([1.0, 2.0], requires_grad=True),
    np.ma.array([1, 2]),
    torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
    [Fraction(1), 2],
    [Decimal(1), 2.0],
    [np.array(1), np.array(2)],
    np.broadcast_to(np.array([1, 2]), (2, 2))[0],
    np.array([2, 1])[::-1],
    torch.tensor([[1.0, 2.0]])[0],
]
NO_ARRAYS = [
    None,
    "12",
    b"12",
    [1, "2"],
    ["1", "2"],
    [[1], [2, 3]],
    [1, None],
    [1, 2j],
    [True, False],
    {1, 2},
    {1: 2},
    iter([1, 2]),
    (x for x in (1, 2)),
    np.ma.array([1, 2], mask=[0, 1]),
    np.array([1, 2], object),
    np.array([1j, 2]),
    np.zeros(2, "f4,f4"),
    np.array(["1", "2"]),
    np.zeros(2, "m8[s]"),
    np.zeros(2, "M8[s]"),
    torch.tensor([1j, 2]),
    torch.ones(2).to_sparse(),
    torch.ones(2, device="meta"),
    range(10**30),
    range(2**40),
    [math.nan, 1.0],
    [1.0, -math.inf],
    [10**400, 1],
    np.longdouble(["1e4000", "1"]),
    object(),
    Rude(),
    [Rude(), 1],
    np.bool_([1, 0]),
    memoryview(b"12").cast("c"),
    [range(3), [1]],
]


@pytest.mark.parametrize("values", ARRAYS, ids=lambda value: type(value).__name__)
def test_arrays_of_any_library_are_arrays_of_their_own(values):
    for ask in (check.finite_array, check.per_unit):
        array = ask("Owner", "field", values)
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert array.tolist() == [1.0, 2.0]
        assert not isinstance(values, np.ndarray) or not np.shares_memory(array, values)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("values", NO_ARRAYS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("ask", [check.finite_array, check.per_unit, check.index_array])
def test_what_is_no_array_is_one_sentence(ask, values):
    with pytest.raises(PotentiaError, match=r"^Owner\.field: .* \(got .*\)$") as caught:
        ask("Owner", "field", values)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


def test_indices_never_wrap():
    for values in ([2**63], np.array([2**64 - 1], np.uint64), [-1], [2**70]):
        with pytest.raises(ParameterError, match=r"Owner\.field"):
            check.index_array("Owner", "field", values)
    assert check.index_array("Owner", "field", np.array([2**63 - 1], np.uint64)).tolist() == [
        2**63 - 1
    ]


def test_what_fits_into_no_memory_is_a_capacity():
    with pytest.raises(
        CapacityError, match=r"Owner\.field: does not fit into memory \(got \(1000000000000000,\)\)"
    ):
        check.finite_array("Owner", "field", np.broadcast_to(0.0, (10**15,)))


@pytest.mark.parametrize(
    "value",
    [
        "line\nbreak",
        "\x1b[31mred",
        "\u202eright",
        "x" * 10**6,
        b"\n" * 300,
        10**6000,
        ["\n"] * 10,
        list(range(10**6)),
        np.zeros((30, 30)),
        Rude(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_message_is_one_printable_line(value):
    message = str(check.fail("Owner", "field", "must be good", value))
    assert message.isprintable()
    assert len(message) < 130
    assert (
        len(str(ParameterError(f"{value!s:.5000}" if not isinstance(value, (Rude, int)) else "x")))
        <= LONGEST
    )


@pytest.mark.parametrize(
    "kind", [np.float16, np.float32, np.float64, float, np.array, torch.tensor]
)
@pytest.mark.parametrize("count", [1, 3, 7, 1234])
def test_times_in_single_precision_are_on_the_grid(kind, count):
    """A time counts as the multiple of dt that its own format rounds to it."""
    for dt in (1e-3, 2.5e-3):
        given = kind(count * dt) if count * dt < 1 or kind is not np.float16 else float(count * dt)
        assert check.steps("Owner", "field", given, dt) == count
        assert check.steps("Owner", "field", float(np.float32(count * dt)), dt) == count
        for off in (0.3, -0.3):
            with pytest.raises(ParameterError, match="must be a multiple"):
                check.steps("Owner", "field", np.float32((count + off) * dt), dt)


def test_a_time_off_the_grid_is_told_from_the_nearest_one():
    with pytest.raises(
        ParameterError, match=r"multiple of dt = 0\.0001 s; the nearest is 1 s \(got 1\.00003\)"
    ):
        check.steps("Owner", "field", 1.00003, 1e-4)
    with pytest.raises(ParameterError, match=r"the nearest is 1\.0000033333 s"):
        check.steps("Owner", "field", 1.0000044, 1.0000033333 / 7)
    with pytest.raises(ParameterError, match=r"at most .* steps of dt \(got 1e\+300\)"):
        check.steps("Owner", "field", 1e300, 1e-4)


def test_a_step_in_single_precision_is_the_decimal_that_was_meant():
    assert check.seconds("Owner", "dt", np.float32(1e-4), above=0.0) == 1e-4
    assert check.seconds("Owner", "dt", np.float16(0.1), above=0.0) == 0.1
    assert check.seconds("Owner", "dt", 1e-4 + 1e-14, above=0.0) == 1e-4 + 1e-14


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["folder"] * 1000)])
def test_paths_that_no_system_holds_are_refused(name):
    with pytest.raises(
        ParameterError,
        match=r"^Result.load path: must be a path with names that the system can hold",
    ):
        check.path("Result", "load path", name)


def test_texts_choices_paths_flags_and_dictionaries():
    assert type(check.one_of("Owner", "field", np.str_("a"), ["a", "b"])) is str
    assert check.path("Owner", "field", Path("a") / "b") == Path("a/b")
    assert check.path("Owner", "field", np.str_("a")) == Path("a")
    assert check.flag("Owner", "field", np.True_) is True
    assert check.mapping("Owner", "field", {"a": 1}, "{}") == {"a": 1}
    for bad in (
        np.array(["a", "b"]),
        np.array("a"),
        None,
        3,
        ["a"],
        {"a": 1},
        Rude(),
        b"a",
        "\0",
        "a" * 10**6,
    ):
        with pytest.raises(ParameterError, match=r"^Owner\.field: .*$"):
            check.one_of("Owner", "field", bad, ["a", "b"])
    for bad in (None, True, 3, "", b"a", "a\0b", "\ud800", ["a"], Rude(), np.array("a")):
        with pytest.raises(ParameterError, match=r"Owner\.field: must be a path"):
            check.path("Owner", "field", bad)
    for bad in (1, 0, "no", None, np.array(True), [], Rude()):
        with pytest.raises(ParameterError, match=r"Owner\.field: must be True or False"):
            check.flag("Owner", "field", bad)
    for bad in (None, 3, [("a", 1)], "a", Rude()):
        with pytest.raises(ParameterError, match=r"Owner\.field: must be a dict"):
            check.mapping("Owner", "field", bad, "{}")
