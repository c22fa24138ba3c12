"""Packages that only a part of the project needs, and the extra that installs them."""

from collections.abc import Sequence
from importlib.util import find_spec


def require_extra(extra: str, packages: Sequence[str], *, purpose: str) -> None:
    """
    Checks that the packages of an extra are installed.

    Args:
        extra: Name of the extra, as setup.cfg has it.
        packages: Names of the packages, as they are imported.
        purpose: What needs them, at the beginning of a sentence.

    Raises:
        ImportError: If packages are missing; the message names them and says how to install them.
    """
    if missing := [name for name in packages if find_spec(name) is None]:
        raise ImportError(f"{purpose} needs {', '.join(missing)}: pip install 'fila-video[{extra}]'")
