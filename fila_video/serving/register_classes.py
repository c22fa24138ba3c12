"""Lets transformers' server find the classes of FiLA-Video."""

import sys

from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from modeling_fila import FilaVideoConfig, FilaVideoForConditionalGeneration


def register_for_server() -> None:
    """
    Makes `transformers serve` accept our checkpoints.

    The server looks the class of a checkpoint up among the attributes of the transformers module, where no remote-code
    model is, and decides by a table of names which models take images and videos.
    """
    transformers = sys.modules["transformers"]
    setattr(transformers, FilaVideoForConditionalGeneration.__name__, FilaVideoForConditionalGeneration)
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES[FilaVideoConfig.model_type] = FilaVideoForConditionalGeneration.__name__
