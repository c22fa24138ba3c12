"""Packed questions: each question is learned exactly as if it were alone."""

import pytest
import torch

from fila_video.training.data.collator import FilaVideoCollator
from fila_video.training.data.question_packing import packed_attention_mask
from fila_video.training.data.records import chat_of
from modeling_fila import FilaVideoForConditionalGeneration
from tests.fila_video.training.conftest import record


pytestmark = pytest.mark.assistant_masks
TURNS = ("What happens?", "It moves.", "How many scenes are there?", "Three of them.", "Is it red?", "no")


def row(media, *turns: str, **files) -> dict:
    return chat_of(record("a", *turns, **files), folder=str(media), source="file")


def loss_of(model, batch: dict) -> torch.Tensor:
    batch = dict(batch)
    question_ids = batch.pop("question_ids", None)
    if question_ids is not None:
        batch["attention_mask"] = packed_attention_mask(question_ids, model.config._attn_implementation)
    return model(**batch, num_items_in_batch=1).loss


@pytest.mark.parametrize("implementation", ["eager", "eager_lean", "sdpa"])
@pytest.mark.parametrize("timestamps", ["sampled", "interleaved"])
def test_the_loss_is_the_sum_of_the_losses_of_each_question_alone(
    processor, checkpoint, media, implementation, timestamps
):
    model = FilaVideoForConditionalGeneration.from_pretrained(checkpoint, attn_implementation=implementation).eval()
    options = {"timestamps": timestamps}
    pairs = list(zip(TURNS[::2], TURNS[1::2], strict=True))
    alone = [row(media, f"<video>\n{question}", answer, video="0.mp4") for question, answer in pairs]
    other = row(media, "What do you see?", "Nothing.")
    together = row(media, f"<video>\n{TURNS[0]}", *TURNS[1:], video="0.mp4")
    batch = FilaVideoCollator(processor, questions="separate", **options)([together, other])
    with torch.no_grad():
        expected = sum(loss_of(model, FilaVideoCollator(processor, **options)([one])) for one in [*alone, other])
        torch.testing.assert_close(loss_of(model, batch), expected, rtol=1e-5, atol=1e-5)
        chat = FilaVideoCollator(processor, **options)([together, other])
        assert abs(loss_of(model, chat) - expected) > 1e-3  # in a chat, later questions see earlier ones


def test_a_system_turn_is_shared(processor, media):
    conversations = [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "<image>\nWhat is it?"},
        {"from": "gpt", "value": "A picture."},
        {"from": "human", "value": "Which color?"},
        {"from": "gpt", "value": "Red."},
    ]
    sample = chat_of({"id": "a", "image": "0.png", "conversations": conversations}, folder=str(media), source="file")
    batch = FilaVideoCollator(processor, questions="separate")([sample])
    ids, question_ids = batch["input_ids"][0], batch["question_ids"][0]
    texts = [processor.decode(ids[question_ids == number]).replace("<image>", "") for number in range(3)]
    assert texts == [
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n\n",
        "What is it?<|im_end|>\n<|im_start|>assistant\nA picture.<|im_end|>",
        "Which color?<|im_end|>\n<|im_start|>assistant\nRed.<|im_end|>",
    ]


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (("<image>\nWhat?", "This.", "And?"), "alternating questions and answers"),
        (("What?", "This.", "<image>\nAnd?", "That."), "all media in the first question"),
        (("What?\n<image>", "This."), "media before the text"),
    ],
)
def test_chats_that_are_not_lists_of_questions_are_refused(processor, media, turns, message):
    with pytest.raises(ValueError, match=message):
        FilaVideoCollator(processor, questions="separate")([row(media, *turns, image="0.png")])


def test_attention_that_takes_no_mask_is_refused():
    with pytest.raises(ValueError, match="flash_attention_2"):
        packed_attention_mask(torch.zeros(1, 2), "flash_attention_2")
