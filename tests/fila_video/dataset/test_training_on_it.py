"""A model can be trained on a dataset: its text is the processor's own, and stage 4 learns from it."""

import json

import pytest
import torch

from fila_video.conversion import train_tokenizer, write_scratch_checkpoint
from fila_video.training.model.trained_parts import PARTS
from fila_video.training.run import run_stage
from processing_fila import FilaVideoProcessor, FilaVideoVideoProcessor
from tests.fila_video.training.stages import losses, small_stage


pytestmark = pytest.mark.assistant_masks


def messages(sample: dict, folder, *, with_sentence: bool = True) -> list[dict]:
    """Returns a LLaVA sample as a chat. `with_sentence=False` removes the sentence, for a processor that writes it."""
    user, reply = (turn["value"] for turn in sample["conversations"])
    lines = user.split("\n")[1:]
    text = "\n".join(lines if with_sentence else lines[1:])
    content = [{"type": "video", "path": str(folder / sample["video"])}, {"type": "text", "text": text}]
    return [{"role": "user", "content": content}, {"role": "assistant", "content": [{"type": "text", "text": reply}]}]


@pytest.fixture(scope="module")
def processor() -> FilaVideoProcessor:
    options = {"num_scenes": 4, "patches_per_side": 3}
    return FilaVideoProcessor(FilaVideoVideoProcessor(size={"height": 42, "width": 42}), train_tokenizer(), **options)


@pytest.fixture(scope="module")
def samples(made) -> list[dict]:
    return [json.loads(line) for line in (made / "captions.jsonl").read_text(encoding="utf-8").splitlines()]


def tokens(processor, chat: list[dict], **options):
    return processor.apply_chat_template(
        chat,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        num_frames=96,
        return_assistant_tokens_mask=True,
        **options,
    )


def test_the_text_is_the_text_that_the_processor_writes(processor, made, samples):
    for sample in samples:
        written = tokens(processor, messages(sample, made), timestamps="none")["input_ids"]
        expected = tokens(processor, messages(sample, made, with_sentence=False), timestamps="sampled")["input_ids"]
        assert torch.equal(written, expected)


def test_stage_4_learns_from_it(made, tmp_path):
    """The records contain the sentence, so the processor must not write it again."""
    write_scratch_checkpoint("tiny", tmp_path / "tiny")
    rates = {f"learning_rates__{part}": 1e-3 for part in PARTS}
    changes = {"batch_size": 1, "micro_batch_size": 1, "max_steps": 4, "epochs": 4, "data__timestamps": "none", **rates}
    output = tmp_path / "out"
    trainer = run_stage(small_stage("video_instruction", tmp_path / "tiny", output, made / "captions.jsonl", **changes))
    found = losses(trainer)
    assert len(found) == 4 and found[-1] < found[0]
    assert trainer.skipped.counts == {"unreadable": 0, "too_long": 0}
