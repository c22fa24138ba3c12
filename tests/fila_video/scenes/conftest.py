"""The small model, and scenes that no model is needed for."""

import pytest
from transformers import pipeline

import fila_video  # noqa: F401 (registers the classes)
from tests.clips import draw_clip
from tests.environment import REPOSITORY


@pytest.fixture(scope="session")
def pipe():
    return pipeline("video-text-to-text", model=str(REPOSITORY / "checkpoints" / "fila-video-mini"))


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A clip of 8 scenes of 2 seconds, which cannot be confused."""
    return draw_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", scenes=8, seconds=16, size=(90, 160))


@pytest.fixture(scope="session")
def found(pipe, clip):
    """The scenes of the clip."""
    return fila_video.scenes.of(pipe, clip, num_frames=48, num_scenes=12)
