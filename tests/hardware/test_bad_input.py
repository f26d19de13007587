"""What no part of the hardware can be, or be asked, is refused in one sentence: object, field,
rule, value got.
"""

import re

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.hardware import (
    ADC,
    DAC,
    Amplitude,
    BitSerial,
    BitSlicing,
    BreakdownReRAM,
    Crossbar,
    DifferentialPairs,
    Macro40nm,
    OffsetColumn,
    PulsedReRAM,
    PulseWidth,
    Tile,
    Wires,
    to_conductances,
)
from potentia.tests.hardware.bad_devices import DEVICES, NAN

CELL = BreakdownReRAM(read_noise=0.0)


CONVERTERS = {
    "no bits": (lambda: ADC(bits=0), r"ADC.bits: must be a whole number >= 1 and <= 16 \(got 0\)"),
    "17 bits": (lambda: ADC(bits=17), r"ADC.bits: .* <= 16 \(got 17\)"),
    "half bits": (lambda: DAC(bits=7.5), r"DAC.bits: must be a whole number"),
    "one signed bit": (
        lambda: DAC(bits=1),
        r"DAC.bits: must be a whole number >= 2 and <= 16 \(got 1\)",
    ),
    "range": (lambda: ADC(range=0.0), r"ADC.range: must be > 0 \(got 0.0\)"),
    "range nan": (lambda: ADC(range=float("nan")), r"ADC.range: must be a finite number"),
    "range word": (
        lambda: DAC(range="atuo"),
        r"DAC.range: must be one of auto; did you mean 'auto'",
    ),
    "signed": (lambda: ADC(signed=1), r"ADC.signed: must be True or False \(got 1\)"),
    "offset": (lambda: ADC(offset=-0.1), r"ADC.offset: must be >= 0 steps \(got -0.1\)"),
    "inl": (lambda: DAC(inl=float("inf")), r"DAC.inl: must be a finite number"),
    "dnl": (lambda: ADC(dnl="1"), r"ADC.dnl: must be a finite number"),
    "gain": (lambda: ADC(gain=1.0), r"ADC.gain: must be >= 0 and < 1 \(got 1.0\)"),
    "sharing": (
        lambda: ADC(columns_per_adc=0),
        r"ADC.columns_per_adc: must be a whole number >= 1 \(got 0\)",
    ),
    "time": (lambda: ADC(conversion_time=0.0), r"ADC.conversion_time: must be > 0 s \(got 0.0\)"),
    "nan": (
        lambda: ADC().convert([1.0, float("nan")]),
        r"ADC.values: .* everywhere \(got 'nan at index 1'\)",
    ),
    "nan32": (
        lambda: DAC().convert(np.array([np.inf], np.float32)),
        r"DAC.values: must be finite everywhere",
    ),
    "words": (lambda: ADC().convert(["a"]), r"ADC.values: must be an array of numbers"),
    "a number": (
        lambda: ADC().convert(3.0),
        r"ADC.values: must have at least one dimension \(got 'a number'\)",
    ),
}


CODINGS = {
    "dac": (lambda: Amplitude(8), r"Amplitude.dac: must be a DAC or None \(got 8\)"),
    "read time": (lambda: Amplitude(read_time=0.0), r"Amplitude.read_time: must be > 0 s"),
    "one bit": (
        lambda: BitSerial(1),
        r"BitSerial.bits: must be a whole number >= 2 and <= 16 \(got 1\)",
    ),
    "bits": (lambda: PulseWidth(17), r"PulseWidth.bits: .* <= 16 \(got 17\)"),
    "range": (lambda: BitSerial(range=-1.0), r"BitSerial.range: must be > 0 \(got -1.0\)"),
    "range word": (
        lambda: PulseWidth(range="full"),
        r"PulseWidth.range: must be one of auto \(got 'full'\)",
    ),
    "slot": (lambda: PulseWidth(slot=-1e-9), r"PulseWidth.slot: must be > 0 s \(got -1e-09\)"),
    "signed": (
        lambda: BitSerial(signed="no"),
        r"BitSerial.signed: must be True or False \(got 'no'\)",
    ),
    "rows": (
        lambda: Amplitude().cost(0, 3),
        r"Amplitude.rows: must be a whole number >= 1 \(got 0\)",
    ),
}


MAPPINGS = {
    "g_min": (
        lambda: DifferentialPairs().to_conductances([[1]], g_min=-1e-6, g_max=1e-6),
        r"g_min: must be >= 0 S",
    ),
    "range": (
        lambda: OffsetColumn().to_conductances([[1]], g_min=2e-6, g_max=1e-6),
        r"g_max: must be > 2e-06 S",
    ),
    "nan": (
        lambda: BitSlicing().to_conductances([[np.nan]], g_min=0, g_max=1),
        r"BitSlicing.weights: must be finite",
    ),
    "vector": (
        lambda: BitSlicing().to_conductances([1.0], g_min=0, g_max=1),
        r"weights: must have 2 dimensions",
    ),
    "bits": (lambda: BitSlicing(bits=9), r"BitSlicing.bits: .* <= 8 \(got 9\)"),
    "slices": (lambda: BitSlicing(slices=0), r"BitSlicing.slices: .* >= 1 .* \(got 0\)"),
    "too fine": (
        lambda: BitSlicing(bits=8, slices=4),
        r"BitSlicing.bits \* slices: .* <= 24 \(got 32\)",
    ),
    "slices lost": (
        lambda: BitSlicing().to_weights(np.ones((1, 2, 2)), np.ones((1, 2, 2)), 1.0),
        r"BitSlicing.plus: must have 4 slices \(got 'shape \(1, 2, 2\)'\)",
    ),
    "sides differ": (
        lambda: OffsetColumn().to_weights(np.ones((1, 2, 2)), np.ones((1, 2, 2)), 1.0),
        r"OffsetColumn.minus: must have the shape \(1, 2, 1\)",
    ),
    "rows": (lambda: Tile(rows=0), r"Tile.rows: must be a whole number >= 1 .*\(got 0\)"),
    "columns": (lambda: Tile(columns=2.0), r"Tile.columns: must be a whole number"),
    "matrix": (lambda: Tile().cut([1.0]), r"Tile.matrix: must have 2 dimensions"),
    "fill": (lambda: Tile().cut([[1.0]], fill=np.nan), r"Tile.fill: must be a finite number"),
    "tiles": (
        lambda: Tile(rows=2, columns=2).join(np.ones((1, 1, 2, 2)), 3, 2),
        r"tiles: must have the shape \(2, 1",
    ),
}


MACRO = {
    "too many rows": (
        lambda: Macro40nm().weights(513, 10, 1),
        r"Macro40nm.weights.*rows: must be .*512 \(got 513\)",
    ),
    "too many pairs": (
        lambda: Macro40nm().weights(5, 257, 1),
        r"Macro40nm.weights.*columns: must be .*256 \(got 257\)",
    ),
    "scheme": (
        lambda: Macro40nm().weights(5, 5, 1, scheme="pairs"),
        "scheme: must be one of pair, mean",
    ),
    "device": (
        lambda: Macro40nm(device=PulsedReRAM()),
        "Macro40nm.device: must be a BreakdownReRAM",
    ),
}


ARRAYS = {
    "wires as a number": (
        lambda: Crossbar(CELL, wires=2.0),
        r"Crossbar.wires: must be a Wires or None \(got 2.0\)",
    ),
    "tile as a pair": (
        lambda: Crossbar(CELL, tile=(64, 64)),
        r"Crossbar.tile: must be a Tile or None",
    ),
    "age": (lambda: Crossbar(CELL, age=-1.0), r"Crossbar.age: must be >= 0 s \(got -1.0\)"),
    "tile of nothing": (
        lambda: Tile(rows=0),
        r"Tile.rows: must be a whole number >= 1 .*\(got 0\)",
    ),
    "negative resistance": (
        lambda: Wires(r_word=-1.0, r_bit=1.0),
        r"Wires.r_word: must be >= 0 ohm \(got -1.0\)",
    ),
}


CROSSBARS = {
    "no range": (
        lambda: PulsedReRAM(g_min=5e-6, g_max=5e-6),
        r"PulsedReRAM.g_max: must be > g_min = 5e-06 S",
    ),
    "range upside down": (
        lambda: PulsedReRAM(g_min=5e-6, g_max=1e-6),
        r"PulsedReRAM.g_max: must be > g_min",
    ),
    "g_max 0": (
        lambda: PulsedReRAM(g_min=0.0, g_max=0.0),
        r"PulsedReRAM.g_max: must be > 0 S \(got 0.0\)",
    ),
    "g_min < 0": (
        lambda: PulsedReRAM(g_min=-1e-6),
        r"PulsedReRAM.g_min: must be >= 0 S \(got -1e-06\)",
    ),
    "median 0": (
        lambda: BreakdownReRAM(median=0.0),
        r"BreakdownReRAM.median: must be > 0 S \(got 0.0\)",
    ),
    "median < 0": (lambda: BreakdownReRAM(median=-1e-6), r"BreakdownReRAM.median: must be > 0 S"),
    "pristine > g_min": (
        lambda: BreakdownReRAM(g_pristine=5e-6),
        r"BreakdownReRAM.g_pristine: must be >= 0 and",
    ),
    "sd 0": (
        lambda: BreakdownReRAM(breakdown_sd=0.0),
        r"BreakdownReRAM.breakdown_sd: must be > 0 V \(got 0.0\)",
    ),
    "all broken": (
        lambda: BreakdownReRAM(forming_voltage=10.0),
        r"forming_voltage: .* every cell breaks down",
    ),
    "none broken": (
        lambda: BreakdownReRAM(forming_voltage=1.0),
        r"forming_voltage: .* no cell breaks down",
    ),
    "voltage < 0": (
        lambda: BreakdownReRAM(forming_voltage=-3.4),
        r"forming_voltage: must be > 0 V \(got -3.4\)",
    ),
    "noise nan": (
        lambda: BreakdownReRAM(read_noise=NAN),
        r"BreakdownReRAM.read_noise: must be a finite number",
    ),
    "noise < 0": (
        lambda: PulsedReRAM(read_noise=-0.1),
        r"PulsedReRAM.read_noise: must be >= 0 and <= 1",
    ),
    "cycle noise nan": (
        lambda: PulsedReRAM(cycle_noise=NAN),
        r"PulsedReRAM.cycle_noise: must be a finite number",
    ),
    "levels 0": (
        lambda: PulsedReRAM(levels=0),
        r"PulsedReRAM.levels: must be a whole number >= 1 \(got 0\)",
    ),
    "levels 1.5": (
        lambda: PulsedReRAM(levels=1.5),
        r"PulsedReRAM.levels: must be a whole number >= 1",
    ),
    "shape < 0": (
        lambda: PulsedReRAM(nonlinearity_up=-1.0),
        r"PulsedReRAM.nonlinearity_up: must be >= 0 and <= 50",
    ),
    "adc as bits": (
        lambda: Crossbar(BreakdownReRAM(), adc=8),
        r"Crossbar.adc: must be an? ADC or None \(got 8\)",
    ),
    "bits 0": (lambda: ADC(bits=0), r"ADC.bits: .* >= 1 and <= 16 \(got 0\)"),
    "bits 64": (lambda: ADC(bits=64), r"ADC.bits: .* <= 16 \(got 64\)"),
    "bits 8.0": (lambda: ADC(bits=8.0), r"ADC.bits: must be a whole number"),
    "range 0": (lambda: ADC(range=0.0), r"ADC.range: must be > 0 \(got 0.0\)"),
    "range word": (lambda: ADC(range="aut"), r"ADC.range: .* did you mean 'auto'"),
    "read < 0": (
        lambda: Crossbar(BreakdownReRAM(), read_voltage=-0.2),
        r"Crossbar.read_voltage: must be > 0 V",
    ),
    "time nan": (
        lambda: Crossbar(BreakdownReRAM(), read_time=NAN),
        r"Crossbar.read_time: must be a finite number",
    ),
    "activity 0": (
        lambda: Crossbar(BreakdownReRAM(), activity=0.0),
        r"Crossbar.activity: must be > 0 and <= 1",
    ),
    "pairs": (
        lambda: Crossbar(BreakdownReRAM(), pairs="two"),
        r"Crossbar.pairs: must be one of one, both",
    ),
    "pairs graded": (
        lambda: Crossbar(PulsedReRAM(), pairs="both"),
        r"Crossbar.pairs: must be 'one'",
    ),
    "no device": (
        lambda: Crossbar(0.3),
        r"Crossbar.device: must be a Device such as BreakdownReRAM\(\) \(got 0.3\)",
    ),
    "weights nan": (
        lambda: to_conductances([[NAN]], g_min=0.0, g_max=1e-6),
        r"to_conductances.weights: .* finite",
    ),
    "empty range": (
        lambda: to_conductances([[1.0]], g_min=1e-6, g_max=1e-6),
        r"to_conductances.g_max: must be > 1e-06 S",
    ),
}

TABLES = {
    "device": {case: (call, re.escape(sentence)) for case, (call, sentence) in DEVICES.items()},
    "converter": CONVERTERS,
    "coding": CODINGS,
    "mapping": MAPPINGS,
    "macro": MACRO,
    "array": ARRAYS,
    "crossbar": CROSSBARS,
}


@pytest.mark.parametrize(
    ("table", "case"), [(table, case) for table, cases in TABLES.items() for case in cases]
)
def test_bad_input_is_one_sentence(table, case):
    call, sentence = TABLES[table][case]
    with pytest.raises(ParameterError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert "(got " in str(caught.value)
