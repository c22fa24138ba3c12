"""The dataset trains: the prompt is the processor's own, and a step of stage 4 moves all that stage 4 trains."""

import json
from importlib.metadata import version

import pytest
import torch

from conversion_fila import train_tokenizer
from processing_fila import FilaVideoProcessor, FilaVideoVideoProcessor
from tests.models import TEXT, small_model


pytestmark = pytest.mark.skipif(
    tuple(map(int, version("transformers").split(".")[:2])) < (5, 18), reason="transformers marks nothing after a video"
)


def messages(sample: dict, folder, *, with_sentence: bool = True) -> list[dict]:
    """A LLaVA sample as a chat; `with_sentence=False` takes the sentence out again, for a processor that writes it."""
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


def test_the_text_is_what_the_processor_writes_of_itself(processor, made, samples):
    for sample in samples:
        written = tokens(processor, messages(sample, made), timestamps="none")["input_ids"]
        expected = tokens(processor, messages(sample, made, with_sentence=False), timestamps="sampled")["input_ids"]
        assert torch.equal(written, expected)


def test_a_step_of_stage_4(processor, made, samples):
    """Section 3.4: scenes of three frames in time order, merged by weights; tower, projector, language model and
    merging are trained (Table 4: 2e-6, 2e-6, 1e-5, 2e-6), here on the answer's tokens."""
    inputs = tokens(processor, messages(samples[0], made), timestamps="none")
    is_answer = inputs.pop("assistant_masks").bool()
    labels = inputs["input_ids"].where(is_answer, -100)
    model = small_model(
        num_scenes=4,
        scene_selection="uniform",
        scene_merging="weighted",
        text_config={**TEXT, "vocab_size": len(processor.tokenizer), "max_position_embeddings": 16384},
        video_token_id=processor.video_token_id,
        image_token_id=processor.tokenizer.convert_tokens_to_ids("<image>"),
    ).train()
    rates = {"language_model": 1e-5}
    groups = [
        {"params": [parameter], "lr": next((rate for part, rate in rates.items() if part in name), 2e-6)}
        for name, parameter in model.named_parameters()
    ]
    optimizer = torch.optim.AdamW(groups)
    losses = []
    for _ in range(2):
        loss = model(**inputs, labels=labels).loss
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[1] < losses[0]
    for part in ("vision_tower", "scene_merging", "multi_modal_projector", "language_model"):
        moved = [parameter.grad for name, parameter in model.named_parameters() if part in name]
        assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in moved), part
