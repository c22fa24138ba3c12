"""Finds the weights of the small model that come with this package."""

from pathlib import Path


PACKAGE = Path(__file__).resolve().parent
IN_CLONE = PACKAGE.parent.parent / "checkpoints" / "fila-video-mini"
# In a clone, links to the files in checkpoints/. A wheel holds the files themselves, without the code, which it has.
IN_PACKAGE = PACKAGE / "checkpoint"


def shipped_checkpoint() -> Path:
    """
    Returns the folder of the small model: that of the clone, or that inside of the installed package.

    Raises:
        FileNotFoundError: If the package was built without it.
    """
    for folder in (IN_CLONE, IN_PACKAGE):
        # Without symbolic links, git writes files that hold the path of the target.
        if (folder / "model.safetensors").is_file() and (folder / "config.json").read_text("utf-8").startswith("{"):
            return folder
    raise FileNotFoundError(
        "The small model is not part of this installation, which was built without symbolic links: name another model "
        "with --model."
    )
