"""What stands between two layers of neurons: weights and biases, which make currents of spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...sim import AllToAll, Connectivity, Conv2d, FromSparse, OneToOne, SumPool2d
from ...sim import validation as check

Numbers = NDArray[np.float64]
Shape = tuple[int, ...]
OWNER: Final = "from_snntorch"


@dataclass(frozen=True, eq=False)
class Affine:
    """Synapses from one layer to the next, with a constant current.

    weight: as for `Network.connect`; bias (n_post,), None without one; output_shape: of the layer
    that is reached; names: of the layers that this was made of.
    """

    connectivity: Connectivity
    weight: Any
    bias: Numbers | None
    n_pre: int
    output_shape: Shape
    names: tuple[str, ...] = ()

    @property
    def n_post(self) -> int:
        return math.prod(self.output_shape)

    def matrix(self) -> Any:
        """The weights (n_pre, n_post), sparse."""
        from scipy.sparse import csr_array

        edges = self.connectivity.edges(self.n_pre, self.n_post, 0, recurrent=False)
        weights = np.ones(len(edges)) if edges.weights is None else edges.weights
        weights = weights if self.weight is None else weights * self.weight
        return csr_array((weights, (edges.sources, edges.targets)), shape=(self.n_pre, self.n_post))

    def then(self, other: Affine) -> Affine:
        """This and another one behind it, as one."""
        matrix = other.matrix()
        bias = None if self.bias is None else self.bias @ matrix
        if other.bias is not None:
            bias = other.bias if bias is None else bias + other.bias
        product = FromSparse(self.matrix() @ matrix)
        names = self.names + other.names
        return Affine(product, None, bias, self.n_pre, other.output_shape, names)

    def scaled(self, factor: float) -> Affine:
        """The same for sources whose spikes count `factor` times."""
        if factor == 1.0:
            return self
        weight: Any = factor if self.weight is None else np.asarray(self.weight) * factor
        connectivity = self.connectivity
        if isinstance(connectivity, FromSparse):
            weight = None
            connectivity = FromSparse(connectivity.matrix * factor)
        return replace(self, connectivity=connectivity, weight=weight)


def one_to_one(shape: Shape, weight: Any = 1.0, name: str = "") -> Affine:
    """Every unit to the unit of its own index."""
    n = math.prod(shape)
    return Affine(OneToOne(), weight, None, n, shape, (name,) if name else ())


def numbers(tensor: Any) -> Numbers:
    """A tensor as float64, apart from its graph and device.

    Raises ParameterError for one that holds no numbers, or complex ones.
    """
    if tensor.is_complex() or tensor.is_meta:
        rule = "must be real numbers in memory, not complex and not on the device 'meta'"
        raise check.fail("tensor", "dtype", rule, f"{tensor.dtype} on {tensor.device}")
    return np.asarray(tensor.detach().cpu().double().numpy(), np.float64)


def linear(module: Any, name: str, shape: Shape) -> Affine:
    """torch.nn.Linear onto `shape`, which must be flat."""
    weight = check.finite_array("Linear", "weight", numbers(module.weight))
    if len(shape) != 1 or shape[0] != weight.shape[1]:
        rule = f"{name!r} takes {weight.shape[1]} features; put a Flatten in front of it, or check input_shape"
        raise check.fail(OWNER, "module", rule, f"shape {shape}")
    bias = _bias(module)
    return Affine(AllToAll(), weight.T.ravel(), bias, shape[0], weight.shape[:1], (name,))


def conv2d(module: Any, name: str, shape: Shape) -> Affine:
    """torch.nn.Conv2d onto an image of `shape`."""
    if module.padding_mode != "zeros":
        rule = f"{name!r} must have padding_mode='zeros'"
        raise check.fail(OWNER, "module", rule, module.padding_mode)
    _image(name, shape, module.in_channels)
    connectivity = Conv2d(
        numbers(module.weight),
        input_shape=(shape[0], shape[1], shape[2]),
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        groups=module.groups,
    )
    output = connectivity.output_shape
    bias = _bias(module)
    bias = None if bias is None else np.repeat(bias, output[1] * output[2])
    return Affine(connectivity, None, bias, math.prod(shape), output, (name,))


def _bias(module: Any) -> Numbers | None:
    """What a layer of weights adds, if anything."""
    if module.bias is None:
        return None
    return check.finite_array(type(module).__name__, "bias", numbers(module.bias))


def average(module: Any, name: str, shape: Shape) -> Affine:
    """torch.nn.AvgPool2d onto an image of `shape`."""
    pool = window(module, name, shape)
    rows, columns = pool.size if isinstance(pool.size, tuple) else (pool.size, pool.size)
    if module.padding not in (0, (0, 0)) and not module.count_include_pad:
        rule = f"{name!r} must count the zeros of its padding, for its windows differ in size else"
        raise check.fail(OWNER, "module", rule, "count_include_pad=False")
    weight = 1 / (module.divisor_override or rows * columns)
    return Affine(pool, weight, None, math.prod(shape), pool.output_shape, (name,))


def window(module: Any, name: str, shape: Shape) -> SumPool2d:
    """The windows of a pooling, of MaxPool2d or AvgPool2d."""
    _image(name, shape)
    if module.ceil_mode or getattr(module, "dilation", 1) not in (1, (1, 1)):
        rule = f"{name!r} must be a pooling with ceil_mode=False and dilation 1"
        raise check.fail(OWNER, "module", rule, str(module))
    return SumPool2d(
        module.kernel_size,
        input_shape=(shape[0], shape[1], shape[2]),
        stride=module.stride,
        padding=module.padding,
    )


def _image(name: str, shape: Shape, channels: int | None = None) -> None:
    """Refuse a shape that is no image (C, H, W), or one of other channels."""
    if len(shape) != 3 or channels not in (None, shape[0]):
        wanted = f"({'C' if channels is None else channels}, H, W)"
        rule = f"{name!r} takes an image {wanted}; give input_shape={wanted}, or an Unflatten"
        raise check.fail(OWNER, "module", rule, f"shape {shape}")
