"""The pipeline through which models are asked."""

from typing import Any

import transformers


def load_pipeline(model: Any, **options: Any) -> Any:
    """
    Loads a `video-text-to-text` pipeline.

    Args:
        model: Folder or Hub id of a model, or the model itself.
        options: Options of `transformers.pipeline`.
    """
    make: Any = transformers.pipeline  # the types that transformers declares do not know this task
    return make("video-text-to-text", model=model, **options)
