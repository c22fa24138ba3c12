"""What importing a part of the project loads, and which part may import which."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fila_video.conversion import write_scratch_checkpoint
from tests.environment import REPOSITORY


HEAVY = ("torch", "transformers", "torchvision", "PIL.Image", "scipy", "matplotlib", "datasets", "ray")
# From the top: a file imports from its own floor and from those below (docs of the layout: CONTRIBUTING.md).
FLOORS = (
    ("fila_video.cli", "fila_video.__main__"),
    ("fila_video.serving", "fila_video.onnx", "fila_video.scenes", "fila_video.hub"),
    ("fila_video.evaluation", "fila_video.mini"),
    ("convert_checkpoint",),
    ("fila_video.training", "fila_video.dataset", "fila_video.conversion"),
    ("fila_video.world", "fila_video.common"),
    ("fila_video", "processing_fila"),
    ("pipeline_fila", "configuration_fila"),
    ("modeling_fila",),
)
CODE = [
    path
    for folder in ("fila_video", "modeling_fila", "processing_fila")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
]
CODE += sorted(REPOSITORY.glob("*.py"))


def python(code: str, *arguments: str | Path) -> list[str]:
    """The lines that a fresh interpreter prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def loaded_by(statement: str) -> set[str]:
    (line,) = python(f"import sys\n{statement}\nprint(*(name for name in {HEAVY} if name in sys.modules), sep=',')")
    return set(filter(None, line.split(",")))


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import processing_fila.reader", set()),
        ("from processing_fila import VideoReader, read_video", set()),
        ("import processing_fila", set()),
        ("import modeling_fila", set()),
        ("import fila_video", set()),
        ("import fila_video.world.__main__", set()),
        ("import fila_video.dataset.joining.join_long_video", set()),
        ("import fila_video.dataset.__main__", set()),
        ("import fila_video.common.workers", set()),
        ("import fila_video.evaluation.__main__", set()),
        ("import fila_video.onnx.__main__", set()),
        ("import fila_video.onnx.scene_selection", set()),
        ("import fila_video.training.__main__", set()),
        ("import fila_video.serving.__main__", set()),
        ("import fila_video; fila_video.scenes", set()),
        ("import fila_video.scenes.page, fila_video.scenes.contact_sheet", {"PIL.Image"}),
        ("import fila_video.serving.app", set()),
        ("import fila_video.mini.__main__", set()),
        ("import fila_video.hub.__main__", set()),
        ("import fila_video.conversion", set()),
        ("import convert_checkpoint", set()),
        ("import fila_video.cli.main", set()),
        ("sys.path.insert(0, 'demo'); import ask_a_video", set()),
        ("sys.path.insert(0, 'demo'); import train_all_stages", {"PIL.Image"}),
        ("sys.path.insert(0, 'demo'); import ask_a_drawn_video", {"PIL.Image", "scipy"}),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement, allowed):
    assert loaded_by(statement) <= allowed


READ = """
import re, sys
from processing_fila.reader import read_video
frames = read_video(sys.argv[1], num_frames=96, size=(384, 384)).frames
print(len(frames), frames.shape[1:], "torch" in sys.modules)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.proc
def test_reading_96_frames_takes_150_mib_at_most(real_video):
    shape, peak_mib = python(READ, real_video("dog.mp4"))
    assert shape == "96 (384, 384, 3) False"
    assert int(peak_mib) <= 150


LOAD = """
import sys
if {transformers_first}:
    import transformers
import fila_video
from transformers import AutoModel, AutoModelForImageTextToText, AutoProcessor, pipeline
print(type(AutoModel.from_pretrained(sys.argv[1])).__module__)
print(type(AutoModelForImageTextToText.from_pretrained(sys.argv[1])).__module__)
print(type(AutoProcessor.from_pretrained(sys.argv[1])).__module__)
print(type(pipeline("video-text-to-text", sys.argv[1])).__module__)
"""


@pytest.mark.parametrize("transformers_first", [False, True])
def test_importing_the_package_makes_trust_remote_code_unnecessary(transformers_first, tmp_path):
    write_scratch_checkpoint("tiny", tmp_path / "tiny")
    assert python(LOAD.format(transformers_first=transformers_first), tmp_path / "tiny") == [
        "modeling_fila.modeling_fila_video",
        "modeling_fila.modeling_fila_video",
        "processing_fila.processing_fila_video",
        "modeling_fila.pipeline_fila",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "from configuration_fila import FilaVideoConfig",
        "from modeling_fila.modeling_fila_video import FilaVideoModel",
        "from processing_fila.processing_fila_video import FilaVideoProcessor",
        "import fila_video.evaluation.coverage",
    ],
)
def test_any_module_can_be_the_first_one_after_the_package(statement):
    """Its own import of transformers must not import it in a circle; the classes are registered afterwards."""
    registered = "from transformers import CONFIG_MAPPING\nprint('fila_video' in CONFIG_MAPPING)"
    assert python(f"import fila_video\n{statement}\n{registered}") == ["True"]


def test_the_lazy_packages_name_what_they_hold():
    code = "import {0}\nfrom {0} import *\nprint(all(hasattr({0}, name) for name in {0}.__all__))"
    for package in ("modeling_fila", "processing_fila"):
        assert python(code.format(package)) == ["True"]
        assert python(f"import {package}\ntry: {package}.missing\nexcept AttributeError as error: print(error)") == [
            f"module '{package}' has no attribute 'missing'"
        ]


# ---------------------------------------------------------------------------------------------------------- floors


def module_of(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(path: Path) -> Iterator[str]:
    """The project's own modules that a file imports, also inside functions."""
    package = module_of(path).split(".") if path.name == "__init__.py" else module_of(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *((node.module or "").split(".") if node.module else [])])


def floor_of(module: str) -> int | None:
    """Counted from the top; None for modules of others."""
    fitting = [
        (len(name), number)
        for number, names in enumerate(FLOORS)
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    return max(fitting)[1] if fitting else None


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_file_imports_from_a_higher_floor(path):
    own = floor_of(module_of(path))
    upward = [name for name in imported_by(path) if (floor := floor_of(name)) is not None and floor < own]
    assert upward == []


def test_no_files_import_each_other_in_a_circle():
    modules = {module_of(path): path for path in CODE}
    # `from package import name` may name a module.
    graph = {
        name: {other for other in imported_by(path) if other in modules} - {name} for name, path in modules.items()
    }
    while ends := {name for name, others in graph.items() if not others}:
        graph = {name: others - ends for name, others in graph.items() if name not in ends}
    assert graph == {}
