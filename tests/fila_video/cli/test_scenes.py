"""`fila-video scenes` prints the pipeline's scenes, and hands files to the package that draws them."""

import sys
import types

import pytest


def test_a_table_of_the_scenes(fila, clip, oracle):
    scenes = oracle(str(clip), text="Any?", return_scenes=True, num_frames=20, num_scenes=6)[0]["scenes"]
    done = fila("scenes", clip, "--num-frames", "20", "--num-scenes", "6")
    header, *rows = done.out.splitlines()
    assert (done.status, done.err) == (0, "")
    assert header.split() == ["scene", "time", "seconds", "merged", "frames,", "in", "seconds"]
    assert [row.replace(",", "").split() for row in rows] == [
        [
            str(number),
            f"0:{int(scene['representative_seconds']):02}",
            f"{scene['representative_seconds']:.2f}",
            *dict.fromkeys(f"{seconds:.2f}" for seconds in scene["frame_seconds"]),
        ]
        for number, scene in enumerate(scenes, start=1)
    ]


@pytest.mark.parametrize("name", ["out.html", "out.png", "out.JSON"])
def test_a_file_is_written_by_the_package_that_draws(fila, clip, tmp_path, monkeypatch, name):
    calls = []

    class Scenes:
        def save(self, path):
            calls.append(path)

    def of(pipe, video, **options):
        calls.append((type(pipe).__name__, video, options))
        return Scenes()

    monkeypatch.setitem(sys.modules, "fila_video.scenes", types.SimpleNamespace(of=of))
    done = fila("scenes", clip, "-o", tmp_path / name, "--num-scenes", "6", "--start-seconds", "1")
    assert (done.status, done.out, done.err) == (0, "", f"fila-video scenes: Wrote {tmp_path / name}\n")
    options = {"num_scenes": 6, "start_seconds": 1.0}
    assert calls == [("VideoTextToTextPipeline", str(clip), options), tmp_path / name]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["{clip}", "-o", "out.gif"], 2, "--output out.gif must end with .html, .png or .json"),
        (["{clip}", "-o", "out"], 2, "--output out must end with"),
        (["missing.mp4"], 1, "missing.mp4: there is no such file or folder"),
        (["{clip}", "--end-seconds", "0"], 2, "--end-seconds 0 must be later than --start-seconds 0"),
    ],
)
def test_errors_are_one_line(fila, clip, arguments, status, message):
    done = fila("scenes", *[argument.format(clip=clip) for argument in arguments])
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith(f"fila-video scenes: {message}") and done.err.count("\n") == 1
