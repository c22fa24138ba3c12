"""A shipped checkpoint has the trained weights and the code of this repository."""

import pytest

from checkpoints.ship import ship
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
