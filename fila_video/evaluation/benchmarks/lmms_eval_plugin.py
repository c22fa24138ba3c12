"""What lmms-eval finds by the entry point `lmms_eval.models`: the name of the model, and where its class is."""

from typing import Any


MODEL = "fila_video"
CLASS = "fila_video.evaluation.benchmarks.lmms_eval_model.FilaVideo"


def manifest() -> Any:
    """Returns the `ModelManifest` of lmms-eval. PyTorch and transformers are imported when the model is chosen."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(MODEL, chat_class_path=CLASS)
