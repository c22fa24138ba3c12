"""What can be written: a FiLA-Video checkpoint, or what it shares with transformers' LLaVA-OneVision."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers import (
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration

from .checkpoint_folder import generation_config, save_beside_weights
from .key_maps import FILA_VIDEO, LLAVA_ONEVISION, rename, reversed_table
from .llava_onevision import llava_onevision_config
from .processor import build_processor


@dataclass(frozen=True)
class Target:
    """
    Args:
        model_class: the class that loads the checkpoint.
        names: beginnings of names in memory, and of those in the file.
        config_of: its configuration, from FiLA-Video's.
        save_beside_weights: writes everything else into a folder, from FiLA-Video's configuration.
    """

    model_class: type[PreTrainedModel]
    names: dict[str, str]
    config_of: Callable[[FilaVideoConfig], PreTrainedConfig]
    save_beside_weights: Callable[[Path, FilaVideoConfig, PreTrainedTokenizerBase], None]

    def written_name(self, name: str) -> str:
        written = rename(name, self.names)
        assert written is not None, name
        return written


def save_beside_llava_onevision(folder: Path, config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """Writes configuration, generation config, and the processor with tokenizer and chat template."""
    theirs = llava_onevision_config(config)
    theirs.architectures = [LlavaOnevisionForConditionalGeneration.__name__]
    theirs.save_pretrained(folder)
    generation_config(config, tokenizer).save_pretrained(folder)
    ours = build_processor(config, tokenizer)
    image_processor = ours.image_processor
    video_processor = LlavaOnevisionVideoProcessor(
        size=dict(image_processor.size), image_mean=image_processor.image_mean, image_std=image_processor.image_std
    )
    LlavaOnevisionProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        video_processor=video_processor,
        num_image_tokens=config.patches_per_side**2,
        vision_feature_select_strategy="full",
        chat_template=ours.chat_template,
        vision_aspect_ratio=config.vision_aspect_ratio,
    ).save_pretrained(folder)


TARGETS = {
    "fila-video": Target(
        FilaVideoForConditionalGeneration, reversed_table(FILA_VIDEO), lambda config: config, save_beside_weights
    ),
    "llava-onevision": Target(
        LlavaOnevisionForConditionalGeneration,
        reversed_table(LLAVA_ONEVISION),
        llava_onevision_config,
        save_beside_llava_onevision,
    ),
}
