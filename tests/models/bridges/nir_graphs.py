"""Random graphs of NIR, and a plain stepper for them, written from the specification alone."""

from __future__ import annotations

import numpy as np

from potentia import Network, Simulator
from potentia.models.bridges import NirGraph, NirNode
from potentia.sim import SpikeTrain, TimedArray

DT = 1e-3
SPIKING = ("IF", "LIF", "CubaLIF", "Threshold")
UNITS = ("Input", "I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold")


def neuron(rng: np.random.Generator, kind: str, n: int, leaks: tuple[str, ...]) -> NirNode:
    """A neuron with random parameters, so scaled that it fires now and then."""
    fields = {
        "tau": rng.uniform(2, 20, n) * DT,
        "tau_mem": rng.uniform(2, 20, n) * DT,
        "tau_syn": rng.uniform(1, 10, n) * DT,
        "r": rng.uniform(1, 5, n) * (1 if kind not in ("I", "IF") else 0.3 / DT),
        "v_leak": rng.uniform(-0.1, 0.1, n) * (kind in leaks),
        "v_threshold": rng.uniform(0.1, 0.6, n),
        "v_reset": rng.uniform(-0.2, 0.05, n),
        "w_in": rng.uniform(0.5, 2, n),
        "threshold": rng.uniform(0.1, 0.6, n),
    }
    wanted = {
        "I": ("r",),
        "IF": ("r", "v_threshold", "v_reset"),
        "LI": ("tau", "r", "v_leak"),
        "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
        "CubaLI": ("tau_mem", "tau_syn", "r", "v_leak", "w_in"),
        "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "w_in", "v_threshold", "v_reset"),
        "Threshold": ("threshold",),
    }[kind]
    return NirNode(kind, {name: fields[name] for name in wanted})


def random_graph(
    rng: np.random.Generator, kinds: tuple[str, ...] = UNITS[1:], leaks: tuple[str, ...] = UNITS
) -> NirGraph:
    """One to four neurons in layers: skips, sums, loops onto a layer, delays, chains of maps.

    leaks: neurons that have a v_leak.
    """
    sizes = {"in": int(rng.integers(1, 6))}
    nodes = {"in": NirNode("Input", {"shape": [sizes["in"]]})}
    edges = []

    def chain(source: str, target: str, n: int, tag: str) -> None:
        """Edges from `source` to `target` by way of one to three nodes without state."""
        last, size = source, sizes[source]
        todo = ["matrix", *rng.choice(["Scale", "Delay", "matrix"], rng.integers(0, 3))]
        for k, what in enumerate(rng.permutation(todo)):
            name = f"{tag}.{k}"
            if what == "matrix":
                weight, bias = rng.normal(0.4, 0.6, (n, size)), rng.normal(0, 0.05, n)
                kind = str(rng.choice(["Linear", "Affine"]))
                fields = {"weight": weight} | ({"bias": bias} if kind == "Affine" else {})
                nodes[name], size = NirNode(kind, fields), n
            elif what == "Scale":
                nodes[name] = NirNode("Scale", {"scale": rng.uniform(0.5, 1.5, size)})
            else:
                steps = rng.integers(0, 4, size if rng.random() < 0.5 else ())
                nodes[name] = NirNode("Delay", {"delay": np.broadcast_to(steps, (size,)) * DT})
            edges.append((last, name))
            last = name
        edges.append((last, target))

    for k in range(rng.integers(1, 5)):
        name, n = f"cells{k}", int(rng.integers(1, 6))
        earlier = list(sizes)
        nodes[name], sizes[name] = neuron(rng, str(rng.choice(kinds)), n, leaks), n
        chosen = rng.choice(earlier, min(len(earlier), int(rng.integers(1, 3))), replace=False)
        for source in {str(c) for c in chosen} | {earlier[-1]}:
            chain(source, name, n, f"{source}-{name}")
        if rng.random() < 0.4:
            chain(name, name, n, f"{name}-{name}")
    nodes["out"] = NirNode("Output", {"shape": [sizes[name]]})
    edges.append((name, "out"))
    return NirGraph(nodes, edges)


def chances(rng: np.random.Generator, steps: int, n: int, numbers: bool) -> np.ndarray:
    """Random input (steps, n): spikes as 0 and 1, or numbers."""
    return rng.normal(0.3, 1, (steps, n)) if numbers else (rng.random((steps, n)) < 0.3) * 1.0


class Stepper:
    """Steps a graph of NIR by Euler: each neuron in turn, from what reaches it in the step.

    What another neuron sends counts in the step in which it is sent (edges "layers") or in the one
    after it ("step"); what a neuron sends itself in the one after it, in either case.
    """

    def __init__(self, graph: NirGraph, *, scheme, reset, reset_at, spike, edges, start="zero"):
        self.graph, self.scheme, self.reset, self.reset_at = graph, scheme, reset, reset_at
        self.height = 1 / DT if spike == "dirac" else 1.0
        self.edges, self.start = edges, start
        self.into = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
        self.units = [name for name, node in graph.nodes.items() if node.type in UNITS]
        self.sent = {name: [] for name in self.units}
        self.state = {}

    def run(self, given: np.ndarray) -> dict[str, np.ndarray]:
        """What every unit sends in every step, from the numbers or spikes of the only Input."""
        for row in given:
            for name in self.units:  # in the order of layers
                node = self.graph.nodes[name]
                self.sent[name].append(row if node.type == "Input" else self.neuron(name, node))
        return {name: np.array(rows) for name, rows in self.sent.items()}

    def signal(self, name: str, ago: np.ndarray | int, target: str):
        """What reaches along an edge from `name`, `ago` steps ago, on its way to `target`."""
        node = self.graph.nodes[name]
        if node.type in UNITS:
            if self.edges == "step" or name == target:
                ago = max(ago, 1)
            rows, now = self.sent[name], len(self.sent[target])
            spikes = node.type in SPIKING or (node.type == "Input" and self.spiking)
            row = rows[now - ago] if now >= ago else self.before(name)
            return row * (self.height if spikes else 1.0)
        if node.type == "Delay":
            steps = np.rint(node["delay"] / DT).astype(int)
            parts = {int(k): self.total(name, ago + int(k), target) for k in np.unique(steps)}
            return sum(np.where(steps == k, part, 0.0) for k, part in parts.items())
        x = self.total(name, ago, target)
        if node.type == "Scale":
            return node["scale"] * x
        y = node["weight"] @ x
        return y + node["bias"] if node.type == "Affine" else y

    def total(self, name: str, ago: int, target: str):
        return sum(self.signal(source, ago, target) for source in self.into[name])

    def before(self, name: str):
        """What a unit sends before the first step: a graded one its v."""
        node = self.graph.nodes[name]
        graded = "v_leak" in node.parameters and node.type not in SPIKING
        leak = graded and self.start == "leak"
        return self.size(name) + (node["v_leak"] if leak else 0.0)

    def size(self, name: str):
        node = self.graph.nodes[name]
        return np.zeros(
            node["shape"] if node.type == "Input" else next(iter(node.parameters.values())).shape
        )

    def neuron(self, name: str, node: NirNode):
        x = np.zeros_like(self.size(name)) + self.total(name, 0, name)
        if node.type == "Threshold":
            return (x > node["threshold"]) * 1.0
        zero = np.zeros_like(self.size(name))
        begin = node["v_leak"] if self.start == "leak" and "v_leak" in node.parameters else zero
        v, current, due = self.state.get(name, (begin, zero, zero > 0))
        if self.reset_at == "before" and node.type in SPIKING:
            v = np.where(due, self.after_spike(node, v), v)
        if "tau_syn" in node.parameters:
            new = current + DT / node["tau_syn"] * (-current + node["w_in"] * x)
            used = current if self.scheme == "euler" else new
            v = v + DT / node["tau_mem"] * (node["v_leak"] - v + node["r"] * used)
            current = new
        elif "tau" in node.parameters:
            v = v + DT / node["tau"] * (node["v_leak"] - v + node["r"] * x)
        else:
            v = v + DT * node["r"] * x
        if node.type not in SPIKING:
            self.state[name] = v, current, due
            return v
        if self.reset_at == "after":
            v = np.where(due, self.after_spike(node, v), v)
        fires = v > node["v_threshold"]
        if self.reset_at == "spike":
            v = np.where(fires, self.after_spike(node, v), v)
        self.state[name] = v, current, fires
        return fires * 1.0

    def after_spike(self, node: NirNode, v):
        if self.reset == "value":
            return node["v_reset"]
        return v - node["v_threshold"] if self.reset == "subtract" else v


def outcome(net: Network, numbers: bool) -> dict:
    """The spikes and numbers that a network shows whose source is called "in"."""
    source = next(part for part in net.populations if part.name == "in")
    given = chances(np.random.default_rng(2), 50, source.n, numbers)
    steps, ids = given.nonzero()
    drive = TimedArray(given, DT) if numbers else SpikeTrain((steps + 1) * DT, ids)
    net.stimulate(source, drive)
    result = Simulator(net, dt=DT, dtype="float64").run(50 * DT)
    found = {}
    for probe in net.probes:
        name = probe.target.name
        if probe.what == "spikes":
            spikes = result.spikes(name)
            found[name] = np.column_stack([np.rint(spikes.times / DT), spikes.ids])
        else:
            found[name] = result.samples(name, probe.what).values
    return found
