"""Probing a clip: its length, and why it cannot be used."""

import pytest

from fila_video.dataset.clips.open_clip import BadClipError
from fila_video.dataset.clips.probe import probe_clip
from tests.fila_video.dataset.coded_clips import draw_coded_clip


def test_the_length_is_that_of_the_pictures(tmp_path):
    facts = probe_clip(draw_coded_clip(tmp_path / "clip.mp4", 1, 30))
    assert (facts.seconds, facts.num_frames, facts.audio) == (7.5, 30, None)


def test_a_clip_that_cannot_be_probed_says_why(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(BadClipError, match="is not a readable video"):
        probe_clip(tmp_path / "text.mp4")
    with pytest.raises(BadClipError, match="does not exist"):
        probe_clip(tmp_path / "missing.mp4")


def test_a_playlist_cannot_lead_to_another_file(tmp_path):
    draw_coded_clip(tmp_path / "secret.mp4", 1, 10)
    playlist = tmp_path / "clip.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:2.5,\nhttp://localhost:9/secret.mp4\n#EXT-X-ENDLIST\n", encoding="utf-8")
    with pytest.raises(BadClipError):
        probe_clip(playlist)


def test_damaged_frames_are_found_when_all_are_decoded(real_video):
    with pytest.raises(BadClipError, match=r"\d+ of 50 frames are damaged"):
        probe_clip(real_video("corrupted.mp4"), decode="all")


def test_all_frames_of_a_good_clip_can_be_decoded(tmp_path):
    clip = draw_coded_clip(tmp_path / "clip.mp4", 1, 30)
    assert probe_clip(clip, decode="all") == probe_clip(clip)
