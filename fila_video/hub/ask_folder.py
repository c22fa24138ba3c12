"""
Asks a folder a question as a stranger would: run as a script by `check_folder`, in a Python of its own.

    python -I ask_folder.py FOLDER VIDEO QUESTION NAME,NAME,...

The last argument names the modules that are hidden, so that only the folder's own code can be used. It prints one line
of JSON, with the answer.
"""

import base64
import json
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path


class Hidden(MetaPathFinder):
    """Hides modules, however they are installed."""

    def __init__(self, names: list[str]):
        self._names = names

    def find_spec(self, fullname: str, path=None, target=None) -> None:
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def ask(folder: Path, video: Path, question: str) -> list[dict]:
    """Loads the folder by every Auto class, and lets the folder's own handler answer."""
    import transformers
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=True)
    for reference in config.auto_map.values():
        get_class_from_dynamic_module(reference, folder)
    transformers.AutoVideoProcessor.from_pretrained(folder, trust_remote_code=True)

    sys.path.insert(0, str(folder))  # as Inference Endpoints do
    from handler import EndpointHandler

    content = base64.b64encode(video.read_bytes()).decode()
    return EndpointHandler(str(folder))(
        {
            "inputs": {"video": content, "text": question},
            "parameters": {"max_new_tokens": 16, "return_scenes": True},
        }
    )


if __name__ == "__main__":
    sys.meta_path.insert(0, Hidden(sys.argv[4].split(",")))
    print(json.dumps(ask(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
