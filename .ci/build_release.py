"""
Builds a release of the package and tries it: `make release`.

1. The version is that of `fila_video/__init__.py`; CHANGELOG.md and the reader's name in requests must agree.
2. The source distribution and the wheel are built from a copy of the tree, and `twine check` reads them.
3. They hold every file of the packages, and nothing else.
4. The wheel is installed with its dependencies in an empty environment, which answers a question about a drawn video.

The files are in `outputs/release`. Uploading them (`twine upload`) is left to you.
"""

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory


ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "outputs" / "release"
PACKAGES = ("fila_video", "modeling_fila", "processing_fila")
LITTER = shutil.ignore_patterns(".*", "build", "dist", "outputs", "*.egg-info", "__pycache__")
DRAW = """
import sys
import numpy as np
from fila_video.world.draw_video import draw_video
from fila_video.world.render_video import render_video

render_video(draw_video(np.random.default_rng(0)), sys.argv[1])
"""


def main() -> int:
    version, note = check_version()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    wheel, source = build(OUTPUT)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", wheel, source], check=True)
    check_contents(wheel, source)
    try_wheel(wheel)
    print(f"Version {version} is in {OUTPUT.relative_to(ROOT)}: {wheel.name}, {source.name}.{note}")
    return 0


def check_version() -> tuple[str, str]:
    """The version, and what remains to be done before it is uploaded."""
    version = _constant("fila_video/__init__.py", "__version__")
    agent = _constant("processing_fila/reader_http.py", "USER_AGENT")
    (heading,) = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[:1]
    if agent != f"FiLA-Video/{version}" or heading.split()[0] != version:
        sys.exit(
            f"fila_video is {version}, but the reader calls itself {agent}, and CHANGELOG.md begins with {heading}."
        )
    is_dated = re.fullmatch(r"[\d.]+ \(\d{4}-\d{2}-\d{2}\)", heading) is not None
    return version, "" if is_dated else f" CHANGELOG.md says {heading!r}: put the date there first."


def _constant(path: str, name: str) -> str:
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    sys.exit(f"{path} has no {name}.")


def build(output: Path) -> tuple[Path, Path]:
    """Builds the wheel and the source distribution. setuptools leaves folders behind, so a copy is built."""
    with TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        shutil.copytree(ROOT, copy, ignore=LITTER, symlinks=True)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, copy]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (wheel,), (source,) = output.glob("*.whl"), output.glob("*.tar.gz")
    return wheel, source


def check_contents(wheel: Path, source: Path) -> None:
    """Compares what is in the two files with the tree."""
    modules = {path.name for path in ROOT.glob("*.py")}
    expected = modules | {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    with tarfile.open(source) as archive:
        names = [name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()]
    extra = {name for name in names if not name.startswith(("fila_video.egg-info/", "tests/"))}
    extra -= expected | {"setup.cfg", "pyproject.toml", "README.md", "LICENSE", "PKG-INFO"}
    for what, wrong in {
        "The wheel lacks": expected - held,
        "The wheel should not hold": held - expected,
        "The source distribution lacks": expected - set(names),
        "The source distribution should not hold": extra,
    }.items():
        if wrong:
            sys.exit(f"{what} {', '.join(sorted(wrong)[:10])}.")
    print(f"{wheel.name} holds {len(held)} files, {source.name} {len(names)}.")


def try_wheel(wheel: Path) -> None:
    """Installs the wheel in an empty environment, and runs the demo there, outside of the repository."""
    with TemporaryDirectory() as folder:
        python, home = Path(folder, "venv", "bin", "python"), Path(folder, "home")
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([python, "-m", "pip", "install", *quiet, wheel], check=True)
        subprocess.run([python, "-m", "pip", "check"], check=True)
        for name in ("demo", "checkpoints"):
            shutil.copytree(ROOT / name, home / name, ignore=LITTER)
        subprocess.run([python, "-c", DRAW, home / "clip.mp4"], cwd=home, check=True)
        subprocess.run([python, home / "demo" / "ask_a_video.py", home / "clip.mp4"], cwd=home, check=True)


if __name__ == "__main__":
    sys.exit(main())
