"""Each question of a chat as a sample of its own, in one row: what all of them follow is computed once.

A row is the shared beginning (system turn, media, times) and then every question with its answer. A question sees the
beginning and itself, at the positions that it would have alone; so the losses are those of separate samples.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from .lean_attention import LEAN_ATTENTION


MASKED_ATTENTION = ("eager", LEAN_ATTENTION, "sdpa")
SHARED = 0
PADDING = -1


def separate_questions(
    inputs: dict[str, Any], chats: Sequence[list[dict[str, Any]]], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """
    Lays out a batch of chats anew.

    Args:
        inputs: what the processor makes of the chats, padded on the right; tensors `(B, T)` among others.
        chats: their messages; media stand in the first of the user's messages only.

    Returns:
        the inputs with other `(B, T)`, and `question_ids` `(B, T)`: 0 in the shared beginning, then the question's
        number, -1 in the padding; and `position_ids` `(B, T)`.

    Raises:
        `ValueError`: for a chat that is not questions and answers by turns, with media in the first question alone.
    """
    length = inputs["input_ids"].shape[1]
    rows = [
        _spans(ids[mask.bool()].tolist(), chat, tokenizer)
        for ids, mask, chat in zip(inputs["input_ids"], inputs["attention_mask"], chats, strict=True)
    ]
    places = [torch.tensor([place for span in spans for place in range(*span)]) for spans in rows]
    # One place more than there is stands for padding.
    order = pad_sequence(places, batch_first=True, padding_value=length)  # (B, T)
    fill = {"input_ids": tokenizer.pad_token_id, "scene_time_slots": -1}
    laid_out = {
        name: _gather(inputs[name], order, length, fill.get(name, 0))
        for name in ("input_ids", "attention_mask", "assistant_masks", "scene_time_slots")
        if name in inputs
    }
    return {
        **inputs,
        **laid_out,
        "question_ids": pad_sequence([_question_ids(spans) for spans in rows], True, PADDING),
        "position_ids": pad_sequence([_positions(spans) for spans in rows], True, 0),
    }


def attention_of_questions(question_ids: torch.Tensor, implementation: str) -> torch.Tensor:
    """
    Who sees whom, `(B, 1, T, T)`: what transformers' attention of this kind takes as a mask.

    Raises:
        `ValueError`: if `implementation` is not one of those that take such a mask.
    """
    if implementation not in MASKED_ATTENTION:
        names = ", ".join(MASKED_ATTENTION)
        raise ValueError(f"attn_implementation={implementation!r} takes no mask of questions: choose one of {names}.")
    seen, seeing = question_ids[:, None, :], question_ids[:, :, None]
    is_seen = ((seen == SHARED) | (seen == seeing)).tril()[:, None]
    if implementation == "sdpa":
        return is_seen
    return torch.zeros(is_seen.shape, device=is_seen.device).masked_fill(~is_seen, torch.finfo(torch.float32).min)


def _spans(ids: list[int], chat: list[dict[str, Any]], tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, int]]:
    """Where in a row the shared beginning stands, and each question with its answer."""
    _check_chat(chat)
    start_id, end_id = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    starts = [place for place, token in enumerate(ids) if token == start_id]
    ends = [place for place, token in enumerate(ids) if token == end_id]
    first = int(chat[0]["role"] == "system")
    # The template writes a system turn of its own before a chat without one.
    questions, answers = range(1, len(starts), 2), range(2, len(starts), 2)
    text = "".join(part["text"] for part in chat[first]["content"] if part["type"] == "text")
    words = tokenizer.encode(text, add_special_tokens=False)
    beginning = ends[questions[0]] - len(words)
    if ids[beginning : ends[questions[0]]] != words:
        raise ValueError(f"The question {text!r} does not stand at the end of its turn as it is written.")
    marker = len(tokenizer.encode("<|im_start|>user\n", add_special_tokens=False))
    first_tokens = [beginning, *(starts[turn] + marker for turn in questions[1:])]
    return [(0, beginning), *((start, ends[turn] + 1) for start, turn in zip(first_tokens, answers, strict=True))]


def _check_chat(chat: list[dict[str, Any]]) -> None:
    turns = chat[int(chat[0]["role"] == "system") :]
    roles = [message["role"] for message in turns]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise ValueError(f"Separate questions need questions and answers by turns; the turns are {', '.join(roles)}.")
    kinds = [part["type"] for part in turns[0]["content"]]
    if any(part["type"] != "text" for message in turns[1:] for part in message["content"]):
        raise ValueError("Separate questions need the media in the first of them.")
    if "text" in kinds and any(kind != "text" for kind in kinds[kinds.index("text") :]):
        raise ValueError("Separate questions need the media before the text.")


def _gather(rows: torch.Tensor, order: torch.Tensor, length: int, fill: int) -> torch.Tensor:
    """Tokens of each row in a new order; places beyond its end give `fill`."""
    padded = torch.nn.functional.pad(rows, (0, length + 1 - rows.shape[1]), value=fill)
    return padded.gather(1, order)


def _question_ids(spans: list[tuple[int, int]]) -> torch.Tensor:
    return torch.cat([torch.full((end - start,), number) for number, (start, end) in enumerate(spans)])


def _positions(spans: list[tuple[int, int]]) -> torch.Tensor:
    shared = spans[0][1]
    return torch.cat([torch.arange(shared), *(torch.arange(end - start) + shared for start, end in spans[1:])])
