"""What runs before the model. Importing this package makes it known to transformers' Auto classes."""

from transformers import AutoProcessor, AutoVideoProcessor

from configuration_fila import FilaVideoConfig

from .processing_fila_video import FilaVideoProcessor
from .video_errors import VideoDamageWarning, VideoReadError
from .video_metadata import FilaVideoMetadata
from .video_processing_fila_video import FilaVideoVideoProcessor
from .video_reader import VideoReader, read_video


AutoProcessor.register(FilaVideoConfig, FilaVideoProcessor)
AutoVideoProcessor.register(FilaVideoConfig, FilaVideoVideoProcessor)

__all__ = [
    "FilaVideoMetadata",
    "FilaVideoProcessor",
    "FilaVideoVideoProcessor",
    "VideoDamageWarning",
    "VideoReadError",
    "VideoReader",
    "read_video",
]
