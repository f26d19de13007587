"""Products of what was sent with weights, on tensors: equal to matrix products, whatever way is taken."""

from itertools import pairwise

import pytest
import torch

from potentia.kernels.torch import product


@pytest.mark.parametrize("n_post", [1, product.NARROW, 60, 300])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("early", [0, 2, 9])
def test_rows_of_few_spikes_add_up_to_the_product(n_post, share, early):
    generator = torch.Generator().manual_seed(1)
    sent = (torch.rand(9, 40, generator=generator) < share).double()
    sent = (sent * torch.randn(sent.shape, generator=generator).double()).requires_grad_()
    matrix = torch.randn(40, n_post, generator=generator).double().requires_grad_()
    weights = torch.randn(9, n_post, generator=generator).double()

    def expected(sent, matrix):
        late = sent[: 9 - early] @ matrix
        return torch.cat([torch.zeros(early, n_post, dtype=late.dtype), late])

    found = []
    for make in (lambda *both: product.times(*both, early), expected):
        made = make(sent, matrix)
        gradients = torch.autograd.grad((made * weights).sum(), (sent, matrix))
        found.append((made, *gradients))
    for here, there in zip(*found, strict=True):
        assert torch.allclose(here, there, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_the_way_is_chosen_by_what_was_sent(share):
    generator = torch.Generator().manual_seed(1)
    sent = (torch.rand(50, 64, generator=generator) < share).float()
    lists = product._lists(sent, 200)
    assert (lists is None) == (share > product.BUSY)
    if lists is not None:
        first, units, numbers = lists
        rows = [units[low:high].tolist() for low, high in pairwise(first)]
        assert rows == [row.nonzero().ravel().tolist() for row in sent]
        assert (numbers[: first[-1]] == 1).all()
