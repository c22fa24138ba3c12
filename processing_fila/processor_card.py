# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Model cards: what is saved or pushed says where it comes from, and keeps the license and the base model.

This file is the same in `modeling_fila/model_card.py` and in `processing_fila/processor_card.py`, because the two
folders do not import each other. A test compares them.
"""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from huggingface_hub import HfApi, ModelCard, ModelCardData, hf_hub_download


CARD = "README.md"
# Arguments of `push_to_hub`, which `save_pretrained(..., push_to_hub=True)` takes too.
HUB_ARGUMENTS = ("repo_id", "commit_message", "commit_description", "private", "token", "revision", "create_pr", "tags")
DEFAULTS: dict[str, Any] = {
    "library_name": "transformers",
    "pipeline_tag": "video-text-to-text",
    # The Hub shows how to load a model only for tasks that it knows well, so the card has one of them as a tag.
    "tags": ["fila-video", "video", "image-text-to-text"],
}
# Every card says how the model is used between these two lines. Publishing writes more there.
USAGE_BEGIN, USAGE_END = "<!-- usage -->", "<!-- /usage -->"
USAGE = """{begin}
```python
from transformers import pipeline

pipe = pipeline("video-text-to-text", model={name}, trust_remote_code=True)
pipe("clip.mp4", text={question}, return_scenes=True)
```
{end}"""
NOTE = "> This card was written when the files were saved."
WITH_SOURCE = """{note} They were made from
> {name}, and the weights may have changed since.
> All that follows, every number included, is about that checkpoint.

{text}
"""
WITHOUT_SOURCE = """
# A FiLA-Video model

A [FiLA-Video](https://arxiv.org/abs/2504.20384) model, which answers questions about videos. This card was written when
the files were saved. It does not say how the model was trained or how well it answers.

{usage}
"""


def usage(name: str = "path/to/this/folder", question: str = "What happens?") -> str:
    """Says how a model is used.

    Args:
        name: Folder or Hub id of the model.
        question: A question that the model can answer.
    """
    values = {"name": name, "question": question}
    shown = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}  # with double quotes
    return USAGE.format(begin=USAGE_BEGIN, end=USAGE_END, **shown)


def write_card(folder: str | os.PathLike, source: str) -> None:
    """Writes the card of a folder that has none.

    Args:
        folder: Folder with the saved files. A card that is already there stays as it is.
        source: Folder or Hub id of the checkpoint that was loaded, or `""`. The rest of its card is kept.
    """
    path = Path(folder) / CARD
    if path.exists():
        return
    card = read_card(source)
    values = {**DEFAULTS, **(card.data.to_dict() if card else {})}
    values.pop("model-index", None)  # scores of other weights
    name = "another checkpoint"
    if source and not Path(source).is_dir():  # a Hub id
        values["base_model"] = source
        name = f"[{source}](https://huggingface.co/{source})"
    text = card.text.strip() if card else WITHOUT_SOURCE.format(usage=usage()).strip()
    if card and not text.startswith(NOTE):
        text = WITH_SOURCE.format(note=NOTE, name=name, text=text).strip()
    path.write_text(f"---\n{ModelCardData(**values).to_yaml()}\n---\n\n{text}\n", encoding="utf-8")


def read_card(source: str) -> ModelCard | None:
    """Returns the card of a folder or Hub id, or `None` if there is none or if it cannot be read."""
    if not source:
        return None
    try:
        path = Path(source) / CARD if Path(source).is_dir() else hf_hub_download(source, CARD)
        return ModelCard(Path(path).read_text(encoding="utf-8"), ignore_metadata_errors=True)
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        return None


def add_tags(path: Path, tags: str | list[str] | None) -> None:
    """Adds tags to those of a card."""
    if tags:
        card = ModelCard.load(path)
        card.data.tags = list(dict.fromkeys([*(card.data.tags or []), *([tags] if isinstance(tags, str) else tags)]))
        card.save(path)


class ModelCardMixin:
    """Adds the card to `save_pretrained` and `push_to_hub`. transformers would push an empty one."""

    @property
    def card_source(self) -> str:
        """Folder or Hub id of the checkpoint that was loaded, or `""`."""
        raise NotImplementedError

    def save_files(self, save_directory: str | os.PathLike, *args, **kwargs) -> Any:
        """Saves everything but the card."""
        return super().save_pretrained(save_directory, *args, **kwargs)  # type: ignore[misc]

    def save_pretrained(self, save_directory: str | os.PathLike, *args, push_to_hub: bool = False, **kwargs) -> Any:
        """See the method of the base class. It also writes a model card, unless the folder has one."""
        hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs}
        saved = self.save_files(save_directory, *args, **kwargs)
        if kwargs.get("is_main_process", True):
            write_card(save_directory, self.card_source)
            if push_to_hub:
                self._push({"repo_id": Path(save_directory).name, **hub}, *args, **kwargs)
        return saved

    def push_to_hub(self, repo_id: str, **kwargs) -> Any:
        """See the method of the base class. The repository keeps its own model card, if it has one."""
        hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs}
        return self._push({"repo_id": repo_id, **hub}, **kwargs)

    def _push(self, hub: dict[str, Any], *args, **kwargs) -> Any:
        api = HfApi(token=hub.pop("token", None))
        private, tags = hub.pop("private", None), hub.pop("tags", None)
        repo_id, revision = (
            api.create_repo(hub.pop("repo_id"), private=private, exist_ok=True).repo_id,
            hub.get("revision"),
        )
        if revision is not None and not revision.startswith("refs/"):
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        with TemporaryDirectory() as folder:
            if api.file_exists(repo_id, CARD, revision=revision):
                api.hf_hub_download(repo_id, CARD, revision=revision, local_dir=folder)
            self.save_pretrained(folder, *args, **kwargs)
            add_tags(Path(folder) / CARD, tags)
            message = hub.pop("commit_message", None) or f"Upload {type(self).__name__}"
            return api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message, **hub)
