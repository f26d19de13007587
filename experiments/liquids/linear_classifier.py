"""Linear classifiers, and the folds on which they are measured.

They tell how well a linear readout can tell classes apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from potentia.learning import Readout
from potentia.learning.readout import one_thread, pytorch
from potentia.sim import validation as check

# among which the weight decay of the convex readout is chosen
DECAYS: Final = (
    1e-3,
    1e-2,
    1e-1,
    1.0,
)
HELD_OUT: Final = 5  # one in so many training samples judges the decays

Features = NDArray[np.float64]
Labels = NDArray[np.int64]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """Indices of the samples to train on and of those to test on."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]


@final
@dataclass(frozen=True, kw_only=True)
class LinearClassifier:
    """A linear classifier and how it is trained.

    kind "convex": multinomial logistic regression to the optimum (`Readout`), its weight decay
    chosen on a fifth of the training samples. kind "adam": the seed's schedule (Lin et al. 2025,
    doi:10.1038/s43588-024-00751-z): no decay, cross-entropy, Adam with `rate`, `epochs` and
    `batch`; the last epoch counts.
    """

    kind: str = "convex"
    rate: float = 1e-4
    epochs: int = 100
    batch: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        check.keep(self, "kind", check.one_of, ("convex", "adam"))
        check.keep(self, "rate", check.within, above=0.0)
        check.keep(self, "epochs", check.whole, least=1)
        check.keep(self, "batch", check.whole, least=1)

    def accuracies(
        self, features: Features, labels: Labels, folds: list[Fold], n_classes: int
    ) -> Features:
        """Accuracy on the test samples of every fold (n_folds,).

        The classifier is trained anew for each; features (n, n_features).
        """
        judge = self._convex if self.kind == "convex" else self._adam
        return np.array([judge(features, labels, fold, n_classes) for fold in folds])

    def _convex(self, x: Features, y: Labels, fold: Fold, n_classes: int) -> float:
        inner = stratified_folds(y[fold.train], HELD_OUT, self.seed)[0]
        fit, judge = fold.train[inner.train], fold.train[inner.test]
        scores = [
            Readout(weight_decay=decay)
            .fit(x[fit], y[fit], n_classes=n_classes)
            .accuracy(x[judge], y[judge])
            for decay in DECAYS
        ]
        best = DECAYS[int(np.argmax(scores))]
        trained = Readout(weight_decay=best).fit(x[fold.train], y[fold.train], n_classes=n_classes)
        return trained.accuracy(x[fold.test], y[fold.test])

    def _adam(self, x: Features, y: Labels, fold: Fold, n_classes: int) -> float:
        torch = pytorch()
        with one_thread(torch):
            draw = torch.Generator().manual_seed(self.seed)
            inputs, labels = torch.from_numpy(x).float(), torch.from_numpy(y)
            layer = torch.nn.Linear(x.shape[1], n_classes)
            bound = x.shape[1] ** -0.5
            for values in layer.parameters():
                torch.nn.init.uniform_(values, -bound, bound, generator=draw)
            optimiser = torch.optim.Adam(layer.parameters(), lr=self.rate)
            train = torch.from_numpy(fold.train)
            for _ in range(self.epochs):
                for chosen in train[torch.randperm(len(train), generator=draw)].split(self.batch):
                    optimiser.zero_grad()
                    torch.nn.functional.cross_entropy(
                        layer(inputs[chosen]), labels[chosen]
                    ).backward()
                    optimiser.step()
            said: Any = layer(inputs[torch.from_numpy(fold.test)]).argmax(dim=1).numpy()
        return float(np.mean(said == y[fold.test]))


def stratified_folds(labels: Labels, n_folds: int, seed: int) -> list[Fold]:
    """Folds that share every class equally, to one sample; the same for the same seed.

    Raises ParameterError for fewer than two folds or more folds than samples.
    """
    check.whole("stratified_folds", "n_folds", n_folds, least=2, most=len(labels))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    dealt = np.empty(len(labels), np.int64)
    dealt[order[np.argsort(labels[order], kind="stable")]] = np.arange(len(labels)) % n_folds
    return [
        Fold(train=np.flatnonzero(dealt != fold), test=np.flatnonzero(dealt == fold))
        for fold in range(n_folds)
    ]


def published_fold(is_test: NDArray[np.bool_]) -> list[Fold]:
    """The one division into training and test set that comes with the data."""
    return [Fold(train=np.flatnonzero(~is_test), test=np.flatnonzero(is_test))]
