"""Training that leads to what is no number ends in a sentence that names the rate."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")

from potentia.errors import DivergenceError, ParameterError  # noqa: E402
from potentia.experiments import load  # noqa: E402
from potentia.experiments.framework.descent import check_descent  # noqa: E402
from potentia.experiments.framework.experiment import read_settings  # noqa: E402
from potentia.experiments.framework.runner import execute  # noqa: E402
from potentia.tests.experiments.test_hybrid import folder  # noqa: E402

SMALL = {
    "yin-yang": ["hidden=4", "samples=20", "tests=10", "epochs=1", "surrogate_epochs=1"],
    "hybrid": ["channels=2", "neurons=8", "steps=2", "epochs=1", "images=5", "test_images=2"],
    "random-graphs": ["neurons=8", "strings=20", "test_strings=10", "epochs=2", 'tasks=["reber"]'],
}


def test_only_what_is_finite_passes():
    check_descent("demo", "rate", 0.1, [torch.zeros(3), torch.tensor(1.0)])
    for bad in (float("nan"), float("inf")):
        with pytest.raises(DivergenceError, match=r"demo\.rate: must be smaller.*\(got 0\.1\)"):
            check_descent("demo", "rate", 0.1, [torch.zeros(3), torch.tensor([1.0, bad])])


@pytest.mark.parametrize("name", SMALL)
def test_a_loss_that_is_no_number_names_the_rate(name, tmp_path, monkeypatch):
    monkeypatch.setenv("POTENTIA_THREADS", "1")  # no processes of their own
    real = torch.nn.functional.cross_entropy
    monkeypatch.setattr(
        torch.nn.functional,
        "cross_entropy",
        lambda *own, **options: real(*own, **options) * float("nan"),
    )
    experiment = load(name)
    wanted = read_settings(name, experiment.settings, [*SMALL[name], "seeds=1"])
    with pytest.raises(DivergenceError, match=rf"{name}\.rate: must be smaller"):
        execute(
            experiment,
            wanted,
            backend="cpu",
            data=folder(tmp_path),
            base=tmp_path / "runs",
            say=lambda *_: None,
            plots=False,
        )


@pytest.mark.parametrize(
    "text", ["yin-yang rate", "yin-yang surrogate_rate", "hybrid core_rate", "random-graphs rate"]
)
def test_rates_have_an_end(text):
    name, setting = text.split()
    with pytest.raises(ParameterError, match=rf"{name}\.{setting}: must be less than or equal to"):
        read_settings(name, load(name).settings, [f"{setting}=1e30"])
