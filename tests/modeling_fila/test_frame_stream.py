"""A video that is encoded as it is read: the same features, within stated memory, and no thread or file is left."""

import gc
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from modeling_fila.frame_stream import GrowingTensor, chunks_of
from modeling_fila.vision_features import encode_frames
from processing_fila import FilaVideoVideoProcessor
from tests.clips import draw_clip
from tests.models import small_model


def random_frames(num_frames, seed=0):
    """(N, 42, 42, 3) uint8: slow changes with cuts, so that scenes differ."""
    generator = torch.Generator().manual_seed(seed)
    colors = torch.randint(0, 256, (num_frames // 5 + 1, 1, 1, 3), generator=generator)
    noise = torch.randint(0, 64, (num_frames, 42, 42, 3), generator=generator)
    return (colors.repeat_interleave(5, 0)[:num_frames] * 3 // 4 + noise).to(torch.uint8)


def expected(model, frames, **options):
    with torch.no_grad():
        return model.get_video_features(frames.permute(0, 3, 1, 2)[None], **options)


def assert_equal(made, wanted):
    assert torch.equal(made.scene_frame_indices, wanted.scene_frame_indices)
    assert torch.equal(made.scene_representatives, wanted.scene_representatives)
    torch.testing.assert_close(made.pooler_output[0], wanted.pooler_output[0], rtol=1e-5, atol=1e-5)


BYTES_OF_A_FRAME = 9 * 32 * 4  # patches x width x float32


@pytest.mark.parametrize("num_kept", [0, 7, 1000])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scene_selection": "uniform"},
        {"scene_selection": "bsm"},
        {"scene_merging": "attention"},
        {"scene_selection": "uniform", "scene_merging": "none"},
        {"newline_position": "grid"},
        {"selection_layer": 1},
    ],
    ids="kmeans uniform bsm attention base grid layer".split(),
)
def test_features_are_those_of_all_frames_at_once(options, num_kept):
    model, frames = small_model(**options, frames_per_chunk=4), random_frames(41)
    asked = []

    def frames_at(places):
        asked.append(places)
        return (frames[place].numpy() for place in places)

    made = model.encode_video(
        (frame.numpy() for frame in frames), frames_at, max_feature_bytes=num_kept * BYTES_OF_A_FRAME
    )
    wanted = expected(model, frames)
    assert_equal(made, wanted)
    used = set(wanted.scene_frame_indices.flatten().tolist())
    assert sorted(place for places in asked for place in places) == sorted(used - set(range(num_kept)))


def test_a_short_video_and_options_of_a_call():
    model = small_model()
    for num_frames in (1, 3, 20):
        frames = random_frames(num_frames)
        assert_equal(model.encode_video(frames), expected(model, frames))
        options = {"num_scenes": 2, "kmeans_seed": 3}
        assert_equal(model.encode_video(frames, scene_options=options), expected(model, frames, scene_options=options))


def test_frames_may_come_in_any_form():
    frames = random_frames(7)
    first = frames.permute(0, 3, 1, 2)
    forms = [frames, frames.numpy(), list(first), [first[:2], first[2:]], iter([frames.numpy()[:6], frames[6]])]
    for form in forms:
        chunks = [chunk.clone() for chunk in chunks_of(form, 3, torch.device("cpu"))]
        assert [len(chunk) for chunk in chunks] == [3, 3, 1]
        assert torch.equal(torch.cat(chunks), first)


@pytest.mark.parametrize("item", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 1), np.uint8)])
def test_what_is_no_frame_is_named(item):
    with pytest.raises(ValueError, match="uint8 frames of the shape"):
        small_model().encode_video([item])


def test_a_frame_of_another_size_is_named():
    with pytest.raises(ValueError, match=r"A frame of the shape \(3, 4, 5\) follows frames of \(3, 4, 4\)"):
        list(chunks_of([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)], 4, torch.device("cpu")))


def test_errors_name_what_is_missing():
    model, frames = small_model(), random_frames(9)
    with pytest.raises(ValueError, match="no frame"):
        model.encode_video([])
    with pytest.raises(ValueError, match="max_feature_bytes"):
        model.encode_video(frames, max_feature_bytes=0)
    with pytest.raises(ValueError, match="gave 1 frames, but"):
        model.encode_video(frames, lambda places: frames[:1], max_feature_bytes=0)
    with pytest.raises(ValueError, match="28 x 42"):
        model.encode_video(frames[:, :28])


def bytes_of_features():
    """Bytes of all patch features that exist at this moment: tensors whose last sizes are patches and width."""
    tensors = [thing for thing in gc.get_objects() if isinstance(thing, torch.Tensor) and thing.shape[-2:] == (9, 32)]
    return sum({tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def test_memory_does_not_grow_with_the_number_of_frames():
    model, peaks = small_model(frames_per_chunk=4), []
    before = bytes_of_features()
    for num_frames in (40, 400):
        frames, sizes = random_frames(num_frames), []

        def read(frames=frames, sizes=sizes):
            for place, frame in enumerate(frames):
                if place % 39 == 0:
                    sizes.append(bytes_of_features() - before)
                yield frame

        model.encode_video(read(), lambda places, frames=frames: frames[places], max_feature_bytes=6 * BYTES_OF_A_FRAME)
        peaks.append(max(sizes))
    assert peaks[0] == peaks[1] and 6 * BYTES_OF_A_FRAME <= peaks[0] <= 14 * BYTES_OF_A_FRAME


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.proc
@pytest.mark.slow
def test_the_process_does_not_grow_with_the_number_of_frames(tmp_path):
    """1,500 frames of 384 x 384 that are read and encoded take hardly more memory than 300.

    It is 7 MiB. It was 151 MiB when the representations of each chunk stayed in a tensor of their own.
    """
    clip = draw_clip(tmp_path / "clip.mp4", seconds=150, fps=10)
    peaks = []
    for num_frames in (300, 1500):
        command = [sys.executable, "-m", "benchmarks.encode_stream", str(clip), "--frames", str(num_frames)]
        options = ["--threads", "1", "--feature-mib", "8"]
        run = subprocess.run([*command, *options], check=True, capture_output=True, text=True, cwd=ROOT)
        numbers = json.loads(run.stdout)
        assert numbers["frames"] == num_frames
        peaks.append(numbers["peak_mib"])
    assert peaks[1] - peaks[0] < 60


def test_rows_are_added_to_one_tensor():
    table, added = GrowingTensor(), torch.arange(3000.0).reshape(1000, 3)
    assert len(table) == 0
    for rows in added.split([1, 0, 300, 2, 697]):
        table.add(rows)
    assert len(table) == 1000 and torch.equal(table.rows, added)


def open_files(path):
    return [file for file in psutil.Process().open_files() if file.path == str(path)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_encode_leaves_no_thread_and_no_file(processor_and_clip, error, monkeypatch):
    processor, clip = processor_and_clip
    model = small_model(frames_per_chunk=2)
    threads = set(threading.enumerate())
    calls = []

    def fail(*args):
        calls.append(1)
        if len(calls) == 3:
            raise error("stop")
        return encode_frames(*args)

    monkeypatch.setattr("modeling_fila.frame_stream.encode_frames", fail)
    with pytest.raises(error, match="stop"), processor.open_stream(clip, num_frames=30) as stream:
        model.encode_video(stream, stream.frames_at)
    assert set(threading.enumerate()) == threads and open_files(clip) == []


@pytest.fixture(scope="module")
def processor_and_clip(tmp_path_factory):
    path = draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=8, fps=10, scenes=6)
    return FilaVideoVideoProcessor(size={"height": 42, "width": 42}), path


@pytest.mark.parametrize(
    "options",
    [
        {"num_frames": 30},
        {"fps": 2},
        {"do_sample_frames": False},
        {"num_frames": 5, "start_seconds": 1.0, "end_seconds": 3.0},
        {"num_frames": 12, "seek_mode": "keyframe"},
    ],
    ids="number rate all part keys".split(),
)
def test_a_file_is_encoded_as_it_is_read(processor_and_clip, options):
    """The same frames, times and features as those of the processor, with a second pass over the selected frames."""
    processor, clip = processor_and_clip
    model = small_model(frames_per_chunk=4)
    inputs = processor(clip, return_tensors="pt", return_metadata=True, **options)
    (metadata,) = inputs.pop("video_metadata")
    with processor.open_stream(clip, **options) as stream:
        made = model.encode_video(stream, stream.frames_at, max_feature_bytes=0, num_frames=len(stream))
        for name in ("frames_indices", "frame_seconds", "total_num_frames", "duration", "fps", "width", "height"):
            assert getattr(stream.metadata, name) == pytest.approx(getattr(metadata, name)), name
    with torch.no_grad():
        assert_equal(made, model.get_video_features(**inputs))
    assert open_files(clip) == []


def test_a_processor_that_normalizes_otherwise_is_refused(processor_and_clip):
    with pytest.raises(ValueError, match="image_mean"):
        FilaVideoVideoProcessor(image_mean=[0.4, 0.4, 0.4]).open_stream(processor_and_clip[1])


def test_a_progress_bar_counts_frames(capfd):
    small_model(frames_per_chunk=4).encode_video(random_frames(10), num_frames=10, shows_progress=True)
    assert "10/10" in capfd.readouterr().err
