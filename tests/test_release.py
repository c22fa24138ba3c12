"""Building a release: what is checked before it can be uploaded."""

import importlib.util
import shutil
import tarfile
import zipfile

import pytest

from tests.environment import REPOSITORY


@pytest.fixture
def release(tmp_path, monkeypatch):
    """The program, on a copy of what a version consists of."""
    spec = importlib.util.spec_from_file_location("build_release", REPOSITORY / ".ci" / "build_release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("fila_video/__init__.py", "processing_fila/reader_http.py", "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / "modeling_fila").mkdir()
    (tmp_path / "modeling_fila" / "kmeans.py").write_text("x", encoding="utf-8")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_this_version_agrees_everywhere(release):
    version, _ = release.check_version()
    assert version == __import__("fila_video").__version__


@pytest.mark.parametrize(
    ("heading", "note"),
    [("{version} (2027-01-31)", ""), ("{version} (not released)", "put the date there first")],
)
def test_a_version_without_a_date_is_noted(release, heading, note):
    version = __import__("fila_video").__version__
    (release.ROOT / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## {heading.format(version=version)}\n", encoding="utf-8"
    )
    assert note in release.check_version()[1] and bool(note) == bool(release.check_version()[1])


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("fila_video/__init__.py", '__version__ = "', '__version__ = "9.'),
        ("processing_fila/reader_http.py", "FiLA-Video/", "FiLA-Video/9."),
        ("CHANGELOG.md", "\n## ", "\n## 9.0 (2027-01-31)\n\n## "),
    ],
)
def test_versions_that_differ_are_refused(release, path, old, new):
    file = release.ROOT / path
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SystemExit, match="but the reader calls itself"):
        release.check_version()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (None, None),
        ("missing in wheel", "The wheel lacks modeling_fila/kmeans.py"),
        ("secret in wheel", "The wheel should not hold secret.txt"),
        ("missing in source", "The source distribution lacks modeling_fila/kmeans.py"),
        ("secret in source", "The source distribution should not hold secret.txt"),
    ],
)
def test_the_contents_are_those_of_the_tree(release, tmp_path, fault, message):
    files = ["fila_video/__init__.py", "processing_fila/reader_http.py", "modeling_fila/kmeans.py"]
    wheel, source = tmp_path / "a.whl", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in _with_fault(files, fault, "wheel"):
            archive.writestr(name, "x")
    with tarfile.open(source, "w:gz") as archive:
        for name in _with_fault(files, fault, "source"):
            archive.add(REPOSITORY / "LICENSE", f"fila_video-0/{name}")
    if message is None:
        release.check_contents(wheel, source)
    else:
        with pytest.raises(SystemExit, match=message):
            release.check_contents(wheel, source)


def _with_fault(files, fault, where):
    if fault is None or not fault.endswith(where):
        return files
    return files[:-1] if fault.startswith("missing") else [*files, "secret.txt"]
