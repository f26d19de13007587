"""Linear classifiers: folds that divide, and readouts that find what is there and nothing where
there is nothing.
"""

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.experiments.liquids.linear_classifier import (
    LinearClassifier,
    published_fold,
    stratified_folds,
)

pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
LABELS = np.repeat(np.arange(4), [25, 30, 5, 40])


def test_folds_divide_all_samples_and_share_every_class():
    folds = stratified_folds(LABELS, 5, 3)
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in folds])), np.arange(100))
    for fold in folds:
        assert np.array_equal(np.union1d(fold.train, fold.test), np.arange(100))
        shares = np.bincount(LABELS[fold.test], minlength=4)
        assert np.abs(shares - [5, 6, 1, 8]).max() <= 1


def test_folds_depend_on_the_seed_only():
    first, again, other = (stratified_folds(LABELS, 5, seed)[0].test for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_published_split_is_kept():
    (fold,) = published_fold(np.array([False, True, False]))
    assert (fold.train.tolist(), fold.test.tolist()) == ([0, 2], [1])


@pytest.mark.parametrize(
    "classifier",
    [LinearClassifier(), LinearClassifier(kind="adam", rate=0.02, epochs=60)],
    ids=["convex", "adam"],
)
def test_clouds_far_apart_are_told_apart_and_labels_by_chance_are_not(classifier):
    """Four clouds 8 standard deviations apart; with labels dealt anew, 25 % +- 5 sd
    of 100 draws.
    """
    rng = np.random.default_rng(0)
    centres = 8 * np.eye(4)
    x = centres[LABELS] + rng.normal(size=(100, 4))
    folds = stratified_folds(LABELS, 5, 0)
    assert classifier.accuracies(x, LABELS, folds, 4).mean() > 0.98
    dealt = rng.permutation(np.arange(100) % 4)
    assert classifier.accuracies(
        x, dealt, stratified_folds(dealt, 5, 0), 4
    ).mean() < 0.25 + 5 * np.sqrt(0.1875 / 100)


def test_probes_repeat():
    x = np.random.default_rng(0).normal(size=(100, 3))
    folds = stratified_folds(LABELS, 2, 0)
    classifier = LinearClassifier(kind="adam", epochs=3)
    assert np.array_equal(
        classifier.accuracies(x, LABELS, folds, 4), classifier.accuracies(x, LABELS, folds, 4)
    )


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (
            lambda: LinearClassifier(kind="convexe"),
            r"LinearClassifier\.kind: .*did you mean 'convex'",
        ),
        (lambda: LinearClassifier(rate=0.0), r"LinearClassifier\.rate: must be > 0"),
        (
            lambda: stratified_folds(LABELS, 1, 0),
            r"n_folds: must be a whole number >= 2 and <= 100 \(got 1\)",
        ),
        (
            lambda: stratified_folds(LABELS, 101, 0),
            r"n_folds: must be a whole number >= 2 and <= 100 \(got 101\)",
        ),
    ],
)
def test_impossible_probes_and_folds_are_refused(make, rule):
    with pytest.raises(ParameterError, match=rule):
        make()
