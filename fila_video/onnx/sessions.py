"""The four ONNX files of a model, run by ONNX Runtime on the CPU."""

from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime import OrtValue


VISION_TOWER, SCENE_TOKENS, TOKEN_EMBEDDING, LANGUAGE_MODEL = (
    "vision_tower.onnx",
    "scene_tokens.onnx",
    "token_embedding.onnx",
    "language_model.onnx",
)


class Part:
    """A part of the model that maps one array to one array."""

    def __init__(self, path: Path, options: onnxruntime.SessionOptions):
        self._session = open_session(path, options)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, array: np.ndarray) -> np.ndarray:
        return self._session.run(None, {self._input: array})[0]


class LanguageModel:
    """The language model, which keeps what it has read in a cache. `start` comes before each prompt."""

    def __init__(self, path: Path, options: onnxruntime.SessionOptions):
        self._session = open_session(path, options)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self._outputs = [output.name for output in outputs]
        self._cache_inputs = [value for value in inputs if len(value.shape) == 4]
        self._cache: list[OrtValue] = []

    def start(self) -> None:
        """Empties the cache, for a new prompt."""
        shapes = [(1, value.shape[1], 0, value.shape[3]) for value in self._cache_inputs]
        self._cache = [OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32)) for shape in shapes]

    def read(self, embeddings: np.ndarray) -> np.ndarray:
        """Reads embedded tokens of shape (T, C); returns the logits of the next token, shape (vocabulary,)."""
        num_tokens = len(embeddings) + self._cache[0].shape()[2]
        feed = {
            "inputs_embeds": OrtValue.ortvalue_from_numpy(embeddings[None]),
            "attention_mask": OrtValue.ortvalue_from_numpy(np.ones((1, num_tokens), np.int64)),
        }
        feed |= {value.name: part for value, part in zip(self._cache_inputs, self._cache, strict=True)}
        # The cache stays with ONNX Runtime: copying it for each token would take longer than the token.
        logits, *self._cache = self._session.run_with_ort_values(self._outputs, feed)
        return logits.numpy()[0]


def open_session(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """
    Raises:
        FileNotFoundError: If the file does not exist.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} has no {path.name}: write it with `python -m fila_video.onnx export`.")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
