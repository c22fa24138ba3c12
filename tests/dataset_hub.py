"""A Hub on this machine that serves data sets to huggingface_hub and `datasets`, on top of `tests/hub_server.py`."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from tests.hub_server import TOKEN, Hub, HubRepository, _Handler, _tree, blob_id


class _DatasetHandler(_Handler):
    """Data sets lie under the same kinds of paths as models, with a word more."""

    asked: list[str]

    def _parts(self) -> list[str]:
        parts = super()._parts()
        if parts[:2] == ["api", "datasets"]:
            return ["api", "models", *parts[2:]]
        return parts[1:] if parts[0] == "datasets" else parts

    def do_GET(self) -> None:
        self.asked.append(self.path)
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
            files = _tree(repository.files(parts[5]), "")
            self._answer([entry for entry in files if entry["path"] in given["paths"]])


def _folder(files: dict[str, bytes], folder: str) -> list[dict[str, Any]]:
    """The files and folders directly in a folder."""
    start = f"{folder}/" if folder else ""
    deep = {path.removeprefix(start) for path in files if path.startswith(start)}
    inner = sorted({path.split("/")[0] for path in deep if "/" in path})
    folders = [{"type": "directory", "path": start + name, "size": 0, "oid": blob_id(name.encode())} for name in inner]
    return folders + [entry for entry in _tree(files, folder) if "/" not in entry["path"].removeprefix(start)]


@contextmanager
def serve_datasets(repositories: dict[str, HubRepository]) -> Iterator[Hub]:
    """Serves data sets by their ids. `sent` of the Hub holds the paths of all that was asked for."""
    hub = Hub()
    hub.repositories = repositories

    class Handler(_DatasetHandler):
        pass

    Handler.hub, Handler.asked = hub, hub.sent
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.variables = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": TOKEN,
        "NO_PROXY": "127.0.0.1",
    }
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
