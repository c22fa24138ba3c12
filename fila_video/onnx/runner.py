"""Answers questions about videos with ONNX Runtime. Needs neither PyTorch nor transformers.

    answerer = OnnxVideoAnswerer("my-model-onnx")
    video = answerer.encode("clip.mp4")
    print(answerer.answer(video, "What happens?"))
    print(answerer.scenes(video))

Shape letters: N frames, S scenes, K frames per scene, P patches, D width of the vision tower, C width of the language
model, L visual tokens, T tokens of a prompt.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from processing_fila.reader import read_video
from processing_fila.reader_source import VideoInput

from .prompt import Prompts
from .scene_selection import find_scenes
from .sessions import LANGUAGE_MODEL, SCENE_TOKENS, TOKEN_EMBEDDING, VISION_TOWER, LanguageModel, Part
from .settings import read_first_centers, read_settings


@dataclass(frozen=True)
class EncodedVideo:
    """A video that has been read and encoded once, for any number of questions.

    Attributes:
        tokens: Visual tokens, shape (L, C).
        scene_frames: The sampled frames of each scene, shape (S, K).
        representatives: The representative of each scene, shape (S,).
        seconds: Times of the sampled frames, shape (N,).
        duration_seconds: Length of the video.
    """

    tokens: np.ndarray
    scene_frames: np.ndarray
    representatives: np.ndarray
    seconds: np.ndarray
    duration_seconds: float


class OnnxVideoAnswerer:
    """Answers questions about videos with a folder that `python -m fila_video.onnx export` wrote.

    Args:
        folder: The folder.
        num_threads: Number of threads of ONNX Runtime; by default one for each core.

    Raises:
        FileNotFoundError: If the folder or one of its files does not exist.
        ValueError: If its settings were written by another version.
    """

    def __init__(self, folder: str | Path, *, num_threads: int = 0):
        folder = Path(folder)
        self.settings = read_settings(folder)
        self._first_centers = partial(read_first_centers, folder)
        self._prompts = Prompts(folder, self.settings)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        self._vision_tower = Part(folder / VISION_TOWER, options)
        self.scene_tokens = Part(folder / SCENE_TOKENS, options)
        self._embed = Part(folder / TOKEN_EMBEDDING, options)
        self._language_model = LanguageModel(folder / LANGUAGE_MODEL, options)

    def encode(self, video: VideoInput, *, num_frames: int | None = None, **reader_options: Any) -> EncodedVideo:
        """Reads a video, selects its scenes and merges them.

        Args:
            video: A path, the bytes of a file, a seekable binary file object, or an http(s) or data URL.
            num_frames: Number of frames to sample; by default that of the export.
            **reader_options: Options of `processing_fila.reader.VideoReader`.

        Raises:
            VideoReadError: If the video cannot be read.
            ValueError: If more frames are asked for than the export can cluster.
        """
        num_frames = self.settings.num_frames if num_frames is None else num_frames
        sampled = read_video(video, num_frames=num_frames, size=self.settings.frame_size, **reader_options)
        features = self.encode_frames(sampled.frames)  # (N, P, D)
        scenes, representatives = find_scenes(features.mean(axis=1), self.settings, self._first_centers)
        tokens = self.scene_tokens(features[scenes])  # (S, K, P, D) -> (L, C)
        return EncodedVideo(tokens, scenes, representatives, sampled.seconds, sampled.duration_seconds)

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """Encodes RGB frames of shape (N, H, W, 3), uint8, into patch features of shape (N, P, D), float32."""
        chunk = self.settings.frames_per_chunk
        return np.concatenate([self._vision_tower(frames[at : at + chunk]) for at in range(0, len(frames), chunk)])

    def answer(
        self, video: EncodedVideo, question: str, *, timestamps: str | None = None, max_new_tokens: int | None = None
    ) -> str:
        """Answers a question by greedy decoding.

        Args:
            video: What `encode` returned.
            question: The user's text.
            timestamps: How the prompt states times; by default as the export says.
            max_new_tokens: Longest answer in tokens; by default that of the export.

        Raises:
            ValueError: If an argument is unknown, or the question contains a control token.
        """
        limit = self.settings.max_new_tokens if max_new_tokens is None else max_new_tokens
        logits = self.first_logits(video, question, timestamps=timestamps)
        answer: list[int] = []
        while len(answer) < limit:
            if answer:
                logits = self._language_model.read(self._embed(np.array(answer[-1:])))
            token = self._best(logits)
            if token in self.settings.end_token_ids:
                break
            answer.append(token)
        return self._prompts.decode(answer)

    def first_logits(self, video: EncodedVideo, question: str, *, timestamps: str | None = None) -> np.ndarray:
        """Returns the logits of the first token of the answer, shape (vocabulary,). See `answer`."""
        timestamps = self.settings.timestamps if timestamps is None else timestamps
        ids = self._prompts.layout(
            question,
            num_tokens=len(video.tokens),
            num_scenes=len(video.representatives),
            seconds=video.seconds,
            duration_seconds=video.duration_seconds,
            timestamps=timestamps,
        )
        embeddings = self._embed(ids)  # (T, C)
        embeddings[ids == self._prompts.placeholder_id] = self._tokens_with_times(video, timestamps)
        self._language_model.start()
        return self._language_model.read(embeddings)

    def scenes(self, video: EncodedVideo) -> list[dict[str, Any]]:
        """Returns the scenes with their times in seconds, as `FilaVideoProcessor.post_process_scenes` does."""
        return [
            {
                "representative_seconds": float(video.seconds[representative]),
                "frame_seconds": video.seconds[frames].tolist(),
            }
            for frames, representative in zip(video.scene_frames, video.representatives, strict=True)
        ]

    def _tokens_with_times(self, video: EncodedVideo, timestamps: str) -> np.ndarray:
        """Returns what stands at the placeholders: visual tokens and, if asked for, the times of the scenes."""
        if timestamps not in ("selected", "interleaved"):
            return video.tokens
        ids = self._prompts.times(video.seconds, video.duration_seconds)[video.representatives]  # (S, digits)
        times = self._embed(ids.reshape(-1))  # (S * digits, C)
        if timestamps == "selected":
            return np.concatenate([video.tokens, times])
        num_scenes, width = len(ids), times.shape[-1]
        end = len(video.tokens) // num_scenes * num_scenes
        of_scenes = [times.reshape(num_scenes, -1, width), video.tokens[:end].reshape(num_scenes, -1, width)]
        return np.concatenate([np.concatenate(of_scenes, axis=1).reshape(-1, width), video.tokens[end:]])

    def _best(self, logits: np.ndarray) -> int:
        logits[list(self.settings.suppressed_token_ids)] = -np.inf
        return int(logits.argmax())
