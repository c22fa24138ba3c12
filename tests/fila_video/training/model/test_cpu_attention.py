"""Attention for CPUs gives the same results as transformers' eager attention."""

import pytest
import torch
from transformers import Qwen2Config, Qwen2Model

from fila_video.training.model.cpu_attention import LEAN_ATTENTION


@pytest.fixture(scope="module")
def models() -> dict[str, Qwen2Model]:
    """Two models with the same weights, in which two heads share a key."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 50}
    config = Qwen2Config(**sizes, num_attention_heads=4, num_key_value_heads=2)
    eager = Qwen2Model._from_config(config, attn_implementation="eager")
    lean = Qwen2Model._from_config(config, attn_implementation=LEAN_ATTENTION)
    lean.load_state_dict(eager.state_dict())
    return {"eager": eager, "lean": lean}


@pytest.mark.parametrize("pads", [0, 3])
def test_states_and_gradients_are_those_of_eager_attention(models, pads):
    ids = torch.arange(18).view(2, 9)
    mask = torch.ones_like(ids)
    mask[1, len(mask[1]) - pads :] = 0
    gradients = {}
    for name, model in models.items():
        model.zero_grad()
        states = model(ids, attention_mask=mask).last_hidden_state
        (states * mask[..., None]).square().sum().backward()
        gradients[name] = [states.detach() * mask[..., None], *(p.grad for p in model.parameters())]
    for lean, eager in zip(gradients["lean"], gradients["eager"], strict=True):
        torch.testing.assert_close(lean, eager, rtol=1e-4, atol=1e-5)


def test_the_softmax_stays_in_bfloat16(models):
    """The purpose of this attention. The result is as close to float32 as a matrix product in bfloat16."""
    ids = torch.arange(18).view(2, 9)
    expected = models["eager"](ids).last_hidden_state
    softmax, found = torch.Tensor.softmax, []
    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16):
        patch.setattr(torch.Tensor, "softmax", lambda *a, **k: found.append(softmax(*a, **k)) or found[-1])
        states = models["lean"](ids).last_hidden_state
    assert {weights.dtype for weights in found} == {torch.bfloat16}
    torch.testing.assert_close(states.float(), expected, rtol=0.1, atol=0.1)
