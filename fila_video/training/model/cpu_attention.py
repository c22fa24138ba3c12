"""
Attention for training in bfloat16 on CPUs.

transformers' eager attention computes the softmax in float32. For the many short rows of a small model, the conversions
take as long as the matrix products. This one keeps the softmax in bfloat16.

B samples, H heads, G heads that share a key, T tokens, D width of a head.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask


# The name under which transformers finds it: attn_implementation="eager_lean".
LEAN_ATTENTION = "eager_lean"


def lean_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Computes attention with the softmax in the dtype of the queries; in float32 it equals transformers' eager attention.

    Args:
        module: The attention layer; dropout is applied while it is in training mode.
        query: `(B, H, T, D)`.
        key: `(B, H / G, T, D)`.
        value: `(B, H / G, T, D)`.
        attention_mask: `(B, 1, T, T)`, added to the scores, or None.
        scaling: Factor of the scores.
        dropout: Probability with which an attention weight is set to zero.
        kwargs: Further arguments that transformers passes; they are not used.

    Returns:
        The output `(B, T, H, D)` and the attention weights `(B, H, T, T)`.
    """
    group = query.shape[1] // key.shape[1]
    if group > 1:
        key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
    scores = (query * scaling) @ key.transpose(2, 3)  # (B, H, T, T)
    if attention_mask is not None:
        scores = scores + attention_mask.clamp(min=torch.finfo(scores.dtype).min).to(scores.dtype)
    weights = F.dropout(scores.softmax(dim=-1), p=dropout, training=module.training)
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(LEAN_ATTENTION, lean_attention)
AttentionMaskInterface.register(LEAN_ATTENTION, eager_mask)
