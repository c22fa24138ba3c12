import pytest
import torch

from fila_video.evaluation.text_likelihood import likelihood_of


def test_the_likelihood_of_a_text_is_the_product_of_its_tokens():
    probabilities = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    found = likelihood_of(probabilities.log(), torch.tensor([1, 2]))
    assert found.log_probability == pytest.approx(torch.log(torch.tensor(0.25 * 0.7)).item())
    assert not found.is_greedy
    assert likelihood_of(probabilities.log(), torch.tensor([0, 2])).is_greedy
