"""Uploads a folder to the Hub, with huggingface_hub. The token is the one that huggingface_hub finds."""

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import get_session, hf_raise_for_status


# Files that a published model consists of: those of an earlier upload are deleted where the folder has them no more.
OURS = ("*.safetensors", "*.safetensors.index.json", "*.py")


@dataclass(frozen=True)
class Uploaded:
    """What happened on the Hub.

    Attributes:
        url: Page of the model.
        commit: Hash of the commit.
        was_changed: Whether there was anything to upload.
        is_private: Whether only its owner sees the model.
        deleted: Files of an earlier upload that are not part of the model any more.
    """

    url: str
    commit: str
    was_changed: bool
    is_private: bool
    deleted: list[str]


def upload(
    folder: Path,
    repository: str,
    *,
    is_public: bool = False,
    revision: str | None = None,
    tag: str | None = None,
    message: str | None = None,
) -> Uploaded:
    """
    Uploads a folder. Files that the Hub has already are not sent again, nor is what an interrupted upload has sent.

    Args:
        folder: Folder with exactly what goes to the Hub.
        repository: Id of the model on the Hub. It is created if it does not exist.
        is_public: Whether everybody may see it. What exists keeps its visibility.
        revision: Branch to upload to, which is created if it does not exist. Default: `main`.
        tag: A new tag for what is uploaded.
        message: Message of the commit.

    Raises:
        ValueError: If the Hub refuses the card, the tag exists, or the repository is public and `is_public` is not set.
        OSError: If the Hub does not answer, or refuses.
    """
    api = HfApi()
    is_private = _prepare(api, repository, is_public=is_public, tag=tag)
    _validate(api, folder / "README.md")
    if revision is not None:
        api.create_branch(repository, branch=revision, exist_ok=True)
    before = api.model_info(repository, revision=revision).sha
    deleted = _left_over(api, repository, revision, folder)
    try:
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=revision,
            commit_message=message or "Upload the model",
            delete_patterns=[_as_pattern(name) for name in deleted] or None,
        )
    except RuntimeError as error:  # a large file did not arrive
        message = f"{str(error).rstrip('.')} ({error.__cause__})."
        raise OSError(f"{message} The same command continues the upload.") from error
    if tag is not None:
        api.create_tag(repository, tag=tag, revision=commit.oid)
    url = f"{api.endpoint}/{repository}"
    return Uploaded(url, commit.oid, commit.oid != before, is_private, deleted)


def _prepare(api: HfApi, repository: str, *, is_public: bool, tag: str | None) -> bool:
    """Creates the repository, or checks an existing one. Returns whether it is private."""
    try:
        is_private = bool(api.model_info(repository).private)
    except RepositoryNotFoundError:
        api.create_repo(repository, private=not is_public)
        return not is_public
    if not is_private and not is_public:
        raise ValueError(f"{repository} exists and is public: give --public to upload to it.")
    if tag is not None and tag in [each.name for each in api.list_repo_refs(repository).tags]:
        raise ValueError(f"{repository} has the tag {tag!r} already.")
    return is_private


def _validate(api: HfApi, card: Path) -> None:
    """Asks the Hub whether it takes the metadata of the card. Older `ModelCard.validate` ask one Hub only."""
    content = {"repoType": "model", "content": card.read_text(encoding="utf-8")}
    response = get_session().post(f"{api.endpoint}/api/validate-yaml", json=content)
    if response.status_code == 400:
        raise ValueError(f"The Hub does not take the model card: {response.text}")
    hf_raise_for_status(response)


def _left_over(api: HfApi, repository: str, revision: str | None, folder: Path) -> list[str]:
    """Files of our kinds on the Hub that the folder does not have."""
    names = api.list_repo_files(repository, revision=revision)
    ours = [name for name in names if "/" not in name and any(fnmatch(name, kind) for kind in OURS)]
    return [name for name in ours if not (folder / name).exists()]


def _as_pattern(name: str) -> str:
    """A pattern that only this name matches."""
    return re.sub(r"([*?[])", r"[\1]", name)
