"""The scenes of the pictures are those of an answer, for every form of a video."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cosine_similarity

import fila_video
from fila_video.scenes.look_at_video import thumbnail_size
from modeling_fila.scene_selection import find_clusters, frame_representations
from processing_fila.reader import VideoReader, read_video
from tests.clips import draw_clip, draw_frames
from tests.oracles import ffmpeg_program


def scenes_of_an_answer(pipe, video, **options):
    return pipe(video, text="What?", return_scenes=True, max_new_tokens=1, **options)[0]["scenes"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_frames": 24, "num_scenes": 5},
        {"fps": 2, "num_scenes": 7, "scene_supplement": "dissimilar", "kmeans_init": "random", "kmeans_seed": 4},
        {"scene_selection": "uniform", "num_scenes": 6, "start_seconds": 3, "end_seconds": 11},
        {"scene_selection": "bsm", "num_scenes": 6, "processor_kwargs": {"num_frames": 30}},
        {"num_frames": 24, "num_scenes": 5, "selection_layer": 1},
        {"num_frames": 3},
    ],
)
def test_the_scenes_are_those_of_an_answer(pipe, clip, options):
    found = fila_video.scenes.of(pipe, clip, **options)
    keys = ("representative_seconds", "frame_seconds")
    scenes = [{key: scene[key] for key in keys} for scene in found.to_dict()["scenes"]]
    assert scenes == scenes_of_an_answer(pipe, str(clip), **options)


def test_the_frames_are_those_that_the_model_saw(pipe, clip, found):
    """Their representations come from the hidden states of the whole tower; the similarities from their definition."""
    processor, model = pipe.processor, pipe.model.model
    inputs = processor.video_processor(str(clip), num_frames=48, return_tensors="pt", return_metadata=True)
    (metadata,) = inputs["video_metadata"]
    assert found.frame_seconds.tolist() == metadata.timestamps
    assert found.frame_indices.tolist() == metadata.frames_indices
    with torch.no_grad():
        pixels = inputs["pixel_values_videos"][0].to(model.dtype)
        hidden = model.vision_tower(pixels, output_hidden_states=True).hidden_states[-1]
    representations = frame_representations(hidden)
    expected = cosine_similarity(representations[:, None].double(), representations[None].double(), dim=-1)
    np.testing.assert_allclose(found.similarities, expected, atol=1e-5)
    config = pipe.model.config
    options = {"scene_size": config.scene_size, "kmeans_init": config.kmeans_init, "kmeans_seed": config.kmeans_seed}
    assert found.clusters.tolist() == find_clusters(representations, num_scenes=12, **options).tolist()


def test_facts_of_the_clip(found, clip):
    assert (found.name, found.path, found.duration_seconds) == ("clip.mp4", clip, 16.0)
    assert found.scene_frames.shape == (12, 3) and found.num_frames == 48
    assert (
        repr(found)
        == "VideoScenes('clip.mp4': 0:16.0 long, 48 frames sampled, 12 scenes of 3 (kmeans, similar supplements))"
    )
    starts = np.arange(12) * 4
    assert found.uniform.tolist() == (starts + 2).tolist()  # the middle of three frames out of four


def test_every_drawn_scene_appears(found):
    seen = {int(found.frame_seconds[frame] // 2) for frame in found.representatives}
    assert seen == set(range(8))


def test_thumbnails_are_the_frames_in_the_shape_of_the_video(found, clip):
    frames = read_video(clip, num_frames=48).frames
    assert found.thumbnails.shape == (48, 90, 160, 3)
    assert np.array_equal(found.thumbnails, frames)


@pytest.mark.parametrize(
    ("size", "count", "expected"),
    [
        ((720, 1280), 96, (180, 320)),
        ((1280, 720), 96, (320, 180)),
        ((90, 160), 96, (90, 160)),
        ((720, 1280), 768, (90, 160)),
        ((2, 4000), 96, (1, 320)),
        ((1000, 1000), 100_000, (96, 96)),
    ],
)
def test_sizes_of_thumbnails(size, count, expected):
    assert thumbnail_size(*size, count) == expected


def test_a_large_video_is_shrunk_while_it_is_read(pipe, tmp_path, monkeypatch):
    path = draw_clip(tmp_path / "large.mp4", seconds=2, scenes=2, size=(480, 640))
    sizes = []
    sample = VideoReader.sample
    monkeypatch.setattr(VideoReader, "sample", lambda *args, **kw: sizes.append(kw["size"]) or sample(*args, **kw))
    found = fila_video.scenes.of(pipe, path, num_frames=8, num_scenes=2)
    assert found.thumbnails.shape == (8, 240, 320, 3)
    assert sizes == [(64, 64), (240, 320)]  # for the small model, and for the pictures


FRAMES = np.stack(list(draw_frames(12, scenes=3, size=(40, 60))))


@pytest.mark.parametrize(
    "video",
    [
        FRAMES,
        np.moveaxis(FRAMES, -1, 1),
        (FRAMES / 255).astype(np.float32),
        [Image.fromarray(frame) for frame in FRAMES],
        torch.from_numpy(FRAMES),
    ],
    ids=["array", "channels first", "floats", "images", "tensor"],
)
def test_frames_in_memory(pipe, video):
    found = fila_video.scenes.of(pipe, video, source_fps=2, num_scenes=3)
    assert (found.name, found.path, found.duration_seconds) == ("video", None, 6.0)
    assert found.frame_seconds.tolist() == [place / 2 for place in range(12)]
    assert np.abs(found.thumbnails.astype(int) - FRAMES).max() <= 1
    assert {int(frame) // 4 for frame in found.representatives} == {0, 1, 2}


def test_bytes_and_file_objects(pipe, clip, found):
    with clip.open("rb") as file:
        for video in (clip.read_bytes(), file):
            same = fila_video.scenes.of(pipe, video, num_frames=48, num_scenes=12)
            assert same.name == "video" and same.path is None
            assert np.array_equal(same.thumbnails, found.thumbnails)
            assert np.array_equal(same.scene_frames, found.scene_frames)


def test_a_folder_of_pictures(pipe, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for place, frame in enumerate(FRAMES):
        Image.fromarray(frame).save(folder / f"{place:02}.png")
    found = fila_video.scenes.of(pipe, folder, source_fps=2, num_scenes=3)
    assert found.name == "pictures" and np.array_equal(found.thumbnails, FRAMES)


def test_options_of_the_pipeline_itself_apply(clip, pipe):
    from transformers import pipeline

    own = pipeline("video-text-to-text", model=pipe.model, processor=pipe.processor, num_frames=20, num_scenes=4)
    assert fila_video.scenes.of(own, clip).scene_frames.shape == (4, 3)
    found = fila_video.scenes.of(own, clip, num_frames=10, max_new_tokens=5)
    assert (found.num_frames, len(found.scenes)) == (10, 4)


@pytest.mark.parametrize(
    ("video", "options", "error", "message"),
    [
        (FRAMES, {}, ValueError, "without times.* source_fps"),
        ([FRAMES, FRAMES], {"source_fps": 1}, ValueError, "Give one video, not 2"),
        ("no such file.mp4", {}, OSError, "no such file.mp4"),
        (FRAMES, {"num_scene": 3}, TypeError, "num_scene=3"),
        (FRAMES, {"num_scenes": 0, "source_fps": 1}, ValueError, "num_scenes"),
    ],
)
def test_wrong_input_is_named(pipe, video, options, error, message):
    with pytest.raises(error, match=message):
        fila_video.scenes.of(pipe, video, **options)


def test_another_pipeline_is_refused():
    with pytest.raises(ValueError, match="needs a FiLA-Video model, not str"):
        fila_video.scenes.of("pipe", "clip.mp4")


def test_a_url_is_named_without_its_secrets():
    from fila_video.scenes.look_at_video import _name_of

    assert _name_of("https://user:word@example.org/a%20b/clip.mp4?token=secret#t=3") == "clip.mp4"
    assert _name_of("https://example.org/") == "video"
    assert _name_of("data:video/mp4;base64,AAAA") == "video"


@pytest.mark.ffmpeg
def test_every_joined_clip_appears(pipe, real_video, tmp_path):
    """16 scenes are enough for the small tower; it was trained on drawn shapes only."""
    names = ["dog.mp4", "coffee.mp4", "juggle.mp4", "nasa_13013.mp4", "vp9.webm"]
    joined = ffmpeg_program.join([real_video(name) for name in names], tmp_path / "joined.mp4", seconds=3)
    found = fila_video.scenes.of(pipe, joined, num_frames=96, num_scenes=16)
    assert {int(found.frame_seconds[frame] // 3) for frame in found.representatives} == set(range(len(names)))
