"""Measures the structure of a checkout: python .ci/measure_structure.py [FOLDER]

Counts folders, files and lines of the distributed code, circles of imports between files and between packages, and
functions of more than 50 lines, docstrings included. Works on any commit: give a checkout of it.
"""

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path


PACKAGES = ("*_fila", "fila_video")
MODULES = ("configuration_fila.py", "convert_checkpoint.py", "pipeline_fila.py")
LONG = 50


def files_of(root: Path) -> list[Path]:
    """The Python files of the distributed code."""
    folders = [folder for pattern in PACKAGES for folder in root.glob(pattern)]
    return sorted({path for folder in folders for path in folder.rglob("*.py")} | {root / name for name in MODULES})


def module_of(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(root: Path, path: Path, modules: set[str]) -> Iterator[str]:
    """The modules of this code that a file imports, also inside functions."""
    package = module_of(root, path).split(".")[: None if path.name == "__init__.py" else -1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names if f"{module}.{alias.name}" in modules)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def in_circles(graph: dict[str, set[str]]) -> list[str]:
    """What cannot be put in an order in which nothing imports what comes later."""
    while ends := {name for name, others in graph.items() if not others & graph.keys()}:
        graph = {name: others - ends for name, others in graph.items() if name not in ends}
    while starts := graph.keys() - {other for others in graph.values() for other in others}:
        graph = {name: others for name, others in graph.items() if name not in starts}
    return sorted(graph)


def package_of(module: str) -> str:
    """`fila_video.training` for its modules, and the first part of the name for all others."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "fila_video" else parts[0]


def long_functions(paths: list[Path]) -> list[str]:
    nodes = ((path, node) for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return [
        f"{path.name}:{node.name} ({node.end_lineno - node.lineno + 1})"
        for path, node in nodes
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > LONG
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).resolve().parent.parent)
    root = parser.parse_args().folder.resolve()
    paths = files_of(root)
    modules = {module_of(root, path) for path in paths}
    graph = {module_of(root, path): set(imports_of(root, path, modules)) & modules for path in paths}
    graph = {name: others - {name} for name, others in graph.items()}
    packages: dict[str, set[str]] = {}
    for name, others in graph.items():
        packages.setdefault(package_of(name), set()).update(map(package_of, others - {"fila_video"}))
    print(f"folders of code: {len({path.parent for path in paths} - {root})}")
    print(f"files: {len(paths)}, lines: {sum(len(path.read_text(encoding='utf-8').splitlines()) for path in paths)}")
    print(
        f"most files in a folder: {max(len(list(path.parent.glob('*.py'))) for path in paths if path.parent != root)}"
    )
    print(f"files in circles: {', '.join(in_circles(graph)) or 'none'}")
    print(f"packages in circles: {', '.join(in_circles({k: v - {k} for k, v in packages.items()})) or 'none'}")
    print(f"functions of more than {LONG} lines: {', '.join(long_functions(paths)) or 'none'}")


if __name__ == "__main__":
    main()
