"""The LoRA preset: adapters in the language model; projector and merging weights are trained in full and saved."""

import pytest
import torch
from peft import PeftModel, get_peft_model
from transformers import AutoModelForImageTextToText

from fila_video.training.model.lora import lora_config
from fila_video.training.run import run_stage
from tests.fila_video.training.stages import losses, small_stage
from tests.models import prompt, random_videos, small_model


def test_what_is_trained():
    model = get_peft_model(small_model(), lora_config(r=4))
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    adapters = [name for name in trained if "lora_" in name]
    whole = {name.split("modules_to_save")[0] for name in trained if "lora_" not in name}
    # Two layers of seven linear maps with two matrices each; none in the tower.
    assert len(adapters) == 2 * 7 * 2 and all(".language_model.layers." in name for name in adapters)
    prefix = "base_model.model.model."
    assert whole == {f"{prefix}multi_modal_projector.", f"{prefix}scene_merging."}


def test_saved_and_loaded_adapters_answer_the_same(tmp_path):
    model = get_peft_model(small_model(), lora_config(r=4))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05
    pixels, mask = random_videos(6)
    ids = torch.tensor([prompt([5, 6], 4 * 4 + 1, [7, 8])])
    inputs = {"input_ids": ids, "pixel_values_videos": pixels, "video_frame_mask": mask}
    expected = model.eval()(**inputs).logits
    model.save_pretrained(tmp_path)
    again = PeftModel.from_pretrained(small_model(), tmp_path).eval()
    torch.testing.assert_close(again(**inputs).logits, expected)
    torch.testing.assert_close(again.merge_and_unload()(**inputs).logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.assistant_masks
def test_a_stage_with_lora_ends_in_a_whole_model(checkpoint, video_records, tmp_path):
    changes = {"lora": "{r: 4}", "learning_rates__vision_tower": "null", "learning_rates__language_model": 1e-2}
    stage = small_stage("video_instruction", checkpoint, tmp_path, video_records, max_steps=3, epochs=3, **changes)
    trainer = run_stage(stage)
    assert losses(trainer)[-1] < losses(trainer)[0]
    model, report = AutoModelForImageTextToText.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    before = AutoModelForImageTextToText.from_pretrained(checkpoint).state_dict()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[1] for name in changed} == {"language_model", "multi_modal_projector", "scene_merging"}


def test_the_tower_has_no_adapters(checkpoint, video_records, tmp_path):
    with pytest.raises(ValueError, match=r"vision_tower=null"):
        run_stage(small_stage("video_instruction", checkpoint, tmp_path, video_records, lora="{r: 4}"))
