"""Files that end too early: one warning or error in every container, and none for whole files and live recordings."""

import random
import subprocess
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from processing_fila.reader import VideoDamageWarning, VideoReader, VideoReadError, read_video
from tests.clips import draw_clip, draw_frames
from tests.tampered_clips import pictures_of


FASTSTART = {"movflags": "faststart"}
NO_B_FRAMES = {"codec_options": {"x264-params": "bframes=0"}}
CONTAINERS: dict[str, dict] = {
    "table.mp4": {"container_options": FASTSTART} | NO_B_FRAMES,
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}} | NO_B_FRAMES,
    "pictures.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "container_options": FASTSTART},
    "clip.mkv": NO_B_FRAMES,
    "clip.webm": {"codec": "libvpx-vp9", "codec_options": {"auto-alt-ref": "0", "lag-in-frames": "0"}},
    "clip.avi": {"codec": "mpeg4", "codec_options": {"b": "4000000"}},
    "pictures.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "clip.flv": NO_B_FRAMES,
    "clip.wmv": {"codec": "wmv2"},
    "clip.ogg": {"codec": "libvpx"},
    "clip.ivf": {"codec": "libvpx"},
    "clip.ts": NO_B_FRAMES,
    "disk.m2ts": {"container_options": {"mpegts_m2ts_mode": "1"}} | NO_B_FRAMES,
    "clip.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "clip.apng": {"codec": "apng", "pix_fmt": "rgb24"},
    "clip.webp": {},
}
# The last packet of these may be a part of one.
WITHOUT_SIZES = ("clip.ts", "disk.m2ts", "clip.wmv")
LIVE: dict[str, dict] = {
    "live.mkv": {"container_options": {"live": "1"}},
    "live.wmv": {"codec": "wmv2"},
    "live.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}},
    "live.flv": {"container_options": {"flvflags": "no_duration_filesize"}},
    "live.avi": {"codec": "mpeg4"},
    "large.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}
PARTS = (0.45, 0.8)


@pytest.fixture(scope="module", params=CONTAINERS)
def clip(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / request.param
    if path.suffix == ".webp":
        return draw_webp(path)
    return draw_clip(path, seconds=4, gop_size=10, size=(128, 192), **CONTAINERS[request.param])


def draw_webp(path: Path) -> Path:
    first, *others = [Image.fromarray(picture) for picture in draw_frames(20)]
    first.save(path, save_all=True, append_images=others, duration=100, lossless=True)
    return path


def pictures_with_pillow(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        return [np.asarray(image.convert("RGB")) for number in range(image.n_frames) if image.seek(number) is None]


def cut_off(path: Path, target: Path, size: int) -> Path:
    target.write_bytes(path.read_bytes()[:size])
    return target


def size_of_part(path: Path, part: float) -> int:
    """A size that cuts a packet of a transport stream, whether it has 188 or 192 bytes."""
    return round(path.stat().st_size * part) // 192 * 192 + 77


def read_with_warnings(path: Path) -> tuple[np.ndarray, list[str]]:
    """Returns all frames that can be read, and the warnings about damage."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frames = read_video(path, num_frames=400, num_decoders=1).frames
    return frames, [str(warning.message) for warning in caught if warning.category is VideoDamageWarning]


def num_packets_before(path: Path, size: int) -> int:
    """Number of pictures that lie completely in the first bytes of a file."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    return sum(start + length <= size for start, length in places)


@pytest.mark.parametrize("part", PARTS)
def test_cut_anywhere(part, clip, tmp_path):
    """The frames before the cut are those of the whole file, and one message says that the file is cut off."""
    size = size_of_part(clip, part)
    cut = cut_off(clip, tmp_path / clip.name, size)
    frames, messages = read_with_warnings(cut)
    if clip.name in WITHOUT_SIZES:
        assert f"{clip.name} is cut off: the first " in messages[0] and len(messages) <= 2
    else:
        (message,) = messages
        assert f"{clip.name} is cut off: " in message and f"{len(frames)} " in message
    whole = pictures_with_pillow(clip) if clip.suffix == ".webp" else pictures_of(clip)
    assert 0 < len(frames) <= len(whole) - (clip.suffix != ".wmv")
    np.testing.assert_array_equal(frames, np.stack(whole[: len(frames)]))
    if clip.suffix in (".mp4", ".mov"):  # in which `pos` is the place of the picture itself
        assert len(frames) == num_packets_before(clip, size)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("clip", [name for name in CONTAINERS if name != "clip.webp"], indirect=True)
def test_hardly_fewer_frames_than_ffmpeg(clip, tmp_path):
    """The ffmpeg program, which reads no WebP, also shows the picture at the cut, whose rest is invented."""
    cut = cut_off(clip, tmp_path / clip.name, size_of_part(clip, 0.6))
    command = ["ffmpeg", "-v", "quiet", "-i", cut, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo"]
    command += ["-pix_fmt", "gray", "-"]
    shown = len(subprocess.run(command, capture_output=True, check=False).stdout) // (128 * 192)
    frames, _ = read_with_warnings(cut)
    assert shown - 1 <= len(frames) <= shown + 1


@pytest.mark.parametrize(("name", "header_bytes"), [("clip.flv", 11), ("clip.ivf", 12)])
def test_cut_inside_the_header_of_a_frame(name, header_bytes, tmp_path):
    """In these containers `pos` is the place of the header, in front of the picture."""
    clip = draw_clip(tmp_path / name, seconds=4, gop_size=10, size=(128, 192), **CONTAINERS[name])
    with av.open(str(clip)) as container:
        start = [packet.pos for packet in container.demux(video=0) if packet.size][20]
    (tmp_path / "cut").mkdir()
    for size in (start + 1, start + header_bytes - 1, start + header_bytes):
        frames, (message,) = read_with_warnings(cut_off(clip, tmp_path / "cut" / name, size))
        assert f"{name} is cut off: the first 20 frames" in message and len(frames) == 20


def test_whole_files_are_silent(clip):
    frames, messages = read_with_warnings(clip)
    assert messages == [] and len(frames) in (20, 40)


@pytest.mark.parametrize("name", LIVE)
def test_files_that_do_not_state_their_size_are_silent(name, tmp_path):
    """Live recordings, and AVI files whose sizes were never filled in."""
    path = draw_clip(tmp_path / name, seconds=2, **LIVE[name])
    data = bytearray(path.read_bytes())
    if name == "live.avi":
        data[4:8] = bytes(4)
    if name == "large.avi":
        data[4:8] = b"\xff" * 4
    if name == "live.wmv":  # the size of the object with the packets
        place = data.index(bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"))
        data[place + 16 : place + 24] = bytes(8)
    path.write_bytes(data)
    frames, messages = read_with_warnings(path)
    assert messages == [] and len(frames) == 20


def test_real_clips_are_silent(real_videos_dir):
    for path in sorted(real_videos_dir.iterdir()):
        if path.suffix != ".md" and path.name != "corrupted.mp4":
            with warnings.catch_warnings():
                warnings.simplefilter("error", VideoDamageWarning)
                VideoReader(path).close()


def test_the_table_of_a_file_tells_what_is_missing(tmp_path):
    """Sound after the last frame may be missing: every frame is there."""
    options = {"seconds": 4, "audio_seconds": 4, "container_options": FASTSTART} | NO_B_FRAMES
    clip = draw_clip(tmp_path / "clip.mp4", **options)
    with av.open(str(clip)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    cut = cut_off(clip, tmp_path / "cut.mp4", places[23] + 5)
    with pytest.warns(VideoDamageWarning, match=r"cut.mp4 is cut off: 23 of 40 frames can be read\.$"):
        VideoReader(cut).close()
    no_sound = cut_off(clip, tmp_path / "no_sound.mp4", clip.stat().st_size - 10)
    assert read_with_warnings(no_sound)[1] == []


@pytest.mark.parametrize("suffix", ["gif", "apng", "webp"])
def test_animations_cut_between_any_two_bytes(suffix, tmp_path):
    """No picture is ever wrong, wherever the file ends."""
    whole = tmp_path / f"clip.{suffix}"
    options = {"codec": suffix, "pix_fmt": "rgb8" if suffix == "gif" else "rgb24", "size": (16, 24), "seconds": 2}
    draw_webp(whole) if suffix == "webp" else draw_clip(whole, **options)
    pictures = pictures_with_pillow(whole) if suffix == "webp" else pictures_of(whole)
    size = whole.stat().st_size
    for cut_size in random.Random(0).sample(range(size // 3, size - 1), 25):
        frames, messages = read_with_warnings(cut_off(whole, tmp_path / f"cut.{suffix}", cut_size))
        assert len(messages) == 1 and "is cut off" in messages[0]
        np.testing.assert_array_equal(frames, np.stack(pictures[: len(frames)]))


def test_gif_with_bytes_after_its_end(tmp_path):
    path = draw_clip(tmp_path / "clip.gif", codec="gif", pix_fmt="rgb8", seconds=2)
    path.write_bytes(path.read_bytes() + b"some other bytes")
    frames, messages = read_with_warnings(path)
    assert messages == [] and len(frames) == 20


# --- errors instead of warnings --------------------------------------------------------------------------------------


def test_an_error_instead_of_the_warning(tmp_path):
    clip = draw_clip(tmp_path / "clip.mkv", seconds=4)
    cut = cut_off(clip, tmp_path / "cut.mkv", clip.stat().st_size // 2)
    with pytest.warns(VideoDamageWarning) as caught:
        VideoReader(cut).close()
    with pytest.raises(VideoReadError) as error:
        VideoReader(cut, on_damage="error")
    assert str(error.value) == str(caught[0].message)
    assert len(read_video(clip, num_frames=40, on_damage="error").frames) == 40


def test_damaged_frames_as_an_error(tmp_path):
    clip = draw_clip(tmp_path / "clip.mov", codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][30]
    data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    clip.write_bytes(data)
    with VideoReader(clip, on_damage="error") as reader:
        with pytest.raises(VideoReadError, match="1 of 80 frames are damaged"):
            reader.sample(num_frames=80)
        with pytest.raises(VideoReadError, match="1 of 1|not one frame"):
            list(reader.frames_at([30]))
        assert len(list(reader.frames_at([29, 31]))) == 2


def test_other_actions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="on_damage must be one of .*'ignore'"):
        VideoReader(tmp_path / "clip.mp4", on_damage="ignore")


# --- zeros in the middle ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 0.4])
@pytest.mark.parametrize("name", ["clip.mov", "clip.avi"])
def test_pictures_that_end_in_zeros(name, kept, tmp_path):
    """A decoder shows half a picture of such a packet, and says nothing."""
    whole = draw_clip(tmp_path / name, codec="mjpeg", pix_fmt="yuvj420p", size=(128, 192))
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][30]
    place = data.index(bytes(packet))
    start = place + round(kept * packet.size)
    data[start : place + packet.size] = bytes(place + packet.size - start)
    damaged = tmp_path / f"damaged{whole.suffix}"
    damaged.write_bytes(data)
    frames, messages = read_with_warnings(damaged)
    assert len(messages) == 1 and "1 of 80 frames are damaged" in messages[0]
    np.testing.assert_array_equal(frames, np.delete(np.stack(pictures_of(whole)), 30, axis=0))


def test_damage_that_is_met_while_all_frames_are_decoded(tmp_path):
    """A raw stream has no list of packets, so everything is decoded when it is opened."""
    path = draw_clip(tmp_path / "clip.h264", gop_size=10, codec_options={"x264-params": "bframes=0:scenecut=0"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    start = sum(map(len, packets[:35]))
    data[start : start + len(packets[35])] = b"\0\0\0\1\x41" + random.Random(0).randbytes(len(packets[35]) - 5)
    path.write_bytes(data)
    with pytest.warns(VideoDamageWarning, match=r"\d+ of 80 frames are damaged"):
        VideoReader(path).close()
