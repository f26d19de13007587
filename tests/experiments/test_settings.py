"""Settings of experiments as users write them, and the tables and metrics that are told."""

import pytest
from pydantic import BaseModel, ConfigDict, Field

from potentia.errors import ParameterError
from potentia.experiments import experiments, load
from potentia.experiments.framework.experiment import (
    format_table,
    is_timed,
    read_settings,
    settings_rows,
)
from potentia.experiments.framework.runner import compare


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seed: int = 1
    rate: float = Field(5.0, description="mean rate [Hz]")
    current: float = Field(0.0, description="[A]")
    name: str = "x"
    quick: bool = False
    sizes: list[int] = [1, 2]
    limit: float | None = None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("rate=1e-3", 1e-3),
        ("rate=2", 2.0),
        ("rate= 3 ", 3.0),
        ("seed=1e3", 1000),
        ("name=1e-3", "1e-3"),
        ("name=true", "true"),
        ("name=a=b", "a=b"),
        ("quick=true", True),
        ("quick=no", False),
        ("sizes=[3,4]", [3, 4]),
        ("limit=null", None),
        ("limit=0.5", 0.5),
    ],
)
def test_settings_are_read_like_yaml_but_better(text, value):
    got = getattr(read_settings("demo", Settings, [text]), text.partition("=")[0])
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("rate=2 kHz", "rate=2000"),
        ("current=3 nA", "current=3e-09"),
        ("current=2uA", "current=2e-06"),
    ],
)
def test_a_unit_that_fits_is_turned_into_a_number(text, hint):
    with pytest.raises(ParameterError, match=hint):
        read_settings("demo", Settings, [text])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('sizes=[1, "two"]', r"sizes: must be a valid integer.*\(got 'two'\)"),
        ("sizes=two", r"sizes: must be a list such as .* \(got 'two'\)"),
        ("sizes=nan", r"sizes: must be a list such as .* \(got 'nan'\)"),
    ],
)
def test_of_a_list_the_wrong_entry_is_told(text, sentence):
    with pytest.raises(ParameterError, match=sentence):
        read_settings("demo", Settings, [text])


def test_timed_metrics_are_not_compared():
    timed = ("seconds", "seconds_sd", "train_seconds", "cpu_s", "rss_mb", "real_time_factor")
    assert all(is_timed(name) for name in timed)
    assert not any(is_timed(name) for name in ("accuracy", "joules_per_word", "spikes_per_second"))
    before = {"spike_hash": "a", "metrics": {"seconds": 1.0, "x": 0.3, "gone": None}}
    assert (
        compare(
            before,
            {"spike_hash": "a", "metrics": {"seconds": 2.0, "x": 0.3 * (1 + 1e-9), "gone": None}},
        )
        == []
    )
    assert len(compare(before, {"spike_hash": "b", "metrics": {"x": 0.31}})) == 2


def test_tables_align_numbers_to_the_right():
    text = format_table(
        [("a", 1.23456, "V"), ("long name", 20.0, "")], header=("what", "value", "unit")
    )
    assert text.splitlines() == [
        "what       value  unit",
        "---------  -----  ----",
        "a          1.235  V",
        "long name     20",
    ]
    assert format_table([]) == ""


def test_every_default_that_is_listed_is_one_that_can_be_set():
    for name in experiments():
        model = load(name).settings
        for setting, default, *_ in settings_rows(model):
            made = read_settings(name, model, [f"{setting}={default}"])
            assert getattr(made, setting) == model.model_fields[setting].default
