"""The model card of a converted checkpoint: what it was made from, its licence, and what it is not."""

from pathlib import Path

import yaml
from huggingface_hub import ModelCard, ModelCardData

from configuration_fila import FilaVideoConfig

from .errors import ConversionError
from .parity import Parity
from .source_files import SourceFiles


PAPER = "[FiLA-Video](https://arxiv.org/abs/2504.20384)"

FILA_VIDEO = """
# FiLA-Video from {sources}

The weights of {sources} as a {paper} model, made by `convert_checkpoint.py`. {scenes}

**These are not the weights of the paper's authors, who have published none. {training}**

{parity}

```python
from transformers import pipeline

pipe = pipeline("video-text-to-text", model=path, trust_remote_code=True)
pipe("clip.mp4", text="What happens?")
```

## Licence

{licences}
"""

LLAVA_ONEVISION = """
# LLaVA-OneVision from {sources}

What {sources}, a {paper} model, shares with LLaVA-OneVision: vision tower, projector and language model, for
transformers' `LlavaOnevisionForConditionalGeneration`. Selection and merging of scenes are not part of it.

**These are not the weights of LLaVA-OneVision's authors. {training}**

{parity}

## Licence

{licences}
"""

TEMPLATES = {"fila-video": FILA_VIDEO, "llava-onevision": LLAVA_ONEVISION}
TAGS = {"fila-video": ["fila-video", "video", "long-video"], "llava-onevision": ["llava-onevision", "video"]}


def write_model_card(
    folder: Path, *, to: str, config: FilaVideoConfig, sources: list[SourceFiles], training: str, parity: Parity
) -> None:
    """
    Writes `README.md`.

    Args:
        to: `"fila-video"` or `"llava-onevision"`.
        config: of the FiLA-Video model.
        sources: what it was made from.
        training: a sentence on what has been trained.
        parity: with the source.
    """
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="video-text-to-text",
        base_model=[source.name for source in sources if not source.is_local] or None,
        tags=TAGS[to],
        **joint_licence([licence_of(source) for source in sources]),
    )
    body = TEMPLATES[to].format(
        sources=" and ".join(_title(source) for source in sources),
        paper=PAPER,
        scenes=_describe_scenes(config),
        training=training,
        parity=f"{parity}.".replace("..", "."),
        licences="\n".join(f"- {_title(source)}: {_describe(licence_of(source))}" for source in sources),
    )
    (folder / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n{body}", encoding="utf-8")


def licence_of(source: SourceFiles) -> dict[str, str]:
    """
    `license`, `license_name` and `license_link` in a source's own card, as far as it has them.

    Raises:
        [`ConversionError`]: if the card's metadata are no YAML.
    """
    card = source.folder / "README.md"
    if not card.is_file():
        return {}
    try:
        values = ModelCard.load(card).data.to_dict()
    except (ValueError, yaml.YAMLError) as error:
        raise ConversionError(f"The metadata of {card} cannot be read: {error}") from error
    return {name: values[name] for name in ("license", "license_name", "license_link") if values.get(name)}


def joint_licence(licences: list[dict[str, str]]) -> dict[str, str]:
    """The one licence that all have; `other` where they differ; nothing where one of them says nothing."""
    if not all(licences):
        return {}
    return licences[0] if all(each == licences[0] for each in licences) else {"license": "other"}


def _describe(licence: dict[str, str]) -> str:
    return ", ".join(licence.values()) if licence else "its card names none: ask whoever made it"


def _title(source: SourceFiles) -> str:
    return f"`{source.folder.resolve().name if source.is_local else source.name}`"


def _describe_scenes(config: FilaVideoConfig) -> str:
    if config.scene_merging == "none":
        return f"FiLA-Base: {config.num_frames} frames, none of them merged."
    return (
        f"{config.num_frames} frames become {config.num_scenes} scenes of {config.scene_size}, by "
        f"{config.scene_selection} selection and {config.scene_merging} merging."
    )
