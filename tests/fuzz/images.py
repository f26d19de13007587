"""Units that are pixels, added to a random network: convolutions and poolings of what is there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from potentia.learning import STDP
from potentia.sim import Conv1d, Conv2d, Ideal, SumPool2d
from potentia.sim.description.convolution import Sliding

from .case import Case, Look, Units, Wiring
from .dice import Dice
from .wirings import Wirer

KINDS: tuple[type[Sliding], ...] = (Conv1d, Conv2d, SumPool2d)


def imaged(case: Case, dice: Dice) -> Case:
    """The case with one or two populations of pixels, behind kernels that slide over others."""
    for name in ("image", "pooled")[: dice.whole(1, 2)]:
        pre = dice.pick(case.populations)
        graded = pre.model.sends is not None
        models = [
            part.model
            for part in case.populations
            if not _per_unit(part) and not (graded and "arrived" in part.model.receptors)
        ]
        if not models:
            return case
        post = Units(name, dice.pick(models), 1)
        wiring = _wiring(dice, case, pre, post)
        pixels: Any = wiring.connectivity
        case = replace(
            case,
            populations=(*case.populations, replace(post, n=pixels.convolution.n_post)),
            projections=(*case.projections, wiring),
            probes=(*case.probes, Look(name, "spikes")),
        )
    return case


def _per_unit(part: Units) -> bool:
    """Whether a population's model has parameters for as many units as it has."""
    return any(getattr(value, "ndim", 0) for value in vars(part.model).values())


def _wiring(dice: Dice, case: Case, pre: Units, post: Units) -> Wiring:
    event, graded = case.engine == "event", pre.model.sends is not None
    wirer = Wirer(dice, pre, post, f"to_{post.name}", case.network_seed)
    wirer.receptor = None if graded else wirer.receptor
    if wirer.low < 0 < wirer.high and wirer.receptor is None and len(post.model.receptors) > 1:
        wirer.low = 0.0
    pixels = sliding(dice, wirer, dice.pick(KINDS))
    n = pixels.convolution.n
    pools = isinstance(pixels, SumPool2d)
    weight = wirer._weight(n) if pools and dice.chance(0.7) else dice.pick([None, 0.5, 1.0])
    store = dice.pick([None, None, Ideal(), Ideal(bits=dice.pick([1, 4, 8]))])
    rule = None
    if store is None and not graded and dice.chance(0.3):
        least, most = min(2 * wirer.low, 0.0), max(2 * abs(wirer.high), 1.0)
        rule = STDP(w_min=least, w_max=most)
    delay = wirer._delay(case.grid, n, event=event)
    return wirer._made(pixels, weight, delay, store, rule)


def sliding(dice: Dice, wirer: Wirer, kind: type[Sliding]) -> Any:
    """A random convolution or pooling over images of the source's units."""
    channels, rows, columns = _image(dice, wirer.pre.n)
    image = (rows * columns,) if kind is Conv1d else (rows, columns)
    size, how = _window(dice, image, dilates=kind is not SumPool2d)
    if kind is SumPool2d:
        how |= {"stride": None} if dice.chance(0.3) else {}
        return SumPool2d(size, input_shape=(channels, *image), **how)
    groups = dice.pick(_divisors(channels))
    shape = (groups * dice.whole(1, 3), channels // groups, *size)
    kernel = wirer._numbers(math.prod(shape)).reshape(shape)
    if kind is Conv1d:
        how = {name: value[0] if isinstance(value, tuple) else value for name, value in how.items()}
    return kind(kernel, input_shape=(channels, *image), groups=groups, **how)  # type: ignore[call-arg]


def _window(dice: Dice, image: tuple[int, ...], *, dilates: bool) -> tuple[Any, dict[str, Any]]:
    """The size of a window that fits into an image, and how it slides."""
    chosen = []
    for extent in image:
        padding, dilation = dice.pick([0, 0, 1, 2]), dice.pick([1, 1, 2, 3]) if dilates else 1
        most = (extent + 2 * padding - 1) // dilation + 1
        size = min(dice.pick([1, 2, 3, 3, extent]), most)
        chosen.append((size, dice.pick([1, 1, 2, 3]), padding, dilation))
    size, stride, padding, dilation = zip(*chosen, strict=True)
    how: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    named = dice.pick(["valid", "same"]) if dice.chance(0.2) else None
    fits = all(
        (k - 1) * step < extent for k, step, extent in zip(size, dilation, image, strict=True)
    )
    if named == "same":
        how = {"padding": "same", "stride": 1, "dilation": dilation}
    elif named == "valid" and fits:
        how["padding"] = "valid"
    if not dilates:
        del how["dilation"]
    return size, how


def _image(dice: Dice, n: int) -> tuple[int, int, int]:
    """Channels, rows and columns of so many pixels."""
    channels = dice.pick(_divisors(n))
    rows = dice.pick(_divisors(n // channels))
    return channels, rows, n // channels // rows


def _divisors(n: int) -> list[int]:
    return [k for k in range(1, n + 1) if n % k == 0]
