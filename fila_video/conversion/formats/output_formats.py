"""The formats that can be written: FiLA-Video, and LLaVA-OneVision of transformers without scene merging."""

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

from ..checkpoint_folder import generation_config, save_config_and_processor
from ..output_names import TO_FILA_VIDEO, TO_LLAVA_ONEVISION
from ..processor import build_processor
from ..weights.prefixes import replace_prefix, reversed_prefixes
from .key_maps import FILA_VIDEO, LLAVA_ONEVISION
from .llava_onevision import llava_onevision_config


@dataclass(frozen=True)
class OutputFormat:
    """
    Args:
        model_class: Class that loads the checkpoint.
        prefixes: Prefixes of names in a FiLA-Video model, and what replaces them in the file.
        config_of: Makes the configuration of this format from FiLA-Video's.
        save_config_and_processor: Writes everything but the weights into a folder, from FiLA-Video's configuration.
    """

    model_class: type[PreTrainedModel]
    prefixes: dict[str, str]
    config_of: Callable[[FilaVideoConfig], PreTrainedConfig]
    save_config_and_processor: Callable[[Path, FilaVideoConfig, PreTrainedTokenizerBase], None]

    def written_name(self, name: str) -> str:
        """Returns the name in the file for a name in a FiLA-Video model."""
        written = replace_prefix(name, self.prefixes)
        assert written is not None, name
        return written


def _save_llava_onevision(folder: Path, config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase) -> None:
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


OUTPUT_FORMATS = {
    TO_FILA_VIDEO: OutputFormat(
        FilaVideoForConditionalGeneration,
        reversed_prefixes(FILA_VIDEO),
        lambda config: config,
        save_config_and_processor,
    ),
    TO_LLAVA_ONEVISION: OutputFormat(
        LlavaOnevisionForConditionalGeneration,
        reversed_prefixes(LLAVA_ONEVISION),
        llava_onevision_config,
        _save_llava_onevision,
    ),
}
