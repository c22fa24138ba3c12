"""TRL's SFTTrainer trains on video with this project's collator."""

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from peft import get_peft_model

from fila_video.training.data.collator import FilaVideoCollator
from fila_video.training.model.lora import lora_config
from modeling_fila import FilaVideoForConditionalGeneration


pytestmark = pytest.mark.assistant_masks


def conversation(clip: Path, answer: str) -> list[dict]:
    question = [{"type": "video", "path": str(clip)}, {"type": "text", "text": "What happens?"}]
    return [
        {"role": "user", "content": question},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]


@pytest.mark.parametrize("with_lora", [False, True])
def test_a_step_of_sft_on_videos(processor, checkpoint, media, tmp_path, with_lora):
    from trl import SFTConfig, SFTTrainer

    messages = [conversation(media / f"{n}.mp4", f"Clip {n}.") for n in range(4)]
    model = FilaVideoForConditionalGeneration.from_pretrained(checkpoint)
    model = get_peft_model(model, lora_config(r=4)) if with_lora else model
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    trainer = SFTTrainer(
        model,
        args=SFTConfig(
            str(tmp_path),
            max_length=None,
            per_device_train_batch_size=2,
            max_steps=2,
            learning_rate=1e-3,
            remove_unused_columns=False,
            dataset_kwargs={"skip_prepare_dataset": True},
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=False,
        ),
        train_dataset=Dataset.from_dict({"messages": messages}),
        processing_class=processor,
        data_collator=FilaVideoCollator(processor),
    )
    trainer.train()
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert any("scene_merging" in name for name in changed)
    assert any("multi_modal_projector" in name for name in changed)
    assert any("language_model" in name for name in changed)
    assert any("vision_tower" in name for name in changed) != with_lora
