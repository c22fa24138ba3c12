"""
Attention for training on CPUs: transformers' eager one takes the softmax in float32, and for the many short rows of a
small model the conversions cost as much as the products.

B samples, H heads, G of them share a key, T tokens, D width of a head.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask


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
    Attention with the softmax rounded to the type of the queries. In float32 it is transformers' eager attention.

    Args:
        query: (B, H, T, D); key and value: (B, H / G, T, D).
        attention_mask: (B, 1, T, T), added to the scores, or None.

    Returns:
        (B, T, H, D), and the weights (B, H, T, T).
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
