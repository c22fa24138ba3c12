"""Subtitle files and text tracks: the lines, times and texts that an independent parser, pysubs2, finds."""

import subprocess
from pathlib import Path

import pysubs2
import pytest

from processing_fila.reader_errors import VideoReadError
from processing_fila.reader_subtitles import MAX_FILE_BYTES, SubtitleLine, plain_text, read_subtitles
from tests.clips import draw_clip


SUBRIP = """1
00:00:00,500 --> 00:00:02,000
<i>Good</i> <b>morning</b>
everyone

2
00:00:02,000 --> 00:00:03,250
<font color="#ff0000">A red</font> line {\\an8}at the top

3
00:00:03,500 --> 00:00:05,000
Übung – fertig
"""
WEBVTT = """WEBVTT - a title

STYLE
::cue { color: lime }

NOTE what follows is a cue

intro
00:00.500 --> 00:02.000 align:start position:10%
Good <b>morning</b>

00:00:02.000 --> 00:00:03.250
- a &lt; b
- yes
"""


STYLED_WEBVTT = """WEBVTT

REGION
id:fred
width:40%

STYLE
::cue(.loud) { color: red }

1
00:00.500 --> 00:02.000 region:fred align:left
<v Anna>Good <i.loud>morning</i></v>

00:00:02.000 --> 00:00:03.250 line:0 position:20%,line-left size:60%
<c.yellow.bg_blue>A red</c> line
<lang en>two</lang> &amp; <b>three</b>

01:00:03.500 --> 01:00:05.000
Übung – fertig
"""
STYLED_ASS = r"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Alignment
Style: Default,Arial,20,&H00FFFFFF,0,2
Style: Loud,Impact,40,&H000000FF,-1,8

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:02.00,Loud,Anna,0,0,0,,{\i1}Good{\i0} {\c&H0000FF&\b1}morning{\r}\Neveryone, here
Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,a note of the translator
Dialogue: 0,0:00:02.00,0:00:03.25,Default,,0,0,0,,{\pos(10,20)\fad(100,100)}A red line{\an8}\hat the top
Dialogue: 1,0:00:02.50,0:00:03.00,Loud,,0,0,0,,{\k20}la {\k30}la
Dialogue: 0,0:01:03.50,0:01:05.00,Default,,0,0,0,Banner;5,Übung – fertig
"""
SSA = r"""[Script Info]
ScriptType: v4.00

[V4 Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Alignment
Style: Default,Arial,18,16777215,0,2

[Events]
Format: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: Marked=0,0:00:00.50,0:00:02.00,Default,,0,0,0,,{\b1}Good{\b0} morning
Dialogue: Marked=0,0:00:02.00,0:00:03.25,Default,,0,0,0,,two\Nlines
"""


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def lines_of_peer(path: Path) -> list[tuple[int, int, str]]:
    """Milliseconds and plain text of each event, by pysubs2. It leaves HTML entities as they are."""
    events = [event for event in pysubs2.load(str(path)).events if not event.is_comment]
    texts = [event.plaintext.replace("&lt;", "<").replace("&amp;", "&") for event in events]
    return [(event.start, event.end, " ".join(text.split())) for event, text in zip(events, texts, strict=True)]


def in_milliseconds(lines: list[SubtitleLine]) -> list[tuple[int, int, str]]:
    return [(round(line.start_seconds * 1000), round(line.end_seconds * 1000), line.text) for line in lines]


@pytest.mark.parametrize(("name", "text"), [("lines.srt", SUBRIP), ("lines.vtt", WEBVTT)])
def test_files_are_read_as_an_independent_parser_reads_them(name, text, tmp_path):
    path = write(tmp_path, name, text)
    assert in_milliseconds(read_subtitles(path)) == lines_of_peer(path)
    pysubs2.load(str(path)).save(str(tmp_path / "lines.ass"))
    assert in_milliseconds(read_subtitles(tmp_path / "lines.ass")) == lines_of_peer(tmp_path / "lines.ass")


@pytest.mark.parametrize(
    ("name", "text", "count"), [("a.vtt", STYLED_WEBVTT, 3), ("a.ass", STYLED_ASS, 4), ("a.ssa", SSA, 2)]
)
def test_styled_files_are_read_as_an_independent_parser_reads_them(name, text, count, tmp_path):
    path = write(tmp_path, name, text)
    found = in_milliseconds(read_subtitles(path))
    assert found == lines_of_peer(path) and len(found) == count
    assert not any(mark in line for _, _, line in found for mark in ("{", "<", "\\", "note"))


@pytest.mark.ffmpeg
def test_a_styled_track_keeps_its_words_and_times(tmp_path):
    path = write(tmp_path, "a.ass", STYLED_ASS)
    video = draw_clip(tmp_path / "silent.mkv", seconds=4)
    command = ["ffmpeg", "-v", "error", "-i", video, "-i", path, "-map", "0", "-map", "1", "-c", "copy"]
    subprocess.run([*command, tmp_path / "clip.mkv"], check=True)
    assert in_milliseconds(read_subtitles(tmp_path / "clip.mkv")) == lines_of_peer(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_encodings_and_line_breaks(encoding, line_break, tmp_path):
    path = write(tmp_path, "lines.srt", SUBRIP.replace("\n", line_break), encoding)
    assert [line.text for line in read_subtitles(path)][-1] == "Übung – fertig"
    with path.open("rb") as file:
        assert read_subtitles(file) == read_subtitles(path.read_bytes()) == read_subtitles(path)


def test_ass_markup_is_removed():
    assert plain_text(r"{\i1}a{\i0}\Nb\hc {\p1}m 0 0 l 10 10{\p0}d &amp; e") == "a b c d & e"


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "codec"), [("clip.mp4", "mov_text"), ("clip.mkv", "subrip"), ("clip.mkv", "ass"), ("clip.webm", "webvtt")]
)
def test_the_text_track_of_a_video(name, codec, tmp_path):
    """Times count from the first frame, also where the clock of the file begins later."""
    video_codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    video = draw_clip(tmp_path / ("silent_" + name), seconds=4, codec=video_codec)
    for language, text in (("deu", SUBRIP.replace("Good", "Guten")), ("eng", SUBRIP)):
        write(tmp_path, f"{language}.srt", text)
    command = ["ffmpeg", "-v", "error", "-y", "-i", video, "-i", tmp_path / "deu.srt", "-i", tmp_path / "eng.srt"]
    command += ["-map", "0", "-map", "1", "-map", "2", "-c:v", "copy", "-c:s", codec, "-output_ts_offset", "7"]
    command += ["-metadata:s:s:0", "language=deu", "-metadata:s:s:1", "language=eng", tmp_path / name]
    subprocess.run(command, check=True)
    found = in_milliseconds(read_subtitles(tmp_path / name, language="eng"))
    expected = lines_of_peer(tmp_path / "eng.srt")
    assert [text for _, _, text in found] == [text for _, _, text in expected]
    assert [start for start, _, _ in found] == pytest.approx([start for start, _, _ in expected], abs=11)
    assert read_subtitles(tmp_path / name)[0].text == "Guten morning everyone"
    with pytest.raises(VideoReadError, match="no subtitle track in the language 'fra'; it has deu, eng"):
        read_subtitles(tmp_path / name, language="fra")


def test_what_has_no_subtitles_is_a_named_error(tmp_path):
    silent = draw_clip(tmp_path / "silent.mp4", seconds=1)
    with pytest.raises(VideoReadError, match="silent.mp4 has no subtitle track"):
        read_subtitles(silent)
    with pytest.raises(VideoReadError, match="notes.txt has no subtitles: it is neither SubRip"):
        read_subtitles(write(tmp_path, "notes.txt", "Nothing of the kind."))
    with pytest.raises(VideoReadError, match="zeros.srt is not a readable video"):
        read_subtitles(write(tmp_path, "zeros.srt", "\0" * 5000))
    with pytest.raises(VideoReadError, match="missing.srt does not exist"):
        read_subtitles(tmp_path / "missing.srt")
    with pytest.raises(VideoReadError, match="large.srt has more than 32 MiB"):
        read_subtitles(write(tmp_path, "large.srt", "x" * (MAX_FILE_BYTES + 1)))


def test_a_playlist_is_no_subtitle_file(tmp_path):
    """FFmpeg would open the file that it names."""
    write(tmp_path, "secret.srt", SUBRIP)
    for text in ("ffconcat version 1.0\nfile secret.srt\n", "#EXTM3U\n#EXTINF:1,\nsecret.srt\n"):
        with pytest.raises(VideoReadError, match="has no subtitles"):
            read_subtitles(write(tmp_path, "list.srt", text))


def test_damaged_lines_are_left_out(tmp_path):
    """The lines around them stay, and nothing but a named error comes out of random bytes."""
    data = SUBRIP.encode()
    for place in range(0, len(data), 7):
        path = tmp_path / "damaged.srt"
        path.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
        try:
            lines = read_subtitles(path)
        except VideoReadError:
            continue
        assert all(line.text for line in lines)
