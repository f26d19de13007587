"""Random stores of devices: every device, law, fault and noise, wires, tiles and converters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from potentia.hardware import (
    ADC,
    BreakdownReRAM,
    Crossbar,
    Device,
    Endurance,
    Flicker,
    Law,
    Logarithm,
    LogarithmicRelaxation,
    Measured,
    MultilevelCell,
    Pieces,
    Polynomial,
    Power,
    PowerDrift,
    PulsedReRAM,
    StuckAt,
    Telegraph,
    Tile,
    Widening,
    Wires,
)
from potentia.hardware.devices import presets

from .dice import Dice

MICRO = 1e-6


def crossbar(dice: Dice, *, learns: bool, random_signs: bool) -> Crossbar:
    """A random crossbar; learns: for pulses; random_signs: weights may become signed at random."""
    cell = device(dice)
    both = random_signs and not cell.graded and dice.chance(0.5)
    return dice.made(
        Crossbar,
        0.35,
        device=lambda: cell,
        adc=lambda: adc(dice),
        activity=lambda: dice.number(0.05, 1.0),
        read_voltage=lambda: dice.number(0.1, 0.3),
        read_time=lambda: dice.number(20e-9, 200e-9),
        pairs=lambda: "both" if both else "one",
        age=lambda: dice.pick([0.0, 1.0, 30.0, 1e5]),
        wires=lambda: None if learns else wires(dice),
        tile=lambda: Tile(rows=dice.whole(1, 6), columns=dice.whole(1, 6)),
    )


def adc(dice: Dice) -> ADC | None:
    if dice.chance(0.3):
        return None
    return dice.made(
        ADC,
        0.35,
        bits=lambda: dice.whole(1, 10),
        range=lambda: dice.number(1e-6, 20e-6),
        signed=lambda: False,
        offset=lambda: 0.3,
        gain=lambda: 0.02,
        dnl=lambda: 0.2,
        inl=lambda: 0.3,
        conversion_time=lambda: 1e-8,
        columns_per_adc=lambda: dice.whole(1, 4),
    )


def wires(dice: Dice) -> Wires:
    ends = ["single", "double"]
    return dice.made(
        Wires,
        r_word=lambda: dice.pick([0.0, 1.0, 200.0]),
        r_bit=lambda: dice.pick([0.0, 2.0, 200.0]),
        r_source=lambda: 50.0,
        r_sense=lambda: 20.0,
        driven=lambda: dice.pick(ends),
        grounded=lambda: dice.pick(ends),
    )


def device(dice: Dice) -> Device:
    """A device of any class, or one that was published."""
    if dice.chance(0.3):
        return presets.get(dice.pick(sorted(presets.NAMES)))
    kind = dice.pick([BreakdownReRAM, PulsedReRAM, MultilevelCell])
    shared: dict[str, Callable[[], Any]] = {
        "levels": lambda: dice.whole(1, 200),
        "nonlinearity_up": lambda: dice.number(0.0, 4.0),
        "nonlinearity_down": lambda: dice.number(0.0, 4.0),
        "cycle_noise": lambda: dice.number(0.0, 0.05),
        "read_noise": lambda: dice.number(0.0, 0.05),
        "faults": lambda: dice.made(StuckAt, low=lambda: 0.1, high=lambda: 0.05),
        "endurance": lambda: Endurance(cycles=1e3, shape=2.0, fails_to=dice.pick(["rest", "full"])),
        "ageing": lambda: tuple(ageing(dice) for _ in range(dice.whole(1, 2))),
        "flicker": lambda: flicker(dice),
        "telegraph": lambda: Telegraph(
            share=0.3, median=0.1, sigma=0.5, occupancy=dice.number(0.1, 0.9)
        ),
        "measured": lambda: dice.made(
            Measured,
            source=lambda: "a test",
            conductance=lambda: (1e-6, 20e-6),
            seconds=lambda: (1.0, 100.0),
        ),
        "device_spread": lambda: 0.1,
        "g_min": lambda: dice.number(0.1e-6, 2e-6),
        "g_max": lambda: dice.number(10e-6, 40e-6),
    }
    return dice.made(
        kind,
        0.3,
        **shared,
        write_error=lambda: 0.03,
        forming_voltage=lambda: dice.number(3.4, 3.6),
        breakdown_mean=lambda: 3.42,
        breakdown_sd=lambda: 0.1,
        median=lambda: 11e-6,
        sigma=lambda: 0.2,
        g_pristine=lambda: 0.05e-6,
        programming=lambda: polynomial(dice),
        unit=lambda: 10 * MICRO,
    )


def polynomial(dice: Dice) -> Polynomial:
    return Polynomial(coefficients=tuple(dice.number(0.0, 0.3e-6) for _ in range(dice.whole(1, 4))))


def law(dice: Dice, low: float, high: float, *, depth: int = 1) -> Law:
    """A law whose values are of the order of [low, high]."""
    kind = dice.pick([Polynomial, Logarithm, Power] + [Pieces] * depth)
    if kind is Polynomial:
        return Polynomial(coefficients=(dice.number(low, high), 0.1 * dice.number(low, high)))
    if kind is Logarithm:
        return dice.made(
            Logarithm,
            offset=lambda: dice.number(low, high),
            slope=lambda: -0.01 * high,
            low=lambda: low,
            high=lambda: high,
        )
    if kind is Power:
        return dice.made(Power, factor=lambda: low, exponent=lambda: -0.3, high=lambda: high)
    parts = {name: law(dice, low, high, depth=0) for name in ("below", "above")}
    return Pieces(edge=dice.number(0.1, 1.0), **parts)


def ageing(dice: Dice) -> Any:
    kind = dice.pick([PowerDrift, LogarithmicRelaxation, Widening])
    if kind is PowerDrift:
        return PowerDrift(
            t0=dice.pick([0.5, 20.0]),
            unit=10 * MICRO,
            mean=law(dice, 0.02, 0.08),
            sd=law(dice, 0.005, 0.02),
        )
    if kind is LogarithmicRelaxation:
        return LogarithmicRelaxation(
            t0=0.5, shift=dice.number(-0.1e-6, 0.1e-6), sd=0.1e-6, sd_growth=0.02e-6
        )
    return Widening(
        times=(0.5, 10.0, 1e4), unit=10 * MICRO, sds=tuple(polynomial(dice) for _ in range(3))
    )


def flicker(dice: Dice) -> Flicker:
    relative = dice.chance(0.5)
    amplitude = law(dice, 0.001, 0.01) if relative else law(dice, 0.01e-6, 0.05e-6)
    return (
        dice.made(
            Flicker,
            unit=lambda: 10 * MICRO,
            amplitude=lambda: amplitude,
            read_time=lambda: 250e-9,
            relative=lambda: relative,
        )
        if relative
        else Flicker(unit=10 * MICRO, amplitude=amplitude, read_time=250e-9, relative=False)
    )
