"""Packs the questions of a chat into one row, so that the part that they share is computed once.

A row is the shared prefix (system turn, media, times), followed by every question with its answer. A question attends
to the prefix and to itself, at the positions that it would have alone. So the losses are those of separate samples.

B rows, T tokens of a row.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from ..model.cpu_attention import LEAN_ATTENTION


# Attention implementations that take the mask of packed questions.
MASKED_ATTENTION = ("eager", LEAN_ATTENTION, "sdpa")
# Values of `question_ids`; the questions have the numbers 1, 2, ...
SHARED_PREFIX = 0
PADDING = -1


def pack_questions(
    inputs: dict[str, Any], chats: Sequence[list[dict[str, Any]]], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """
    Rearranges a batch of chats into rows of packed questions.

    Args:
        inputs: Output of the processor for the chats, padded on the right; it includes tensors `(B, T)`.
        chats: Messages of the chats. Media are allowed only at the start of the user's first message.
        tokenizer: Tokenizer of the processor.

    Returns:
        The inputs with rearranged `(B, T)`, and two more tensors `(B, T)`. `question_ids` is 0 in the shared prefix,
        the number of the question in a question and its answer, and -1 in the padding. `position_ids` are the
        positions that the tokens would have if each question were alone.

    Raises:
        ValueError: If a chat does not alternate between questions and answers, or has media in other places.
    """
    length = inputs["input_ids"].shape[1]
    rows = [
        _spans(ids[mask.bool()].tolist(), chat, tokenizer)
        for ids, mask, chat in zip(inputs["input_ids"], inputs["attention_mask"], chats, strict=True)
    ]
    places = [torch.tensor([place for start, end in spans for place in range(start, end)]) for spans in rows]
    # The place after the last one stands for padding.
    order = pad_sequence(places, batch_first=True, padding_value=length)  # (B, T)
    fill = {"input_ids": tokenizer.pad_token_id}
    rearranged: dict[str, torch.Tensor] = {
        name: _gather(inputs[name], order, length, fill.get(name, 0))
        for name in ("input_ids", "attention_mask", "assistant_masks")
        if name in inputs
    }
    return {
        **inputs,
        **rearranged,
        "question_ids": pad_sequence([_question_ids(spans) for spans in rows], True, PADDING),
        "position_ids": pad_sequence([_positions(spans) for spans in rows], True, 0),
    }


def packed_attention_mask(question_ids: torch.Tensor, implementation: str) -> torch.Tensor:
    """
    Makes the attention mask of packed questions.

    Args:
        question_ids: `(B, T)`, as `pack_questions` returns them.
        implementation: Attention implementation that takes the mask.

    Returns:
        `(B, 1, T, T)`: bool for `sdpa`, otherwise float32 that is added to the scores.

    Raises:
        ValueError: If the implementation takes no such mask.
    """
    if implementation not in MASKED_ATTENTION:
        names = ", ".join(MASKED_ATTENTION)
        raise ValueError(
            f"attn_implementation={implementation!r} takes no mask of packed questions; choose one of {names}."
        )
    seen, seeing = question_ids[:, None, :], question_ids[:, :, None]
    is_seen = ((seen == SHARED_PREFIX) | (seen == seeing)).tril()[:, None]
    if implementation == "sdpa":
        return is_seen
    return torch.zeros(is_seen.shape, device=is_seen.device).masked_fill(~is_seen, torch.finfo(torch.float32).min)


def _spans(ids: list[int], chat: list[dict[str, Any]], tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, int]]:
    """Finds the spans `(start, end)` of the shared prefix and of each question with its answer; ends are exclusive."""
    check_chat(chat)
    start_id, end_id = (tokenizer.convert_tokens_to_ids(marker) for marker in ("<|im_start|>", "<|im_end|>"))
    starts = [place for place, token in enumerate(ids) if token == start_id]
    ends = [place for place, token in enumerate(ids) if token == end_id]
    first = int(chat[0]["role"] == "system")
    # Turn 0 is the system turn: the template writes its own one before a chat without one.
    questions, answers = range(1, len(starts), 2), range(2, len(starts), 2)
    text = "".join(part["text"] for part in chat[first]["content"] if part["type"] == "text")
    words = tokenizer.encode(text, add_special_tokens=False)
    prefix_end = ends[questions[0]] - len(words)
    if ids[prefix_end : ends[questions[0]]] != words:
        raise ValueError(f"The question {text[:80]!r} is not at the end of its turn in the prompt.")
    marker = len(tokenizer.encode("<|im_start|>user\n", add_special_tokens=False))
    first_tokens = [prefix_end, *(starts[turn] + marker for turn in questions[1:])]
    return [(0, prefix_end), *((start, ends[turn] + 1) for start, turn in zip(first_tokens, answers, strict=True))]


def check_chat(chat: list[dict[str, Any]]) -> None:
    """
    Checks that the questions of a chat can be packed.

    Raises:
        ValueError: If the chat does not alternate between questions and answers, or has media in other places than at
            the start of the first question.
    """
    turns = chat[int(chat[0]["role"] == "system") :]
    roles = [message["role"] for message in turns]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise ValueError(
            f"Separate questions need alternating questions and answers; the turns are {', '.join(roles)}."
        )
    kinds = [part["type"] for part in turns[0]["content"]]
    if any(part["type"] != "text" for message in turns[1:] for part in message["content"]):
        raise ValueError("Separate questions need all media in the first question.")
    if "text" in kinds and any(kind != "text" for kind in kinds[kinds.index("text") :]):
        raise ValueError("Separate questions need the media before the text.")


def _gather(rows: torch.Tensor, order: torch.Tensor, length: int, fill: int) -> torch.Tensor:
    """Takes the tokens of each row in a new order; places behind its end become `fill`."""
    padded = torch.nn.functional.pad(rows, (0, length + 1 - rows.shape[1]), value=fill)
    return padded.gather(1, order)


def _question_ids(spans: list[tuple[int, int]]) -> torch.Tensor:
    return torch.cat([torch.full((end - start,), number) for number, (start, end) in enumerate(spans)])


def _positions(spans: list[tuple[int, int]]) -> torch.Tensor:
    shared = spans[0][1]
    return torch.cat([torch.arange(shared), *(torch.arange(end - start) + shared for start, end in spans[1:])])
