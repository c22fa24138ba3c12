"""A Hub on this machine that serves data sets to huggingface_hub and `datasets`, on top of `tests/hub_server.py`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.hub_server import Hub, HubHandler, HubRepository, blob_id, serve, tree_of


class DatasetHandler(HubHandler):
    """Data sets lie under the same kinds of paths as models, with a word more."""

    def _parts(self) -> list[str]:
        parts = super()._parts()
        if parts[:2] == ["api", "datasets"]:
            return ["api", "models", *parts[2:]]
        return parts[1:] if parts[0] == "datasets" else parts

    def do_GET(self) -> None:
        parts = self._parts()
        if parts[4:5] == ["tree"] and "recursive=false" in self.path:
            repository = self._repository("/".join(parts[2:4]))
            if repository is not None and repository.sha_of(parts[5]) is not None:
                return self._answer(_folder(repository.files(parts[5]), "/".join(parts[6:])))
        super().do_GET()

    def do_POST(self) -> None:
        parts = self._parts()
        if parts[4:5] != ["paths-info"]:
            return super().do_POST()
        given = json.loads(self._body())
        with self.hub.lock:
            repository = self._repository("/".join(parts[2:4]))
            if repository is None or repository.sha_of(parts[5]) is None:
                return self._error("RepoNotFound")
            files = tree_of(repository.files(parts[5]), "")
            self._answer([entry for entry in files if entry["path"] in given["paths"]])


def _folder(files: dict[str, bytes], folder: str) -> list[dict[str, Any]]:
    """The files and folders directly in a folder."""
    start = f"{folder}/" if folder else ""
    deep = {path.removeprefix(start) for path in files if path.startswith(start)}
    inner = sorted({path.split("/")[0] for path in deep if "/" in path})
    folders = [{"type": "directory", "path": start + name, "size": 0, "oid": blob_id(name.encode())} for name in inner]
    return folders + [entry for entry in tree_of(files, folder) if "/" not in entry["path"].removeprefix(start)]


@contextmanager
def serve_datasets(repositories: dict[str, HubRepository]) -> Iterator[Hub]:
    """Serves data sets by their ids."""
    with serve(DatasetHandler) as hub:
        hub.repositories = repositories
        yield hub
