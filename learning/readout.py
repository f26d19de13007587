"""Readouts: a small PyTorch classifier on top of what a network did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DependencyError
from ..sim import validation as check
from ..sim.seed import check_seed

if TYPE_CHECKING:
    import torch

MOST_CLASSES: Final = 1_000_000

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class Readout:
    """Classifier on features: linear (multinomial logistic regression), or with one hidden layer.

    Each feature is standardised by its mean and standard deviation in the training set. The layers
    minimise the mean cross-entropy plus ``weight_decay / 2`` times the sum of squared weights
    (biases are free) by L-BFGS on the whole training set (Liu and Nocedal 1989,
    doi:10.1007/BF01589116). The linear problem is convex: its result does not depend on `seed`.
    A trained readout of a fixed random network is the liquid state machine of Maass, Natschlaeger
    and Markram (2002), doi:10.1162/089976602760407955.
    """

    n_hidden: int = 0  # rectified units of the hidden layer; 0 for a linear readout
    weight_decay: float = 1e-2
    n_steps: int = 200  # at most so many L-BFGS iterations
    tolerance: float = 1e-6  # stop when no entry of the gradient is larger
    seed: int = 0  # of the first weights of a hidden layer

    def __post_init__(self) -> None:
        check.keep(self, "n_hidden", check.whole, least=0, most=100_000)
        check.keep(self, "weight_decay", check.within, least=0.0)
        check.keep(self, "n_steps", check.whole, least=1)
        check.keep(self, "tolerance", check.within, above=0.0)
        object.__setattr__(self, "seed", check_seed(self, self.seed))

    def fit(
        self, features: ArrayLike, labels: ArrayLike, *, n_classes: int | None = None
    ) -> TrainedReadout:
        """Train on features (n_samples, n_features) and labels (n_samples,) in 0 .. n_classes - 1."""
        x, y = _pair(self, features, labels, n_classes)
        n_classes = int(y.max()) + 1 if n_classes is None else int(n_classes)
        mean, scale = x.mean(axis=0), x.std(axis=0)
        # a constant feature says nothing: it becomes 0
        scale[scale <= 1e-12 * (1.0 + np.abs(mean))] = 1.0
        sizes = [x.shape[1], *([self.n_hidden] if self.n_hidden else []), n_classes]
        standardised = (x - mean) / scale
        if self.n_hidden or len(x) >= x.shape[1]:
            layers = self._descend(standardised, y, sizes)
        else:  # the optimal weights of a linear readout lie in the span of the samples
            basis, coordinates = np.linalg.qr(standardised.T)
            (weights, biases), *_ = self._descend(
                np.ascontiguousarray(coordinates.T), y, [len(x), n_classes]
            )
            layers = ((basis @ weights, biases),)
        return TrainedReadout(mean=mean, scale=scale, layers=layers)

    def _descend(
        self, x: Array, y: NDArray[np.int64], sizes: list[int]
    ) -> tuple[tuple[Array, Array], ...]:
        """The layers (weights, biases) that minimise the objective, on one thread."""
        torch = pytorch()
        with one_thread(torch):
            inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
            layers = self._first_layers(torch, sizes)
            flat = [tensor.requires_grad_() for layer in layers for tensor in layer]
            stop = {
                "max_iter": self.n_steps,
                "tolerance_grad": self.tolerance,
                "tolerance_change": 0.0,
            }
            optimiser = torch.optim.LBFGS(flat, **stop, line_search_fn="strong_wolfe")

            def objective() -> Any:
                optimiser.zero_grad()
                signal = inputs
                for k, (weights, biases) in enumerate(layers):
                    signal = (torch.relu(signal) if k else signal) @ weights + biases
                penalty = sum((weights**2).sum() for weights, _ in layers)
                loss = (
                    torch.nn.functional.cross_entropy(signal, labels)
                    + 0.5 * self.weight_decay * penalty
                )
                loss.backward()
                return loss

            optimiser.step(objective)
            return tuple((w.detach().numpy(), b.detach().numpy()) for w, b in layers)

    def _first_layers(
        self, torch: Any, sizes: list[int]
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Weights (n_in, n_out) and biases (n_out,) to begin with.

        They are zero where linear, else He et al. (2015) from `seed`.
        """
        rng = np.random.default_rng(self.seed)
        spread = [np.sqrt(2.0 / n_in) if self.n_hidden else 0.0 for n_in in sizes]
        return [
            (
                torch.from_numpy(rng.normal(size=(n_in, n_out)) * sd),
                torch.zeros(n_out, dtype=torch.float64),
            )
            for n_in, n_out, sd in zip(sizes, sizes[1:], spread, strict=False)
        ]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedReadout:
    """What `Readout.fit` found; its arrays are plain NumPy, so using it needs no torch."""

    mean: Array  # (n_features,) of the training set
    scale: Array  # (n_features,) standard deviations of the training set, 1 where constant
    layers: tuple[tuple[Array, Array], ...]  # weights (n_in, n_out), biases (n_out,)

    @property
    def n_classes(self) -> int:
        """Number of classes told apart."""
        return len(self.layers[-1][1])

    def scores(self, features: ArrayLike) -> Array:
        """Log-odds (n_samples, n_classes), up to a constant per sample."""
        x = check.finite_array(self, "features", features, ndim=2)
        if x.shape[1] != len(self.mean):
            raise check.fail(
                self, "features", f"must have {len(self.mean)} columns", f"shape {x.shape}"
            )
        signal = (x - self.mean) / self.scale
        for k, (weights, biases) in enumerate(self.layers):
            signal = (np.maximum(signal, 0.0) if k else signal) @ weights + biases
        return np.asarray(signal)

    def probabilities(self, features: ArrayLike) -> Array:
        """Probability of every class (n_samples, n_classes); each row sums to 1."""
        scores = self.scores(features)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def predict(self, features: ArrayLike) -> NDArray[np.int64]:
        """The likeliest class (n_samples,); of equal ones, the lowest."""
        return np.asarray(self.scores(features).argmax(axis=1), np.int64)

    def accuracy(self, features: ArrayLike, labels: ArrayLike) -> float:
        """Fraction of samples whose predicted class is the label."""
        x, y = _pair(self, features, labels, self.n_classes)
        return float(np.mean(self.predict(x) == y))

    def confusion(self, features: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
        """Counts (n_classes, n_classes): row = label, column = predicted class."""
        x, y = _pair(self, features, labels, self.n_classes)
        counts = np.zeros((self.n_classes, self.n_classes), np.int64)
        np.add.at(counts, (y, self.predict(x)), 1)
        return counts

    def module(self) -> torch.nn.Sequential:
        """The readout after standardisation as a `torch.nn.Sequential` (float64).

        It can be trained on.
        """
        library = pytorch()
        parts: list[Any] = []
        for weights, biases in self.layers:
            linear = library.nn.Linear(*weights.shape, dtype=library.float64)
            linear.weight.data = library.tensor(weights.T.copy())
            linear.bias.data = library.tensor(biases)
            parts += [library.nn.ReLU(), linear] if parts else [linear]
        module: torch.nn.Sequential = library.nn.Sequential(*parts)
        return module


def _pair(
    owner: object, features: ArrayLike, labels: ArrayLike, n_classes: int | None
) -> tuple[Array, NDArray[np.int64]]:
    """Features (n_samples, n_features) and labels (n_samples,), checked against each other."""
    x = check.finite_array(owner, "features", features, ndim=2)
    if 0 in x.shape:
        raise check.fail(
            owner, "features", "must hold at least one sample and one feature", f"shape {x.shape}"
        )
    if n_classes is not None:
        n_classes = check.whole(owner, "n_classes", n_classes, least=1, most=MOST_CLASSES)
    y = check.index_array(
        owner, "labels", labels, below=MOST_CLASSES if n_classes is None else n_classes
    )
    if y.shape != (len(x),):
        raise check.fail(
            owner, "labels", f"must be one per row of features ({len(x)})", f"shape {y.shape}"
        )
    return x, y


def pytorch() -> Any:
    """The torch package, or one sentence on how to get it."""
    try:
        import torch
    except ImportError:
        raise DependencyError(
            "Readout: needs PyTorch, which is not installed; install it with: pip install 'potentia[torch]'"
        ) from None
    return torch


@contextmanager
def one_thread(torch: Any) -> Iterator[None]:
    """One torch thread inside: sums in a fixed order, so equal input gives equal bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
