"""Writes the model card of a converted checkpoint: its sources, their licenses, and what the model is not."""

from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCard, ModelCardData

from configuration_fila import FilaVideoConfig
from modeling_fila.model_card import DEFAULTS, usage

from .errors import ConversionError
from .formats.source_files import SourceFiles
from .output_names import TO_FILA_VIDEO, TO_LLAVA_ONEVISION
from .parity import Parity


PAPER = "[FiLA-Video](https://arxiv.org/abs/2504.20384)"

FILA_VIDEO = """
# FiLA-Video from {sources}

The weights of {sources} as a {paper} model, converted with `convert_checkpoint.py`. {scenes}

**This is not the model of the paper's authors, who have not published their weights. {training}**

{parity}

{usage}

## License

{licenses}
"""

LLAVA_ONEVISION = """
# LLaVA-OneVision from {sources}

The vision tower, the projector and the language model of {sources}, a {paper} model, for transformers'
`LlavaOnevisionForConditionalGeneration`. This model does not select or merge scenes.

**This is not the model of LLaVA-OneVision's authors. {training}**

{parity}

## License

{licenses}
"""

TEMPLATES = {TO_FILA_VIDEO: FILA_VIDEO, TO_LLAVA_ONEVISION: LLAVA_ONEVISION}
TAGS = {TO_FILA_VIDEO: [*DEFAULTS["tags"], "long-video"], TO_LLAVA_ONEVISION: ["llava-onevision", "video"]}


def write_model_card(
    folder: Path, *, to: str, config: FilaVideoConfig, sources: list[SourceFiles], training: str, parity: Parity
) -> None:
    """
    Writes `README.md`.

    Args:
        folder: Folder of the checkpoint.
        to: Format of the checkpoint: `"fila-video"` or `"llava-onevision"`.
        config: Configuration of the FiLA-Video model.
        sources: The checkpoints that it was made from.
        training: A sentence that says what has been trained.
        parity: Result of the comparison with the source.

    Raises:
        ConversionError: If the metadata of a source's card are not YAML.
    """
    data = ModelCardData(
        **{**DEFAULTS, "tags": TAGS[to]},
        base_model=[source.name for source in sources if not source.is_local] or None,
        **joint_license([license_of(source) for source in sources]),
    )
    body = TEMPLATES[to].format(
        sources=" and ".join(_title(source) for source in sources),
        paper=PAPER,
        usage=usage(),
        scenes=_describe_scenes(config),
        training=training,
        parity=f"{parity}.".replace("..", "."),
        licenses="\n".join(f"- {_title(source)}: {_describe(license_of(source))}" for source in sources),
    )
    (folder / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n{body}", encoding="utf-8")


def license_of(source: SourceFiles) -> dict[str, Any]:
    """
    Reads the fields `license`, `license_name` and `license_link` of a source's own card, if they are there.

    Raises:
        ConversionError: If the metadata of the card are not YAML, or if a field is not a text.
    """
    card = source.folder / "README.md"
    if not card.is_file():
        return {}
    try:
        values = ModelCard.load(card).data.to_dict()
    except (ValueError, TypeError, AttributeError, RecursionError, yaml.YAMLError) as error:
        raise ConversionError(f"The metadata of {card} cannot be read: {error}") from error
    found = {name: values[name] for name in ("license", "license_name", "license_link") if values.get(name)}
    for name, value in found.items():
        if not isinstance(value, str):
            raise ConversionError(f"{name}={str(value)[:80]} in the metadata of {card} is not a text.")
    return found


def joint_license(licenses: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the license that all sources have, `other` if they differ, or nothing if one of them states none."""
    if not all(licenses):
        return {}
    return licenses[0] if all(each == licenses[0] for each in licenses) else {"license": "other"}


def _describe(license: dict[str, Any]) -> str:
    return ", ".join(license.values()) if license else "its card does not name a license. Please ask its authors"


def _title(source: SourceFiles) -> str:
    return f"`{source.folder.resolve().name if source.is_local else source.name}`"


def _describe_scenes(config: FilaVideoConfig) -> str:
    if config.scene_merging == "none":
        return f"FiLA-Base: it reads {config.num_frames} frames and does not merge them."
    return (
        f"It turns {config.num_frames} frames into {config.num_scenes} scenes of {config.scene_size} frames each, with "
        f"{config.scene_selection} selection and {config.scene_merging} merging."
    )
