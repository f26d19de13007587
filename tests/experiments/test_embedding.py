"""Embeddings and the spiking network that learns: losses in closed form, gradients, and the
liquid's own recursion.
"""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")

from potentia import Simulator  # noqa: E402
from potentia.experiments.liquids.embedding import (  # noqa: E402
    Pair,
    Views,
    contrastive,
    prototypical,
    retrieval,
    train,
)
from potentia.experiments.liquids.liquid import DT, Liquid, network  # noqa: E402
from potentia.experiments.liquids.srnn import HALF_WIDTH, SRNN, Spike  # noqa: E402
from potentia.sim import SpikeTrain  # noqa: E402

SMALL = Liquid(n_inputs=12, n_steps=20, decay=0.9, threshold=5.0, constant=0.3, n_neurons=15)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(n=30, noise=0.2, seed=0):
    """Images and sounds of 3 classes around centres that have nothing to do with one another."""
    g = generator(seed)
    classes = torch.arange(n) % 3
    images, sounds = (
        torch.randn(3, 8, generator=g)[classes] + noise * torch.randn(n, 8, generator=g)
        for _ in "ab"
    )
    return Views(images=images, image_class=classes, sounds=sounds, sound_class=classes)


def pair(seed=0):
    return Pair(
        torch.nn.Identity(),
        torch.nn.Identity(),
        n_image=8,
        n_sound=8,
        n_out=6,
        generator=generator(seed),
    )


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_contrastive_loss_in_closed_form(temperature):
    """Two classes on two axes: each side asks log(1 + exp(-1/T)) of the right one; opposed axes
    swap it.
    """
    image, classes = torch.eye(2, dtype=torch.float64), torch.tensor([0, 1])
    loss = contrastive(image, 3 * image, classes, classes, temperature=temperature)
    assert float(loss) == pytest.approx(math.log1p(math.exp(-1 / temperature)), rel=1e-12)
    swapped = contrastive(image, image.flip(0), classes, classes, temperature=temperature)
    assert float(swapped) == pytest.approx(math.log1p(math.exp(1 / temperature)), rel=1e-12)


def test_contrastive_loss_counts_all_of_one_class_as_right():
    """With one class only, every answer is right with weight 1/n, and alike vectors leave log n."""
    same, classes = torch.ones(4, 3, dtype=torch.float64), torch.zeros(4, dtype=torch.int64)
    assert float(contrastive(same, same, classes, classes, temperature=1.0)) == pytest.approx(
        math.log(4), rel=1e-12
    )


def test_prototypical_loss_in_closed_form():
    """Classes at 0 and d, queries at their means: log(1 + exp(-d^2)) either way."""
    places = torch.tensor([[-1.0], [1.0], [2.0], [4.0]], dtype=torch.float64)  # means 0 and 3
    classes = torch.tensor([0, 0, 5, 5])
    means = torch.tensor([[0.0], [3.0]], dtype=torch.float64)
    loss = prototypical(places, means, classes, torch.tensor([0, 5]))
    back = torch.nn.functional.cross_entropy(-((places - means.T) ** 2), torch.tensor([0, 0, 1, 1]))
    assert float(loss) == pytest.approx((math.log1p(math.exp(-9)) + float(back)) / 2, rel=1e-12)


@pytest.mark.parametrize("loss", [lambda *v: contrastive(*v, temperature=0.5), prototypical])
def test_gradients_of_the_losses(loss):
    image, sound = (
        torch.randn(5, 3, dtype=torch.float64, generator=generator(k), requires_grad=True)
        for k in (1, 2)
    )
    classes = torch.tensor([0, 0, 1, 2, 2])
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, classes, classes), (image, sound))


@pytest.mark.parametrize("loss", [lambda *v: contrastive(*v, temperature=1.0), prototypical])
def test_training_brings_classes_together_across_kinds(loss):
    """What was not trained answers by chance, 1/3, give or take how its 3 x 3 classes happen to
    lie.
    """
    views, epochs, made = clouds(), [], pair()
    train(
        made,
        views,
        loss,
        epochs=60,
        batch=10,
        rate=0.01,
        generator=generator(),
        after=epochs.append,
    )
    assert epochs == list(range(60))
    assert retrieval(made, views) == 1.0
    others = [retrieval(pair(seed), views) for seed in range(20)]
    assert np.mean(others) == pytest.approx(1 / 3, abs=0.25)


def test_training_repeats():
    ends = []
    for _ in range(2):
        made = pair(3)
        train(
            made,
            clouds(),
            prototypical,
            epochs=2,
            batch=7,
            rate=0.01,
            generator=generator(1),
            after=lambda k: None,
        )
        ends.append([values.detach().clone() for values in made.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_views_are_chosen_and_renamed_by_class():
    views = clouds().of((0, 2))
    assert set(views.image_class.tolist()) == {0, 2}
    renamed = views.renamed({0: 2, 2: 0})
    assert torch.equal(renamed.sound_class, 2 - views.sound_class)
    assert torch.equal(renamed.image_class, views.image_class)


def test_the_surrogate_is_a_rectangle_of_area_one():
    above = torch.linspace(-1, 1, 2001, dtype=torch.float64, requires_grad=True)
    Spike.apply(above).sum().backward()
    # the grid has steps of 0.001
    assert float(above.grad.sum()) * 1e-3 == pytest.approx(1.0, abs=5e-3)
    assert float(above.grad[0]) == 0.0
    assert float(above.grad.max()) == 1 / (2 * HALF_WIDTH)


def test_the_spiking_network_is_the_liquid():
    """With the liquid's weights it spikes as the simulator does; rounding differs, and moves no
    spike here.
    """
    simulator = Simulator(network(SMALL, 1), dt=DT)
    made = SRNN(SMALL, generator())
    shapes = (SMALL.n_inputs, SMALL.n_neurons), (SMALL.n_neurons, SMALL.n_neurons)
    for values, projection, shape in zip(
        made.parameters(), simulator.network.projections, shapes, strict=True
    ):
        values.data = torch.from_numpy(simulator.weights(projection).reshape(shape)).float()
    frames = (torch.rand(3, SMALL.n_steps, SMALL.n_inputs, generator=generator(2)) < 0.3).float()
    active = [np.nonzero(frame.numpy()) for frame in frames]
    trains = [SpikeTrain((step + 1.0) * DT, unit) for step, unit in active]
    batch = simulator.run((SMALL.n_steps + 1) * DT, inputs={"frames": trains}, progress=False)
    counts = np.array([sample.spikes("liquid").counts() for sample in batch.samples])
    assert np.array_equal(np.rint(SMALL.n_steps * made(frames).detach().numpy()), counts)
    assert counts.sum() > 50


def test_the_spiking_network_learns():
    """Its loss falls: gradients reach the weights of both kinds."""
    made = SRNN(SMALL, generator())
    frames = (torch.rand(8, SMALL.n_steps, SMALL.n_inputs, generator=generator(2)) < 0.3).float()
    target = torch.zeros(8, SMALL.n_neurons)
    before = made.recurrent.detach().clone()
    optimiser, losses = torch.optim.Adam(made.parameters(), lr=0.02), []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (made(frames) - target).square().sum()
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]
    assert not torch.equal(made.recurrent, before)
