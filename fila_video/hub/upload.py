"""Uploads a folder to the Hub, with huggingface_hub. The token is the one that huggingface_hub finds."""

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import get_session, hf_raise_for_status

from fila_video.common.hub_errors import connection_errors


# Files of which a published repository consists: those of an earlier upload are deleted where the folder has them no
# more. A `*` stands for no folder.
OURS = {"model": ("*.safetensors", "*.safetensors.index.json", "*.py"), "space": ("*.py", "web/*")}


@dataclass(frozen=True)
class Uploaded:
    """What happened on the Hub.

    Attributes:
        url: Page of the model or Space.
        commit: Hash of the commit.
        was_changed: Whether there was anything to upload.
        is_private: Whether only its owner sees it.
        deleted: Files of an earlier upload that are not part of it any more.
    """

    url: str
    commit: str
    was_changed: bool
    is_private: bool
    deleted: list[str]


@connection_errors()
def upload(
    folder: Path,
    repository: str,
    *,
    kind: str = "model",
    is_public: bool = False,
    revision: str | None = None,
    tag: str | None = None,
    message: str | None = None,
) -> Uploaded:
    """
    Uploads a folder. Files that the Hub has already are not sent again, nor is what an interrupted upload has sent.

    Args:
        folder: Folder with exactly what goes to the Hub.
        repository: Id of the model or Space on the Hub. It is created if it does not exist.
        kind: `"model"`, or `"space"` for a Space made with Gradio.
        is_public: Whether everybody may see it. What exists keeps its visibility.
        revision: Branch to upload to, which is created if it does not exist. Default: `main`.
        tag: A new tag for what is uploaded.
        message: Message of the commit.

    Raises:
        ValueError: If the Hub refuses the card, the tag exists, or the repository is public and `is_public` is not set.
        OSError: If the Hub does not answer, or refuses.
    """
    api = HfApi()
    is_private = _prepare(api, repository, kind, is_public=is_public, tag=tag)
    _validate(api, folder / "README.md", kind)
    if revision is not None:
        api.create_branch(repository, branch=revision, repo_type=kind, exist_ok=True)
    before = api.repo_info(repository, revision=revision, repo_type=kind).sha
    names = api.list_repo_files(repository, revision=revision, repo_type=kind)
    deleted = [name for name in names if _is_ours(name, kind) and not (folder / name).exists()]
    try:
        commit = api.upload_folder(
            repo_id=repository,
            repo_type=kind,
            folder_path=folder,
            revision=revision,
            commit_message=message or f"Upload the {kind}",
            delete_patterns=[_as_pattern(name) for name in deleted] or None,
        )
    except RuntimeError as error:  # a large file did not arrive
        message = f"{str(error).rstrip('.')} ({error.__cause__})."
        raise OSError(f"{message} The same command continues the upload.") from error
    if tag is not None:
        api.create_tag(repository, tag=tag, revision=commit.oid, repo_type=kind)
    url = f"{api.endpoint}/{'spaces/' if kind == 'space' else ''}{repository}"
    return Uploaded(url, commit.oid, commit.oid != before, is_private, deleted)


def _prepare(api: HfApi, repository: str, kind: str, *, is_public: bool, tag: str | None) -> bool:
    """Creates the repository, or checks an existing one. Returns whether it is private."""
    try:
        is_private = bool(api.repo_info(repository, repo_type=kind).private)
    except RepositoryNotFoundError:
        sdk = "gradio" if kind == "space" else None
        api.create_repo(repository, private=not is_public, repo_type=kind, space_sdk=sdk)
        return not is_public
    if not is_private and not is_public:
        raise ValueError(f"{repository} exists and is public: give --public to upload to it.")
    if tag is not None and tag in [each.name for each in api.list_repo_refs(repository, repo_type=kind).tags]:
        raise ValueError(f"{repository} has the tag {tag!r} already.")
    return is_private


def _validate(api: HfApi, card: Path, kind: str) -> None:
    """Asks the Hub whether it takes the metadata of the card. Older `ModelCard.validate` ask one Hub only."""
    content = {"repoType": kind, "content": card.read_text(encoding="utf-8")}
    response = get_session().post(f"{api.endpoint}/api/validate-yaml", json=content)
    if response.status_code == 400:
        raise ValueError(f"The Hub does not take the {kind} card: {response.text}")
    hf_raise_for_status(response)


def _is_ours(name: str, kind: str) -> bool:
    return any(fnmatch(name, ours) and name.count("/") == ours.count("/") for ours in OURS[kind])


def _as_pattern(name: str) -> str:
    """A pattern that only this name matches."""
    return re.sub(r"([*?[])", r"[\1]", name)
