"""Makes the classes known to transformers, as soon as that is possible without importing a file of ours in a circle."""

import pkgutil
import sys
from importlib.util import find_spec
from types import ModuleType

import modeling_fila
import processing_fila


def register_with_transformers() -> None:
    """
    Registers the classes when transformers is imported, or at once if it has been.

    If a file of ours imports transformers, that file is not complete yet, and the classes cannot be imported. So the
    end of the import of each of our files is an occasion too. Without transformers, there is nothing to register.
    """
    if "transformers" not in sys.modules and find_spec("transformers") is None:
        return
    import wrapt

    wrapt.register_post_import_hook(_register_if_possible, "transformers")
    for package in (modeling_fila, processing_fila):
        for file in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            wrapt.register_post_import_hook(_register_if_possible, file.name)


def _register_if_possible(imported: ModuleType) -> None:
    if "transformers" in sys.modules and not _is_importing_another_file(imported):
        processing_fila.register_auto_classes()


def _is_importing_another_file(imported: ModuleType) -> bool:
    folders = (f"{modeling_fila.__name__}.", f"{processing_fila.__name__}.")
    files = [module for name, module in list(sys.modules.items()) if name.startswith(folders)]
    return any(
        getattr(getattr(file, "__spec__", None), "_initializing", False) for file in files if file is not imported
    )
