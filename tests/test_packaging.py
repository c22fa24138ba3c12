"""What the distribution declares, and what the files that go to the Hub may import."""

import ast
import configparser
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from setuptools import find_packages
from transformers.dynamic_module_utils import get_imports, get_relative_imports

from tests.environment import REPOSITORY


# `__init__.py` stays at home: remote code is loaded file by file.
HUB_FILES = [
    path
    for folder in ("modeling_fila", "processing_fila")
    for path in sorted((REPOSITORY / folder).glob("*.py"))
    if path.name != "__init__.py"
]

# transformers installs safetensors, PyYAML, and huggingface_hub, whose `strict` makes the dataclass of a config check
# its fields.
ALLOWED_ON_THE_HUB = {"torch", "torchvision", "numpy", "PIL", "transformers", "huggingface_hub", "safetensors", "yaml"}
# Wanted only by some uses: a file of the Hub may import them in `try`.
GUARDED = {"av", "accelerate"}
FORBIDDEN_ANYWHERE = {"decord", "torchcodec"}


@pytest.fixture(scope="module")
def declared() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return parser


def lines(value: str) -> list[str]:
    return value.split()


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imports_of(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import statement of a file, inside functions and conditions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


def modules_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The absolute modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if node.level == 0 else []


def hugging_face_names(paths: list[Path]) -> list[tuple[str, str]]:
    """(module, name) of all that these files import from transformers and huggingface_hub."""
    return sorted(
        {
            (node.module, alias.name)
            for path in paths
            for node in imports_of(path)
            if isinstance(node, ast.ImportFrom) and modules_of(node)
            if node.module.split(".")[0] in ("transformers", "huggingface_hub")
            for alias in node.names
        }
    )


# ---------------------------------------------------------------------------------------------------- distribution


def packages_on_disk() -> list[Path]:
    """The folders of code that are distributed."""
    roots = [REPOSITORY / name for name in ("fila_video", "modeling_fila", "processing_fila")]
    return sorted({path.parent for root in roots for path in root.rglob("*.py")})


def test_the_distribution_holds_every_folder_of_code_and_no_other(declared):
    found = find_packages(str(REPOSITORY), include=lines(declared["options.packages.find"]["include"]))
    assert set(found) == {relative(folder).replace("/", ".") for folder in packages_on_disk()}


def test_every_folder_of_code_is_a_package():
    assert [relative(folder) for folder in packages_on_disk() if not (folder / "__init__.py").is_file()] == []


def test_every_module_at_the_top_is_declared_and_every_declared_one_exists(declared):
    on_disk = {path.stem for path in REPOSITORY.glob("*.py") if path.stem != "setup"}
    assert set(lines(declared["options"]["py_modules"])) == on_disk


def test_the_files_that_the_metadata_names_exist(declared):
    metadata = declared["metadata"]
    named = [metadata["license_files"], metadata["long_description"].removeprefix("file:").strip()]
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []


@pytest.mark.slow
def test_the_wheel_holds_every_file(declared, tmp_path):
    """Built from a copy: setuptools leaves folders behind."""
    copy = tmp_path / "copy"
    litter = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(REPOSITORY, copy, ignore=litter)
    build = "-m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir".split()
    subprocess.run([sys.executable, *build, tmp_path, copy], check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    sources = [path for folder in packages_on_disk() for path in folder.rglob("*") if path.is_file()]
    expected = {relative(path) for path in sources if "__pycache__" not in path.parts}
    expected |= {f"{module}.py" for module in lines(declared["options"]["py_modules"])}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    assert held == expected
    assert "License-Expression: Apache-2.0" in text and "Requires-Python: >=3.10" in text


# ------------------------------------------------------------------------------------------------------- the Hub


@pytest.mark.parametrize("path", HUB_FILES, ids=relative)
def test_a_hub_file_imports_only_siblings_and_public_packages(path):
    allowed = ALLOWED_ON_THE_HUB | GUARDED | sys.stdlib_module_names
    wrong = [
        f"line {node.lineno}: {module}"
        for node in imports_of(path)
        for module in modules_of(node)
        if module.split(".")[0] not in allowed
    ]
    for node in imports_of(path):
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            is_sibling = node.level == 1 and node.module and (path.parent / f"{node.module}.py").is_file()
            if not is_sibling:
                wrong.append(f"line {node.lineno}: {ast.unparse(node)}")
    assert wrong == []


@pytest.mark.parametrize("path", HUB_FILES, ids=relative)
def test_transformers_finds_the_imports_that_python_finds(path):
    """It copies the siblings that its own scanner sees, and asks for the packages that its scanner sees.

    The scanner reads lines: an import of a sibling that is quoted in a docstring counts, and one behind a semicolon
    does not. av is wanted only for files and URLs, and accelerate only for offloaded weights, so they must be guarded
    (in `try`).
    """
    siblings = {node.module for node in imports_of(path) if isinstance(node, ast.ImportFrom) and node.level > 0}
    assert set(get_relative_imports(path)) == siblings
    assert not GUARDED & set(get_imports(path))


@pytest.mark.parametrize("path", HUB_FILES, ids=relative)
def test_a_hub_file_imports_no_private_name_and_no_other_model(path):
    wrong = [
        f"{module}.{name}"
        for module, name in hugging_face_names([path])
        if "._" in f".{module}.{name}" or module.startswith("transformers.models.")
    ]
    assert wrong == []


@pytest.mark.parametrize("environment", ["public", "floor"])
def test_every_hugging_face_name_in_a_hub_file_exists(run_python, environment):
    code = """
        import json, sys
        missing = []
        for module, name in json.loads(sys.argv[1]):
            try:
                exec(f"from {module} import {name}")
            except ImportError as error:
                missing.append(str(error))
        print(json.dumps(missing))
    """
    names = json.dumps(hugging_face_names(HUB_FILES))
    assert json.loads(run_python(code, names, environment=environment)) == []


def test_no_decoder_that_does_not_install_everywhere(declared):
    # Benchmarks also measure other decoders, if they are installed.
    sources = [path for path in REPOSITORY.rglob("*.py") if not relative(path).startswith((".", "benchmarks/"))]
    wrong = {
        relative(path)
        for path in sources
        for node in imports_of(path)
        for module in modules_of(node)
        if module.split(".")[0] in FORBIDDEN_ANYWHERE
    }
    assert wrong == set()
    requirements = declared["options"]["install_requires"] + str(dict(declared["options.extras_require"]))
    assert [name for name in FORBIDDEN_ANYWHERE if name in requirements] == []


# ------------------------------------------------------------------------------------------- the other environments


def test_the_public_environment_has_the_packages_but_not_this_project(run_python, declared):
    modules = lines(declared["options"]["py_modules"]) + lines(declared["options"]["packages"])
    code = """
        import importlib.util, sys
        import av, torch, torchvision, transformers
        print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])
    """
    assert run_python(code, *modules, environment="public").strip() == "[]"


def test_the_floor_environment_has_the_oldest_supported_transformers(run_python, declared):
    code = """
        import transformers
        from transformers import AutoConfig, AutoModel, AutoProcessor, AutoVideoProcessor, pipeline
        print(transformers.__version__)
    """
    lowest = re.search(r"transformers>=([\d.]+)", declared["options"]["install_requires"])[1]
    version = run_python(code, environment="floor").strip()
    assert version == f"{lowest}.0"
