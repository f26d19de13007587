"""Two encoders into one space, in torch.

They are trained so that an image and a sound of one class lie close together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from potentia.learning.readout import one_thread

MOST_GRADIENT: Final = 1.0  # norm to which gradients are cut

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """Images and sounds (n, ...) with their classes (n,); what the encoders are shown."""

    images: Tensor
    image_class: Tensor
    sounds: Tensor
    sound_class: Tensor

    def of(self, classes: tuple[int, ...]) -> Views:
        """Only those of `classes`."""
        wanted = torch.tensor(classes)
        image, sound = torch.isin(self.image_class, wanted), torch.isin(self.sound_class, wanted)
        return Views(
            images=self.images[image],
            image_class=self.image_class[image],
            sounds=self.sounds[sound],
            sound_class=self.sound_class[sound],
        )

    def renamed(self, names: dict[int, int]) -> Views:
        """The same with the classes of the sounds renamed: a pairing that means nothing."""
        renamed = torch.tensor([names.get(int(k), int(k)) for k in self.sound_class])
        return Views(
            images=self.images,
            image_class=self.image_class,
            sounds=self.sounds,
            sound_class=renamed,
        )


@final
class Pair(nn.Module):
    """An encoder for images and one for sounds, into a common space.

    Each is followed by one linear layer and a GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415)
    into `n_out` dimensions.
    """

    def __init__(
        self,
        image: nn.Module,
        sound: nn.Module,
        *,
        n_image: int,
        n_sound: int,
        n_out: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.image = nn.Sequential(image, nn.Linear(n_image, n_out), nn.GELU())
        self.sound = nn.Sequential(sound, nn.Linear(n_sound, n_out), nn.GELU())
        for part, n_in in ((self.image, n_image), (self.sound, n_sound)):
            for values in part[1].parameters():
                nn.init.uniform_(values, -(n_in**-0.5), n_in**-0.5, generator=generator)


def contrastive(
    image: Tensor, sound: Tensor, image_class: Tensor, sound_class: Tensor, *, temperature: float
) -> Tensor:
    """Cross-entropy of cosine similarities, both ways (Radford et al. 2021, arXiv:2103.00020).

    image (n, d), sound (m, d). Where several of a batch are of one class, all of them are right
    (Khosla et al. 2020, arXiv:2004.11362), each with equal weight; there must be at least one of
    each class in both.
    """
    alike = functional.normalize(image, dim=1) @ functional.normalize(sound, dim=1).T / temperature
    same = (image_class[:, None] == sound_class[None, :]).to(alike.dtype)
    forth = functional.cross_entropy(alike, same / same.sum(dim=1, keepdim=True))
    back = functional.cross_entropy(alike.T, same.T / same.T.sum(dim=1, keepdim=True))
    return (forth + back) / 2


def prototypical(image: Tensor, sound: Tensor, image_class: Tensor, sound_class: Tensor) -> Tensor:
    """Prototypical networks (Snell et al. 2017, arXiv:1703.05175) across the two kinds.

    A class is the mean of its images; a sound belongs to a class by the softmax of minus its
    squared distances; and the other way round.
    """
    loss = image.new_zeros(())
    for support, support_class, query, query_class in (
        (image, image_class, sound, sound_class),
        (sound, sound_class, image, image_class),
    ):
        classes = torch.unique(support_class)
        means = torch.stack([support[support_class == k].mean(dim=0) for k in classes])
        distances = (query[:, None, :] - means[None, :, :]).square().sum(dim=2)
        loss = (
            loss
            + functional.cross_entropy(-distances, torch.searchsorted(classes, query_class)) / 2
        )
    return loss


def train(
    pair: Pair,
    views: Views,
    loss: Loss,
    *,
    epochs: int,
    batch: int,
    rate: float,
    generator: torch.Generator,
    after: Callable[[int], Any],
) -> None:
    """Train by Adam on random pairs of one class.

    An epoch has every image once, each with a random sound of its class. `after(epoch)` is called
    at the end of each epoch.
    """
    with one_thread(torch):
        optimiser = torch.optim.Adam(pair.parameters(), lr=rate)
        sounds_of = {
            int(k): torch.nonzero(views.sound_class == k)[:, 0]
            for k in torch.unique(views.image_class)
        }
        for epoch in range(epochs):
            for chosen in torch.randperm(len(views.images), generator=generator).split(batch):
                classes = views.image_class[chosen]
                picks = [sounds_of[int(k)] for k in classes]
                partner = torch.stack(
                    [own[torch.randint(len(own), (), generator=generator)] for own in picks]
                )
                optimiser.zero_grad()
                loss(
                    pair.image(views.images[chosen]),
                    pair.sound(views.sounds[partner]),
                    classes,
                    classes,
                ).backward()
                nn.utils.clip_grad_norm_(pair.parameters(), MOST_GRADIENT)
                optimiser.step()
            after(epoch)


@torch.no_grad()
def retrieval(pair: Pair, views: Views) -> float:
    """Share of sounds whose nearest image is of their class.

    It is the nearest by cosine among all images of `views`.
    """
    with one_thread(torch):
        image, sound = (
            functional.normalize(made, dim=1)
            for made in (pair.image(views.images), pair.sound(views.sounds))
        )
        nearest = views.image_class[(sound @ image.T).argmax(dim=1)]
        return float((nearest == views.sound_class).double().mean())


@torch.no_grad()
def embeddings(pair: Pair, views: Views) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Images and sounds in the common space, of length 1: (n, n_out) and (m, n_out)."""
    with one_thread(torch):
        made = (pair.image(views.images), pair.sound(views.sounds))
        image, sound = (functional.normalize(each, dim=1).numpy() for each in made)
    return image, sound
