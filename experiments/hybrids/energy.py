"""What layers of numbers take in digital memory."""

from __future__ import annotations

from typing import Final

from potentia.experiments.hybrids.design import KERNEL, Design, convolved
from potentia.hardware import digital_joules

MULTIPLY: Final = 3.7e-12  # [J] of 32-bit floating-point numbers, Horowitz 2014, 45 nm


def products(name: str, count: float, n_weights: int) -> float:
    """`count` products with weights of a memory that holds `n_weights`, all added [J].

    Each reads a weight, multiplies and adds. What the numbers themselves take to be read and
    written is not counted.
    """
    return digital_joules(name, count, n_weights).joules + MULTIPLY * count


def around(design: Design, size: tuple[int, int], n_classes: int) -> dict[str, float]:
    """The front end and the readout for one image [J]."""
    kernels, out = design.channels * KERNEL**2, design.neurons * n_classes
    places = convolved(size[0]) * convolved(size[1])
    return {
        "front end": products("front end", kernels * places, kernels),
        "readout": products("readout", out, out),
    }


def rectified_core(design: Design, size: tuple[int, int]) -> float:
    """A core of rectified units for one image [J]."""
    count = design.features(size) * design.neurons
    return products("core", count, count)
