"""The trainings of the experiment zero-shot, in torch.

Here are encoders, losses, and accuracy after every epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from potentia.experiments.datasets.frames import Frames
from potentia.experiments.liquids.embedding import (
    Loss,
    Pair,
    Views,
    contrastive,
    embeddings,
    prototypical,
    retrieval,
    train,
)
from potentia.experiments.liquids.liquid import Echo, Liquid
from potentia.experiments.liquids.srnn import SRNN

SEEN: Final = (1, 2, 3, 4, 5, 6, 7)
UNSEEN: Final = (8, 9)


@final
@dataclass(frozen=True, kw_only=True)
class Scene:
    """Images and sounds in frames, and what takes them.

    That is the liquids, or the spiking networks of their size.
    """

    images: Frames
    sounds: Frames
    image_liquid: Liquid
    sound_liquid: Liquid


@final
@dataclass(frozen=True, kw_only=True)
class Training:
    """How an embedding is trained. loss: "clip", "proto", or "" for not at all.

    dealt: the names of the seen classes of the sounds are dealt anew, by the seed, before anything
    is trained.
    """

    loss: str
    epochs: int
    batch: int
    rate: float
    temperature: float
    dimensions: int
    dealt: bool = False


@final
@dataclass(kw_only=True)
class Score:
    """Accuracy after every epoch, and where the test samples lie in the end.

    The accuracy is that on the seen and on the unseen test classes. places: images and sounds (n,
    n_out) and their classes (n,), of length 1.
    """

    seen: list[float] = field(default_factory=list)
    unseen: list[float] = field(default_factory=list)
    places: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def learn(training: Training, scene: Scene, seed: int, echoes: tuple[Echo, Echo] | None) -> Score:
    """Train on the seen classes.

    It is done behind the liquids that made `echoes`, or behind spiking networks that learn too.
    """
    generator = torch.Generator().manual_seed(seed)
    pair, training_set, test_set = _prepare(training, scene, echoes, generator)
    if training.dealt:
        order = torch.randperm(len(SEEN), generator=generator).tolist()
        names = {SEEN[k]: SEEN[order[k]] for k in range(len(SEEN))}
        training_set, test_set = training_set.renamed(names), test_set.renamed(names)
    seen, unseen, score = test_set.of(SEEN), test_set.of(UNSEEN), Score()

    def after(epoch: int) -> None:
        score.seen.append(retrieval(pair, seen))
        score.unseen.append(retrieval(pair, unseen))

    if training.loss:
        train(
            pair,
            training_set.of(SEEN),
            _loss(training),
            epochs=training.epochs,
            batch=training.batch,
            rate=training.rate,
            generator=generator,
            after=after,
        )
    else:
        after(0)
    image, sound = embeddings(pair, test_set)
    classes = {
        "image_class": test_set.image_class.numpy(),
        "sound_class": test_set.sound_class.numpy(),
    }
    score.places = {"image": image, "sound": sound, **classes}
    return score


def _loss(training: Training) -> Loss:
    def clip(*views: torch.Tensor) -> torch.Tensor:
        return contrastive(*views, temperature=training.temperature)

    losses: dict[str, Loss] = {"clip": clip, "proto": prototypical}
    return losses[training.loss]


def _prepare(
    training: Training, scene: Scene, echoes: tuple[Echo, Echo] | None, generator: torch.Generator
) -> tuple[Pair, Views, Views]:
    """Both encoders, and what they are shown to train and to test on."""
    liquids, frames = (scene.image_liquid, scene.sound_liquid), (scene.images, scene.sounds)
    if echoes is None:
        encoders: list[torch.nn.Module] = [SRNN(liquid, generator) for liquid in liquids]
        shown = [each.dense(np.arange(len(each))) for each in frames]
    else:
        encoders = [torch.nn.Identity(), torch.nn.Identity()]
        shown = [
            (made.counts / liquid.n_steps).astype(np.float32)
            for made, liquid in zip(echoes, liquids, strict=True)
        ]
    pair = Pair(
        *encoders,
        n_image=liquids[0].n_neurons,
        n_sound=liquids[1].n_neurons,
        n_out=training.dimensions,
        generator=generator,
    )
    return pair, _views(frames, shown, test=False), _views(frames, shown, test=True)


def _views(frames: tuple[Frames, Frames], shown: list[NDArray[np.float32]], *, test: bool) -> Views:
    """The test or the training part of both."""
    parts = [each.is_test == test for each in frames]
    arrays = [torch.from_numpy(array[part]) for array, part in zip(shown, parts, strict=True)]
    labels = [torch.from_numpy(each.label[part]) for each, part in zip(frames, parts, strict=True)]
    return Views(images=arrays[0], image_class=labels[0], sounds=arrays[1], sound_class=labels[1])
