"""What no device can be, or be asked: a call and the sentence it ends in."""

import math

import numpy as np

from potentia.hardware import (
    BreakdownReRAM,
    Endurance,
    Flicker,
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
    Widening,
)
from potentia.hardware.devices import presets

NAN = math.nan
FLAT = Polynomial(coefficients=(1e-7,))
PCM = presets.pcm_nandakumar()


def cell(**changes):
    return MultilevelCell(
        **{"g_min": 1e-6, "g_max": 20e-6, "programming": FLAT, "unit": 1e-6} | changes
    )


DEVICES = {
    "no conductance": (
        lambda: cell(g_min=0.0, g_max=0.0),
        "MultilevelCell.g_max: must be > 0 S (got 0.0)",
    ),
    "negative conductance": (
        lambda: cell(g_min=-1e-6),
        "MultilevelCell.g_min: must be >= 0 S (got -1e-06)",
    ),
    "median zero": (
        lambda: BreakdownReRAM(median=0.0),
        "BreakdownReRAM.median: must be > 0 S (got 0.0)",
    ),
    "range upside down": (
        lambda: cell(g_max=1e-6),
        "MultilevelCell.g_max: must be > g_min = 1e-06 S (got 1e-06)",
    ),
    "preset upside down": (
        lambda: presets.cmo_hfox(g_max=5e-6),
        "MultilevelCell.g_max: must be > g_min",
    ),
    "preset without range": (
        lambda: presets.pcm_nandakumar(g_max=-1.0),
        "pcm_nandakumar.g_max: must be > 0 S",
    ),
    "unit zero": (lambda: cell(unit=0.0), "MultilevelCell.unit: must be > 0 S (got 0.0)"),
    "noise nan": (
        lambda: cell(read_noise=NAN),
        "MultilevelCell.read_noise: must be a finite number (got nan)",
    ),
    "noise negative": (
        lambda: PulsedReRAM(read_noise=-0.1),
        "PulsedReRAM.read_noise: must be >= 0 and <= 1",
    ),
    "write error nan": (
        lambda: PulsedReRAM(write_error=NAN),
        "PulsedReRAM.write_error: must be a finite number",
    ),
    "spread negative": (
        lambda: cell(device_spread=-1.0),
        "MultilevelCell.device_spread: must be >= 0 and <= 2",
    ),
    "error nan": (
        lambda: Polynomial(coefficients=(1.0, NAN)),
        "Polynomial.coefficients: must be finite everywhere",
    ),
    "error of degree 5": (
        lambda: Polynomial(coefficients=6 * (1.0,)),
        "Polynomial.coefficients: must be one to five",
    ),
    "error no law": (
        lambda: cell(programming=1e-7),
        "MultilevelCell.programming: must be a Polynomial (got 1e-07)",
    ),
    "all stuck": (
        lambda: StuckAt(low=0.6, high=0.4),
        "StuckAt.low: must leave cells that can be written: low + high < 1",
    ),
    "all stuck low": (
        lambda: StuckAt(low=1.0),
        "StuckAt.low: must leave cells that can be written",
    ),
    "more than all stuck": (
        lambda: StuckAt(high=1.1),
        "StuckAt.high: must be >= 0 and <= 1 (got 1.1)",
    ),
    "stuck nan": (lambda: StuckAt(low=NAN), "StuckAt.low: must be a finite number (got nan)"),
    "faults a number": (
        lambda: cell(faults=0.1),
        "MultilevelCell.faults: must be a StuckAt (got 0.1)",
    ),
    "ageing no tuple": (
        lambda: cell(ageing=PCM.ageing[0]),
        "MultilevelCell.ageing: must be a tuple of laws",
    ),
    "ageing no law": (
        lambda: cell(ageing=(FLAT,)),
        "MultilevelCell.ageing: must be a tuple of laws",
    ),
    "flicker a number": (
        lambda: cell(flicker=0.1),
        "MultilevelCell.flicker: must be Flicker(...) or None",
    ),
    "telegraph a number": (
        lambda: PulsedReRAM(telegraph=1),
        "PulsedReRAM.telegraph: must be Telegraph(...) or None",
    ),
    "endurance a number": (
        lambda: BreakdownReRAM(endurance=1e6),
        "BreakdownReRAM.endurance: must be Endurance(...)",
    ),
    "no endurance": (
        lambda: Endurance(cycles=0.0, shape=1.0, fails_to="rest"),
        "Endurance.cycles: must be > 0",
    ),
    "shapeless": (
        lambda: Endurance(cycles=1.0, shape=NAN, fails_to="rest"),
        "Endurance.shape: must be a finite number",
    ),
    "fails elsewhere": (
        lambda: Endurance(cycles=1.0, shape=1.0, fails_to="ful"),
        "Endurance.fails_to: must be one of rest, full; did you mean 'full'? (got 'ful')",
    ),
    "occupancy": (
        lambda: Telegraph(share=0.1, median=0.1, sigma=0.1, occupancy=1.5),
        "Telegraph.occupancy: must be >= 0 and <= 1 (got 1.5)",
    ),
    "amplitude above one": (
        lambda: Telegraph(share=0.1, median=1.5, sigma=0.1, occupancy=0.5),
        "Telegraph.median: must be > 0 and <= 1 (got 1.5)",
    ),
    "read in no time": (
        lambda: Flicker(unit=1.0, amplitude=FLAT, read_time=0.0),
        "Flicker.read_time: must be > 0 s",
    ),
    "flicker no law": (
        lambda: Flicker(unit=1.0, amplitude=0.1, read_time=1.0),
        "Flicker.amplitude: must be a Law",
    ),
    "drift no law": (
        lambda: PowerDrift(t0=1.0, unit=1.0, mean=0.1, sd=FLAT),
        "PowerDrift.mean: must be a Law",
    ),
    "drift from 0": (
        lambda: PowerDrift(t0=0.0, unit=1.0, mean=FLAT, sd=FLAT),
        "PowerDrift.t0: must be > 0 s",
    ),
    "spread shrinks": (
        lambda: LogarithmicRelaxation(t0=1.0, shift=0.0, sd=1e-7, sd_growth=-1e-8),
        "LogarithmicRelaxation.sd_growth: must be >= 0 S (got -1e-08)",
    ),
    "times descend": (
        lambda: Widening(times=(2.0, 1.0), unit=1.0, sds=(FLAT, FLAT)),
        "Widening.times: must be two or",
    ),
    "laws too few": (
        lambda: Widening(times=(1.0, 2.0), unit=1.0, sds=(FLAT,)),
        "Widening.sds: must be one law for",
    ),
    "laws no laws": (
        lambda: Widening(times=(1.0, 2.0), unit=1.0, sds=(1.0, 2.0)),
        "Widening.sds: must be one law for",
    ),
    "bounds crossed": (
        lambda: Logarithm(offset=0.0, slope=1.0, low=2.0, high=1.0),
        "Logarithm.high: must be >= low",
    ),
    "bound nan": (
        lambda: Power(factor=1.0, exponent=1.0, high=NAN),
        "Power.high: must be a finite number (got nan)",
    ),
    "piece no law": (
        lambda: Pieces(edge=1.0, below=FLAT, above=3),
        "Pieces.above: must be a Law such as Polynomial()",
    ),
    "measured backwards": (
        lambda: Measured(source="x", seconds=(2.0, 1.0)),
        "Measured.seconds: must be two bounds",
    ),
    "target negative": (
        lambda: PCM.write(np.array([1e-6, -1e-6]), 1),
        "MultilevelCell.targets: must be >= 0",
    ),
    "target nan": (
        lambda: PCM.write(np.array([1e-6, NAN]), 1),
        "MultilevelCell.targets: must be finite everywhere",
    ),
    "targets a matrix": (
        lambda: PCM.write(np.ones((2, 2)), 1),
        "MultilevelCell.targets: must have 1 dimension",
    ),
    "cycle a half": (
        lambda: PCM.write(np.ones(2), 1, 0.5),
        "MultilevelCell.cycle: must be a whole number",
    ),
    "time negative": (
        lambda: PCM.aged(np.ones(2), -1.0, 1),
        "MultilevelCell.seconds: must be >= 0 s (got -1.0)",
    ),
    "time nan": (
        lambda: PCM.read(np.ones(2), 1, NAN),
        "MultilevelCell.seconds: must be a finite number in s",
    ),
    "time text": (
        lambda: PCM.read_error(np.ones(2), "1 d"),
        "MultilevelCell.seconds: must be a finite number in s",
    ),
    "cycles negative": (
        lambda: PCM.worn(np.ones(2), -1.0, 1),
        "MultilevelCell.cycles: must be >= 0 (got -1.0)",
    ),
}
