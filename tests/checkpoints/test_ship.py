"""A shipped checkpoint has the trained weights and the code of this repository."""

import json
import shutil

import pytest

from checkpoints.ship import SHIPPED, copy_code, ship
from tests.clips import draw_clip
from tests.environment import REPOSITORY


CODE = ("modeling_fila/modeling_fila_video.py", "processing_fila/reader.py")


@pytest.fixture
def trained(tmp_path):
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for name in CODE:
        source = REPOSITORY / name
        (folder / source.name).write_bytes(source.read_bytes())
    return folder


def test_code_is_linked_and_the_rest_copied(trained, tmp_path):
    output = tmp_path / "checkpoints" / "mini"
    output.mkdir(parents=True)
    (output / "config.json").write_text("of an earlier training")
    (output / "old.json").write_text("of an earlier training")
    ship(trained, output)
    assert {path.name for path in output.iterdir()} == {path.name for path in trained.iterdir()}
    assert (output / "config.json").read_text() == "{}" and not (output / "config.json").is_symlink()
    for name in CODE:
        link = output / (REPOSITORY / name).name
        assert link.is_symlink() and link.resolve() == (REPOSITORY / name).resolve()
        assert not link.readlink().is_absolute()


def test_different_code_is_refused_and_nothing_is_lost(trained, tmp_path):
    output = tmp_path / "mini"
    ship(trained, output)
    (trained / "reader.py").write_text("# changed")
    with pytest.raises(ValueError, match="/reader.py differs from processing_fila/reader.py"):
        ship(trained, output)
    (trained / "reader.py").rename(trained / "another.py")
    with pytest.raises(ValueError, match="another.py is not a file of"):
        ship(trained, output)
    assert (output / "reader.py").is_file()


def test_a_folder_that_is_no_checkpoint_stays(trained, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for output in (tmp_path / "other", tmp_path, trained):
        with pytest.raises(ValueError, match="left unchanged"):
            ship(trained, output)
    assert (tmp_path / "other" / "notes.txt").read_text() == "mine" and (trained / "config.json").is_file()


@pytest.fixture(params=["text", "dangling"])
def without_links(tmp_path, request):
    """The small model as git writes it with `core.symlinks=false`, and as `cp -r` copies it to another place."""
    folder = tmp_path / "without-links"
    shutil.copytree(SHIPPED, folder, symlinks=True)
    for link in [path for path in folder.iterdir() if path.is_symlink()]:
        target = link.readlink()
        if request.param == "text":
            link.unlink()
            link.write_text(str(target), encoding="utf-8")
    return folder


ASK = """
import json
import sys

if sys.argv[3:]:
    sys.path.insert(0, sys.argv[3])
    import fila_video
from transformers import pipeline

pipe = pipeline("video-text-to-text", model=sys.argv[1], trust_remote_code=True)
(answer,) = pipe(sys.argv[2], text="How many scenes are there?", return_scenes=True)
print(json.dumps([type(pipe).__module__.split(".")[0], len(answer["scenes"])]))
"""


def test_a_folder_without_links_works_with_the_package(without_links, run_python, tmp_path):
    """A clone has the package: `import fila_video` is enough."""
    clip = draw_clip(tmp_path / "clip.mp4", seconds=4)  # 40 frames
    printed = run_python(ASK, without_links, clip, REPOSITORY)
    assert json.loads(printed.splitlines()[-1]) == ["modeling_fila", 32]


def test_a_folder_without_links_works_alone_with_its_code(without_links, run_python, tmp_path):
    clip = draw_clip(tmp_path / "clip.mp4", seconds=4)
    copy_code(without_links)
    assert not any(path.is_symlink() for path in without_links.iterdir())
    for name in CODE:
        source = REPOSITORY / name
        assert (without_links / source.name).read_bytes() == source.read_bytes()
    printed = run_python(ASK, without_links, clip)
    assert json.loads(printed.splitlines()[-1]) == ["transformers_modules", 32]


def test_copying_code_changes_nothing_but_code(without_links, tmp_path):
    (without_links / "mine.py").write_text("kept")
    before = sorted((without_links / "kmeans.py").lstat())
    with pytest.raises(ValueError, match=r"mine\.py is not a file of"):
        copy_code(without_links)
    assert sorted((without_links / "kmeans.py").lstat()) == before
    with pytest.raises(ValueError, match="holds no code"):
        copy_code(tmp_path)
