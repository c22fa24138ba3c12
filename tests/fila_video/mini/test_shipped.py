import pytest

from fila_video.mini import shipped
from tests.environment import REPOSITORY


CHECKPOINT = REPOSITORY / "checkpoints" / "fila-video-mini"


def test_the_package_holds_all_of_the_checkpoint_but_its_code():
    names = {path.name for path in CHECKPOINT.iterdir() if path.is_file() and path.suffix != ".py"}
    assert {path.name for path in shipped.IN_PACKAGE.iterdir()} == names
    assert all((shipped.IN_PACKAGE / name).samefile(CHECKPOINT / name) for name in names)


def test_a_clone_and_an_installed_package_find_it(monkeypatch, tmp_path):
    assert shipped.shipped_checkpoint() == CHECKPOINT
    monkeypatch.setattr(shipped, "IN_CLONE", tmp_path / "site-packages" / "checkpoints")
    assert shipped.shipped_checkpoint() == shipped.IN_PACKAGE


def test_an_installation_without_it_is_an_error(monkeypatch, tmp_path):
    """Git without symbolic links writes files that hold the path of the target."""
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_text("../../../checkpoints/fila-video-mini")
    for place in ("IN_CLONE", "IN_PACKAGE"):
        monkeypatch.setattr(shipped, place, tmp_path)
    with pytest.raises(FileNotFoundError, match="name another model with --model"):
        shipped.shipped_checkpoint()
