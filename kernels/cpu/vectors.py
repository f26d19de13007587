"""Eight doubles as one value: a register where the processor has AVX-512, several where it has not.

The compiler turns loops over arrays into such code only while it can prove that no two of them
overlap, which it cannot for ten arrays, and never along a recurrence. Sweeps over ladders of
resistors need both, so they say it. Arrays are C-contiguous and are indexed by the place of an
entry in memory.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

WIDTH = 8
_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)
_FAST = ("contract", "reassoc")  # fused multiply-add; sums in any order


class _Vector(types.Type):
    def __init__(self):
        super().__init__("vector8")


vector = _Vector()


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _pointer(context, builder, kind, array, index):
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@intrinsic
def load(typing, array, index):
    """The eight entries from `index` on."""

    def generate(context, builder, signature, arguments):
        return builder.load(_pointer(context, builder, signature.args[0], *arguments), align=8)

    return vector(array, types.intp), generate


@intrinsic
def store(typing, array, index, value):
    """Write `value` to the eight entries from `index` on."""

    def generate(context, builder, signature, arguments):
        array, index, value = arguments
        builder.store(value, _pointer(context, builder, signature.args[0], array, index), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic
def splat(typing, number):
    """The same number eight times."""

    def generate(context, builder, signature, arguments):
        one = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.Constant(ir.IntType(32), 0)
        )
        return builder.shuffle_vector(
            one, one, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        )

    return vector(types.float64), generate


@intrinsic
def plus(typing, a, b):
    """a + b."""
    return vector(vector, vector), lambda context, builder, signature, given: builder.fadd(
        *given, flags=_FAST
    )


@intrinsic
def times(typing, a, b):
    """a b."""
    return vector(vector, vector), lambda context, builder, signature, given: builder.fmul(
        *given, flags=_FAST
    )


@intrinsic
def over(typing, a, b):
    """a / b."""
    return vector(vector, vector), lambda context, builder, signature, given: builder.fdiv(*given)


@intrinsic
def fused(typing, a, b, c):
    """a b + c."""

    def generate(context, builder, signature, given):
        return builder.fadd(builder.fmul(given[0], given[1], flags=_FAST), given[2], flags=_FAST)

    return vector(vector, vector, vector), generate


@intrinsic
def total(typing, value):
    """The sum of all eight."""

    def generate(context, builder, signature, given):
        width, value = WIDTH, given[0]
        while width > 1:  # halves upon halves
            width //= 2
            mask = [(k + width) % WIDTH for k in range(WIDTH)]
            turned = builder.shuffle_vector(
                value, value, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), mask)
            )
            value = builder.fadd(value, turned, flags=_FAST)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return types.float64(vector), generate


@intrinsic
def turn(typing, source, begin, stride, target, target_begin, target_stride):
    """Transpose eight by eight.

    target[target_begin + k target_stride + m] := source[begin + m stride + k].
    """
    numbers = (types.intp, types.intp)

    def generate(context, builder, signature, given):
        def place(which, k):
            step = builder.mul(given[which + 2], ir.Constant(ir.IntType(64), k))
            return _pointer(
                context,
                builder,
                signature.args[which],
                given[which],
                builder.add(given[which + 1], step),
            )

        rows = [builder.load(place(0, k), align=8) for k in range(WIDTH)]
        for _ in range(3):  # perfect shuffles of the rows
            half = WIDTH // 2
            rows = [
                builder.shuffle_vector(rows[k // 2], rows[k // 2 + half], _riffle(k % 2))
                for k in range(WIDTH)
            ]
        for k in range(WIDTH):
            builder.store(rows[k], place(3, k), align=8)
        return context.get_dummy_value()

    return types.void(source, *numbers, target, *numbers), generate


def _riffle(high):
    """The mask that takes the low, or high, halves of two vectors in turns."""
    first = high * WIDTH // 2
    mask = [first + k // 2 + (k % 2) * WIDTH for k in range(WIDTH)]
    return ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), mask)
