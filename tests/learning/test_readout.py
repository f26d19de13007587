"""The readout: optimality conditions, invariances and bad input."""

import sys

import numpy as np
import pytest

from potentia.errors import DependencyError, ParameterError
from potentia.learning.readout import Readout

torch = pytest.importorskip("torch")


def blobs(n=120, n_features=5, n_classes=3, spread=1.0, seed=0):
    """Gaussian clouds around random centres: features (n, n_features), labels (n,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    centres = rng.normal(size=(n_classes, n_features)) * 3
    return centres[labels] + spread * rng.normal(size=(n, n_features)), labels


def test_linear_fit_is_stationary():
    """At the optimum X^T (P - Y)/n + weight_decay W = 0 and the mean residual is 0."""
    x, y = blobs(spread=3.0)
    trained = Readout(weight_decay=0.02).fit(x, y)
    weights, _ = trained.layers[0]
    residual = trained.probabilities(x) - np.eye(3)[y]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    # the tolerance asked for
    assert z.T @ residual / len(x) + 0.02 * weights == pytest.approx(0.0, abs=1.1e-6)
    assert residual.mean(axis=0) == pytest.approx(0.0, abs=1.1e-6)


def test_features_without_information_give_class_frequencies():
    """With constant features the biases alone fit: probabilities are the
    frequencies of the labels.
    """
    y = np.array([0, 0, 0, 1, 1, 2])
    trained = Readout().fit(np.full((6, 2), 7.0), y)
    assert trained.probabilities([[7.0, 7.0]])[0] == pytest.approx([1 / 2, 1 / 3, 1 / 6], abs=1e-5)


def test_linear_fit_ignores_seed_scale_and_offset_of_features():
    """Standardisation: a*x + b gives the same probabilities (to the optimiser's tolerance)."""
    x, y = blobs(spread=2.0)
    first = Readout().fit(x, y).probabilities(x)
    second = Readout(seed=5).fit(1000.0 * x - 3.0, y).probabilities(1000.0 * x - 3.0)
    assert second == pytest.approx(first, abs=1e-4)


def test_weight_decay_shrinks_the_weights():
    x, y = blobs()
    norms = [
        np.linalg.norm(Readout(weight_decay=decay).fit(x, y).layers[0][0])
        for decay in (1e-3, 1e-1, 10.0)
    ]
    assert norms[0] > norms[1] > norms[2]


def test_hidden_layer_solves_exclusive_or_and_a_linear_readout_cannot():
    x = np.random.default_rng(1).uniform(-1, 1, size=(400, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    assert Readout().fit(x, y).accuracy(x, y) < 0.7
    assert Readout(n_hidden=16, weight_decay=1e-4).fit(x, y).accuracy(x, y) > 0.97


def test_equal_seeds_give_equal_bits_and_torch_keeps_its_threads():
    x, y = blobs()
    before = torch.get_num_threads()
    one, two, other = (Readout(n_hidden=8, seed=seed).fit(x, y) for seed in (3, 3, 4))
    assert np.array_equal(one.layers[0][0], two.layers[0][0])
    assert not np.array_equal(one.layers[0][0], other.layers[0][0])
    assert torch.get_num_threads() == before


def test_confusion_counts_every_sample_and_its_diagonal_is_the_accuracy():
    x, y = blobs(spread=6.0)
    trained = Readout().fit(x, y, n_classes=4)
    counts = trained.confusion(x, y)
    assert counts.shape == (4, 4)
    assert counts.sum(axis=1).tolist() == [40, 40, 40, 0]
    assert np.trace(counts) / len(y) == pytest.approx(trained.accuracy(x, y))


@pytest.mark.parametrize("n_hidden", [0, 7])
def test_module_says_the_same_as_scores(n_hidden):
    x, y = blobs()
    trained = Readout(n_hidden=n_hidden).fit(x, y)
    inputs = torch.from_numpy((x - trained.mean) / trained.scale)
    assert trained.module()(inputs).detach().numpy() == pytest.approx(trained.scores(x), abs=1e-9)


def test_without_torch_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match=r"pip install 'potentia\[torch\]'"):
        Readout().fit(*blobs())


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"n_hidden": -1}, "n_hidden"),
        ({"n_hidden": 2.5}, "n_hidden"),
        ({"weight_decay": float("nan")}, "weight_decay"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"n_steps": 0}, "n_steps"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_parameters_are_refused(fields, word):
    with pytest.raises(ParameterError, match=word):
        Readout(**fields)


@pytest.mark.parametrize(
    ("features", "labels", "n_classes", "word"),
    [
        ([[1.0], [np.nan]], [0, 1], None, "features"),
        ([1.0, 2.0], [0, 1], None, "features"),
        (np.zeros((0, 3)), [], None, "features"),
        ([[1.0], [2.0]], [0], None, "labels"),
        ([[1.0], [2.0]], [0, -1], None, "labels"),
        ([[1.0], [2.0]], [0, 2], 2, "labels"),
        ([[1.0], [2.0]], [0.0, 1.0], None, "labels"),
        ([[1.0], [2.0]], [0, 1], 0, "n_classes"),
    ],
)
def test_bad_samples_are_refused(features, labels, n_classes, word):
    with pytest.raises(ParameterError, match=word):
        Readout().fit(features, labels, n_classes=n_classes)


def test_other_numbers_of_features_are_refused():
    x, y = blobs()
    with pytest.raises(ParameterError, match="5 columns"):
        Readout().fit(x, y).predict(x[:, :4])
