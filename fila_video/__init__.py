"""FiLA-Video: ask a long video a question.

Importing this package makes FiLA-Video known to transformers: afterwards the Auto classes load its checkpoints without
`trust_remote_code`, and `pipeline("video-text-to-text")` exists. The package itself stays light: registration happens
when transformers is imported, or at once if that has happened already. `fila_video.scenes` is loaded when it is used.
"""

from importlib import import_module
from types import ModuleType

from .registration import register_with_transformers


__version__ = "0.1.0"

register_with_transformers()


def __getattr__(name: str) -> ModuleType:
    if name != "scenes":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.scenes")
