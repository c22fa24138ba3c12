"""The pipeline through which models are asked."""

from pathlib import Path
from typing import Any

import transformers

from fila_video.common.loading import loading


def load_pipeline(model: Any, **options: Any) -> Any:
    """
    Loads a `video-text-to-text` pipeline.

    Args:
        model: Folder or Hub id of a model, or the model itself.
        options: Options of `transformers.pipeline`.

    Raises:
        OSError: If there is no such folder, and the Hub does not have the model. The message names it.
        ValueError: See `loading`.
    """
    make: Any = transformers.pipeline  # the types that transformers declares do not know this task
    if not isinstance(model, str | Path):
        return make("video-text-to-text", model=model, **options)
    with loading(model, trust_remote_code=bool(options.get("trust_remote_code"))):
        return make("video-text-to-text", model=str(model), **options)
