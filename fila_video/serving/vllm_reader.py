"""Lets vLLM read videos with our reader: a plugin that vLLM finds by its entry point (`vllm.general_plugins`).

vLLM's own readers compute times as frame number / fps. With this one, the prompt has the times of the file, and the
frames are those that the pipeline takes. A server uses it with `--media-io-kwargs '{"video": {"video_backend":
"fila_video"}}'`: vLLM could choose it by the class of the video processor, but looks for that class only in files which
FiLA-Video checkpoints do not have.
"""

from typing import Any

import numpy as np
from vllm.multimodal.video import VIDEO_LOADER_REGISTRY, VideoLoader

from processing_fila.reader import read_video
from processing_fila.video_metadata import metadata_of_sample


NAME = "fila_video"


def register() -> None:
    """Makes the reader known to vLLM, which calls this in each of its processes."""
    VIDEO_LOADER_REGISTRY.register(NAME)(FilaVideoLoader)


class FilaVideoLoader(VideoLoader):
    """Reads videos with `processing_fila.reader`."""

    @classmethod
    def load_bytes(
        cls,
        data: bytes,
        num_frames: int | None = None,
        fps: float | None = None,
        size: tuple[int, int] | None = None,
        **options: Any,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reads and samples a video.

        Args:
            data: The file.
            num_frames: Number of frames to sample; -1 for the number that `max_frames` allows.
            fps: Frames per second to sample instead.
            size: (height, width) in pixels to which frames are resized while they are decoded. With the size that the
                model takes, memory holds small frames only, and they are those of the pipeline.
            **options: Other options of `read_video`, such as `max_frames`.

        Returns:
            Frames of shape (N, H, W, 3), uint8, and the fields of `FilaVideoMetadata`.

        Raises:
            VideoReadError: If the file cannot be read.
            ValueError: If an option is out of range.
        """
        if fps is not None or num_frames == -1:
            num_frames = None  # vLLM always gives a number of frames
        if size is not None:
            size = (size[0], size[1])  # JSON has lists
        video = read_video(data, num_frames=num_frames, fps=fps, size=size, **options)
        known = {name: value for name, value in metadata_of_sample(video).items() if value is not None}
        return video.frames, {**known, "do_sample_frames": False}
