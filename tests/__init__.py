"""Tests, in folders that mirror the code.

This runs before any test module imports transformers or huggingface_hub, which read these variables once: the tests
never ask the network, and the remote code that they load is copied into a cache of their own, never into the user's.
"""

import os
import tempfile


for name in ("HF_HUB_CACHE", "HF_MODULES_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"):
    os.environ.pop(name, None)
huggingface_folder = tempfile.TemporaryDirectory(prefix="fila-tests-")  # removed when Python ends
os.environ["HF_HOME"] = huggingface_folder.name
os.environ["HF_HUB_OFFLINE"] = "1"
