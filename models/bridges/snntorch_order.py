"""In which order a module calls its layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ...errors import ParameterError
from ...sim import validation as check
from .affine import OWNER, Shape
from .frameworks import pytorch, snntorch


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer, under the name that it has in its module."""

    name: str
    module: Any


@dataclass(frozen=True, eq=False)
class Order:
    """Layers in the order in which they are called; input_shape: of what they are given, if known."""

    layers: list[Layer]
    input_shape: Shape | None = None


def order_of(module: Any, layers: Any, sample: Any) -> Order:
    """The layers of a module: those listed, those of an nn.Sequential, or those that a call of it
    with `sample` goes through.
    """
    torch = pytorch(OWNER)
    if not isinstance(module, torch.nn.Module):
        raise check.fail(OWNER, "module", "must be a torch.nn.Module of snnTorch's layers", module)
    if layers is not None:
        return Order(_each_once(list(_listed(module, layers))))
    if sample is not None:
        return _called(module, sample)
    if _is_chain(module) or is_neurons(module):
        return Order(_each_once(list(_members(module, ""))))
    rule = (
        f"must list the layers of {type(module).__name__} in the order in which they are called, since only that of an "
        "nn.Sequential is known; or give sample=, an input to call it with"
    )
    raise check.fail(OWNER, "layers", rule, layers)


def is_neurons(module: Any) -> bool:
    """Whether this is a layer of snnTorch's neurons."""
    return isinstance(module, snntorch(OWNER).SpikingNeuron)


def _twice(module: Any, name: str, place: str) -> ParameterError:
    rule = f"must call the neurons {name!r} once in a step, for two calls move one state"
    return check.fail(OWNER, "module", rule, f"{type(module).__name__} again at {place!r}")


def _is_chain(module: Any) -> bool:
    """Whether a module calls its parts one by one: nn.Sequential, in nothing but the name another."""
    chain = pytorch(OWNER).nn.Sequential
    return isinstance(module, chain) and type(module).forward is chain.forward


def _members(module: Any, name: str) -> Iterator[Layer]:
    """The layers of nested nn.Sequentials, one that is there twice also told twice."""
    if not _is_chain(module):
        yield Layer(name or "neurons", module)
        return
    for own, child in module._modules.items():  # named_children() tells each once
        yield from _members(child, f"{name}.{own}" if name else own)


def _each_once(layers: list[Layer]) -> list[Layer]:
    """Refuse neurons that are called twice in a step, for both calls move the same state."""
    first: dict[int, str] = {}
    for layer in layers:
        if id(layer.module) in first and is_neurons(layer.module):
            raise _twice(layer.module, first[id(layer.module)], layer.name)
        first.setdefault(id(layer.module), layer.name)
    return layers


def _listed(module: Any, layers: Any) -> Iterator[Layer]:
    """The layers that a user lists, by name or as they are."""
    names = {id(member): name for name, member in module.named_modules()}
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        rule = "must be a list of layers or of their names, such as ['fc1', 'lif1']"
        raise check.fail(OWNER, "layers", rule, layers)
    for layer in layers:
        if isinstance(layer, str):
            known = [name for name in names.values() if name]
            check.one_of(OWNER, "layers", layer, known)
            yield from _members(module.get_submodule(layer), layer)
        elif id(layer) in names:
            yield from _members(layer, names[id(layer)])
        else:
            raise check.fail(OWNER, "layers", "must all belong to the module", layer)


@dataclass(frozen=True, eq=False)
class _Call:
    """A call of a layer: tensors in and out, and how often each had been changed in place by then."""

    layer: Layer
    given: Any
    returned: Any
    changes: tuple[int, int]

    @staticmethod
    def of(layer: Layer, given: Any, returned: Any) -> _Call:
        """The call that a hook is told of."""
        into = given[0] if given else None
        out = returned[0] if isinstance(returned, tuple) else returned
        return _Call(layer, into, out, (_changes(into), _changes(out)))

    def hands_to(self, after: _Call) -> bool:
        """Whether another layer got what this one returned: all numbers, in their order, unchanged."""
        given, returned = after.given, self.returned
        if given is None or after.changes[0] != self.changes[1]:
            return False
        in_order = given.stride() == returned.stride() or (
            given.is_contiguous() and returned.is_contiguous()
        )
        same_memory = given.data_ptr() == returned.data_ptr() and given.numel() == returned.numel()
        return given is returned or (same_memory and in_order)


def _changes(tensor: Any) -> int:
    """How often a tensor was changed in place; 0 where torch does not count."""
    counted = pytorch(OWNER).is_tensor(tensor) and not tensor.is_inference()
    return int(tensor._version) if counted else 0


class _Over(Exception):
    """The first step of a call is over."""


def _called(module: Any, sample: Any) -> Order:
    """The layers that a call goes through, up to the first that is called again.

    Each must be handed what the one before has returned, else something else happens in between.
    """
    torch = pytorch(OWNER)
    seen: list[_Call] = []

    def note(layer: Layer) -> Any:
        def hook(_: Any, given: Any, returned: Any) -> None:
            call = _Call.of(layer, given, returned)
            if any(known.layer.module is layer.module for known in seen):
                if not seen[-1].hands_to(call):
                    raise _Over
                if is_neurons(layer.module):
                    raise _twice(layer.module, layer.name, seen[-1].layer.name)
            seen.append(call)

        return hook

    if not torch.is_tensor(sample):
        raise check.fail(
            OWNER, "sample", "must be a tensor that the module can be called with", sample
        )
    with _unchanged(module), torch.no_grad():
        hooks = [layer.module.register_forward_hook(note(layer)) for layer in _leaves(module)]
        try:
            module(sample)
        except _Over:
            pass
        except ParameterError:
            raise
        except Exception as error:
            rule = f"must be a tensor that the module can be called with, which ends in: {error}"
            raise check.fail(OWNER, "sample", rule, f"shape {tuple(sample.shape)}") from None
        finally:
            for hook in hooks:
                hook.remove()
    return _chained(module, seen)


def _chained(module: Any, seen: list[_Call]) -> Order:
    """The order of the layers that were seen, each with what it was given and what it returned."""
    if not seen:
        raise check.fail(OWNER, "module", "must have layers that it calls", type(module).__name__)
    for before, after in pairwise(seen):
        if not before.hands_to(after):
            rule = (
                f"must hand what {before.layer.name!r} returns to {after.layer.name!r} as it is; what happens in "
                "between must be a layer of its own"
            )
            raise check.fail(OWNER, "module", rule, type(module).__name__)
    first = seen[0].given
    return Order([call.layer for call in seen], None if first is None else tuple(first.shape))


def _leaves(module: Any) -> Iterator[Layer]:
    """Modules without parts, and layers of neurons whatever they are made of."""
    inside: set[int] = set()
    for name, member in module.named_modules():
        if id(member) in inside:
            continue
        if is_neurons(member):
            inside |= {id(part) for part in member.modules()}
        if is_neurons(member) or not list(member.children()):
            yield Layer(name, member)


@contextmanager
def _unchanged(module: Any) -> Iterator[None]:
    """Within, a module is in its mode for tests; afterwards it is as before, its states included."""
    members = [(member, member.training, dict(member._buffers)) for member in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for member, training, buffers in members:
            member.training = training
            member._buffers.clear()
            member._buffers.update(buffers)
