"""Random networks of snnTorch, and what snnTorch makes of them step by step."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import snntorch as snn
import torch
from torch import nn

KINDS = ("Leaky", "RLeaky", "Lapicque", "Synaptic", "RSynaptic", "Alpha")


def exact_spikes(x):
    """Spikes in the precision of x, where snnTorch's own surrogates make float32 of everything."""
    return (x > 0).to(x.dtype)


def random_net(kind, seed, *, dtype=torch.float64, grid=False):
    """Two or three layers of a kind behind nn.Linear, every option drawn.

    grid: weights and biases are multiples of 2**-8, so that sums of them are exact.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    torch.manual_seed(seed)
    sizes = rng.integers(1, 24, rng.integers(3, 5))
    net = nn.Sequential()
    for k, (n_in, n) in enumerate(pairwise(sizes), 1):
        net.add_module(f"fc{k}", nn.Linear(int(n_in), int(n), bias=bool(rng.random() < 0.8)))
        net.add_module(f"lif{k}", neurons(kind, int(n), rng, dtype))
    net = net.to(dtype)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith(("weight", "bias")):
                parameter.mul_(4.0 if name.startswith("fc") else 1.5)
                if name.startswith("fc") and name.endswith("weight"):
                    parameter.add_(0.15)
                if grid:
                    parameter.copy_((parameter * 256).round() / 256)
    return net.eval()


def neurons(kind, n, rng, dtype, **choices):
    """A layer of neurons with options drawn at random, or as chosen."""
    shape = (n,) if rng.random() < 0.5 else ()  # a mixture would be compiled for itself

    def number(low, high):
        return torch.as_tensor(rng.uniform(low, high, shape), dtype=dtype)

    options = {
        "threshold": number(0.5, 1.5),
        "reset_mechanism": rng.choice(["subtract", "zero", "none"]).item(),
        "learn_threshold": bool(rng.random() < 0.3),
        "init_hidden": True,
        "spike_grad": exact_spikes if dtype == torch.float64 else None,
    }
    options |= {"learn_beta": bool(rng.random() < 0.3)}
    if kind in ("Leaky", "RLeaky", "Synaptic", "RSynaptic"):
        options["reset_delay"] = bool(rng.random() < 0.5)
    if kind in ("RLeaky", "RSynaptic"):
        dense = rng.random() < 0.6
        options |= (
            {"linear_features": n} if dense else {"all_to_all": False, "V": number(-0.5, 0.5)}
        )
    if kind in ("Synaptic", "RSynaptic"):
        options |= {"alpha": number(0.0, 1.0)}
    if kind == "Alpha":
        options |= {"alpha": number(0.8, 1.0)}
    options |= {"beta": number(0.1, 0.75) if kind == "Alpha" else number(0.0, 1.0)}
    if kind == "Lapicque":
        choice = rng.integers(3)
        options["learn_beta"] &= choice == 0  # with R or C snnTorch raises a KeyError
        options["beta"] = torch.as_tensor(rng.uniform(0.4, 0.95), dtype=dtype)
        options["time_step"] = float(rng.choice([1.0, 0.5]))
        if choice == 1:
            options["R"] = float(rng.uniform(0.5, 2.0))
        elif choice == 2:
            del options["beta"]
            options |= {"R": float(rng.uniform(1.0, 4.0)), "C": float(rng.uniform(1.0, 4.0))}
    options |= choices
    # snnTorch raises a TypeError where both are given to RSynaptic
    if kind == "RSynaptic" and not options["reset_delay"]:
        options["init_hidden"] = False
    return getattr(snn, kind)(**options)


def image_net(first, seed=1):
    """Convolutions, poolings of both kinds and all that changes shapes; float64."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    def leaky(n, **options):
        return neurons("Leaky", n, rng, torch.float64, beta=0.8, threshold=0.7, **options)

    net = nn.Sequential()
    for name, layer in {
        "conv1": nn.Conv2d(2, 4, 3, padding=1, stride=(1, 1)),
        "lif1": leaky(4),
        "average": nn.AvgPool2d(2),
        "conv2": nn.Conv2d(4, 6, 2, groups=2, bias=first),
        "drop": nn.Dropout(0.9),
        "lif2": leaky(6),
        "largest": nn.MaxPool2d(2, stride=1),
        "flat": nn.Flatten(),
        "fc": nn.Linear(6 * 2 * 2, 5),
        "lif3": leaky(5),
    }.items():
        net.add_module(name, layer)
    net = net.double().eval()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.startswith(("conv", "fc")):
                parameter.mul_(3.0).add_(0.05)
    return net


def random_input(net, seed, *, steps=40, samples=2, dtype=torch.float64):
    """What each step gives to the module, (T, B, n), 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    n = net[0].in_features
    return (torch.rand((steps, samples, n), generator=generator) < 0.4).to(dtype)


def spikes_of(net, x):
    """What each layer of neurons of an nn.Sequential returns, (T, B, ...), by its name."""
    found, states = {}, {}
    for layer in net.children():
        if isinstance(layer, snn.SpikingNeuron):
            layer.reset_mem()
    with torch.no_grad():
        for step in x:
            now = step
            for name, layer in net.named_children():
                now = _stepped(layer, name, now, states)
                if isinstance(layer, snn.SpikingNeuron):
                    found.setdefault(name, []).append(now.flatten(1).numpy())
    return {name: np.stack(steps) for name, steps in found.items()}


def _stepped(layer, name, now, states):
    """One layer in one step; those that keep no state are handed it."""
    if not isinstance(layer, snn.SpikingNeuron) or layer.init_hidden:
        returned = layer(now)
    else:
        returned = layer(now, *states.get(name, [torch.zeros_like(now)] * 3))
        states[name] = returned
    return returned[0] if isinstance(returned, tuple) else returned
