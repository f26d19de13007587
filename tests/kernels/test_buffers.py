"""Memory is used again once nobody can see it any more, and not before."""

import pytest
import torch

from potentia.kernels.torch import buffers
from potentia.kernels.torch.buffers import fresh

SHAPE, LIKE = (64, 1024), torch.zeros(1)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(buffers, "_free", buffers.deque(maxlen=buffers.KEPT))


HOLDERS = {
    "itself": lambda one: one,
    "view": lambda one: one[3:5].T,
    "detached": lambda one: one.detach(),
    "array": lambda one: one.numpy()[2:],
    "storage": lambda one: one.untyped_storage(),
    "graph": lambda one: torch.ones(SHAPE, requires_grad=True) * one,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_memory_has_one_owner(holder):
    first = fresh(SHAPE, LIKE)
    place = first.data_ptr()
    held = HOLDERS[holder](first)
    del first
    assert fresh(SHAPE, LIKE).data_ptr() != place
    buffers._free.clear()
    del held
    assert fresh(SHAPE, LIKE).data_ptr() == place


def test_other_types_of_the_same_size_share_memory():
    place = fresh(SHAPE, LIKE).data_ptr()
    other = fresh((32, 1024), LIKE.double())
    assert (other.data_ptr(), other.dtype) == (place, torch.float64)


def test_no_more_is_kept_than_told():
    held = [fresh(SHAPE, LIKE) for _ in range(buffers.KEPT + 3)]
    assert not buffers._free
    del held
    assert len(buffers._free) == buffers.KEPT


def test_small_and_huge_ones_are_not_kept():
    for size in (buffers.SMALLEST // 4 - 1, buffers.LARGEST // 4 + 1):
        fresh((size,), LIKE)
    assert not buffers._free
