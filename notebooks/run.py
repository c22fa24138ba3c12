"""
python notebooks/run.py [NOTEBOOK ...]: runs notebooks in a fresh kernel and keeps what they show.

Without arguments, all notebooks whose pictures are kept are run. It needs the extra `notebooks`.
"""

import argparse
from pathlib import Path

import nbformat
from nbclient import NotebookClient


FOLDER = Path(__file__).resolve().parent
WITH_PICTURES = ("quick_start", "choose_scenes", "many_videos")


def run(path: Path) -> nbformat.NotebookNode:
    """Runs a notebook in its own folder and returns it with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=600, coalesce_streams=True, resources=folder).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day, which differ on every run
        for output in cell.get("outputs", []):
            if "image/jpeg" in output.get("data", {}):  # the same picture in two formats
                output["data"].pop("image/png", None)
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [FOLDER / f"{name}.ipynb" for name in WITH_PICTURES]
    parser.add_argument("notebooks", nargs="*", type=Path, default=names, help="notebooks to run")
    for path in parser.parse_args().notebooks:
        nbformat.write(run(path), path)
        print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
