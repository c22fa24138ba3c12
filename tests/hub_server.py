"""
A Hub on this machine, for tests that load from it and publish to it: models and Spaces, with commits, branches, tags
and LFS.

`HubRepository` is what the Hub stores, `HubHandler` is the part of its HTTP interface that huggingface_hub uses. The
card of a model or a Space is validated by a few of the Hub's rules (`tests/hub_card_rules.py`).
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.hub_card_rules import faults_of_card, faults_of_space, metadata_of_card


Repositories = dict[str, dict[str, bytes]]
TOKEN = "hf_of_the_tests"
KINDS = {"models": "", "spaces": "spaces/"}  # what the ids of repositories begin with


class HubRepository:
    """A model or a Space on the Hub.

    Attributes:
        private: Whether a token is needed.
        sdk: What a Space is made with.
        commits: The files of each commit, by its hash.
        branches, tags: The hash of a commit for each name.
    """

    def __init__(self, files: dict[str, bytes], private: bool = False, sdk: str | None = None):
        self.private = private
        self.sdk = sdk
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.commit("main", files)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        sha = hashlib.sha1(f"{id(self)} {len(self.commits)}".encode()).hexdigest()
        self.commits[sha], self.branches[branch] = dict(files), sha
        return sha

    def sha_of(self, revision: str) -> str | None:
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        return sha if sha in self.commits else None

    def files(self, revision: str = "main") -> dict[str, bytes]:
        sha = self.sha_of(revision)
        assert sha is not None, f"there is no {revision}"
        return self.commits[sha]


class Hub:
    """The repositories of a Hub, and what it was asked.

    Attributes:
        repositories: The models by their ids, the Spaces by `spaces/` and their ids.
        sent: For each file that was sent, its name in the repository or, for a large file, its SHA-256.
        refused: SHA-256 of large files whose upload the Hub refuses, as if the connection were cut there.
        variables: The environment variables with which huggingface_hub finds it, with a token.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, HubRepository] = {}
        self.large_files: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.refused: set[str] = set()
        self.variables: dict[str, str] = {}
        self.lock = threading.RLock()


@contextmanager
def serve(handler: "type[HubHandler] | None" = None) -> Iterator[Hub]:
    """Serves an empty Hub, with a handler of its own if one is given."""
    hub = Hub()

    class Handler(handler or HubHandler):  # type: ignore[misc]
        pass

    Handler.hub = hub
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


@contextmanager
def serve_hub(repositories: Repositories) -> Iterator[dict[str, str]]:
    """Serves `{"org/name": {"README.md": b"..."}}`, which holds what was pushed into it afterwards.

    Yields:
        The environment variables with which huggingface_hub finds it.
    """
    with serve() as hub:
        hub.repositories = {name: HubRepository(files) for name, files in repositories.items()}
        yield hub.variables
    repositories.update({name: repository.files() for name, repository in hub.repositories.items()})


def is_large(path: str) -> bool:
    """What `.gitattributes` of a new model gives to LFS."""
    return path.endswith((".safetensors", ".mp4"))


def blob_id(content: bytes) -> str:
    """The id that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with self.hub.lock:
            parts = self._parts()
            if parts[0] != "api":
                owner = 1 if parts[0] == "spaces" else 0
                name, (_, revision, *path) = "/".join(parts[: owner + 2]), parts[owner + 2 :]
                return self._file(name, revision, "/".join(path))
            if parts[1] not in KINDS:
                return self._error("EntryNotFound")  # what a newer huggingface_hub looks for
            repository = self._repository(_id_in(parts))
            if repository is None:
                return self._error("RepoNotFound")
            what, *rest = parts[4:] or ["revision", "main"]
            if what == "refs":
                return self._answer(_refs(repository))
            revision = rest[0] if rest else "main"
            if repository.sha_of(revision) is None:
                return self._error("RevisionNotFound")
            if what == "tree":
                return self._answer(tree_of(repository.files(revision), "/".join(rest[1:])))
            self._answer(_info("/".join(parts[2:4]), repository, revision))

    def do_PUT(self) -> None:
        body = self._body()
        with self.hub.lock:
            oid = self._parts()[-1]
            if oid in self.hub.refused:
                return self._send(400, b"cut", {})
            assert hashlib.sha256(body).hexdigest() == oid
            self.hub.large_files[oid] = body
            self.hub.sent.append(oid)
            self._send(200, b"", {})

    def do_POST(self) -> None:
        body = self._body()
        with self.hub.lock:
            parts = self._parts()
            if parts == ["api", "validate-yaml"]:
                given = json.loads(body)
                check = faults_of_space if given["repoType"] == "space" else faults_of_card
                faults = check(given["content"])
                return self._answer({"errors": faults, "warnings": []}, 400 if faults else 200)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self._send(401, b"", {})
            if parts == ["api", "repos", "create"]:
                return self._create(json.loads(body))
            if parts[-2:] == ["objects", "batch"]:
                return self._batch(json.loads(body))
            repository = self.hub.repositories[_id_in(parts)]
            what, name = parts[4], "/".join(parts[5:])
            if what == "commit":
                return self._commit(_id_in(parts), repository, name, body)
            given = json.loads(body)
            if what == "preupload":
                return self._answer({"files": [_upload_mode(file, repository.files(name)) for file in given["files"]]})
            if what == "branch" and name in repository.branches:
                return self._send(409, b"", {})
            names = repository.branches if what == "branch" else repository.tags
            names[name if what == "branch" else given["tag"]] = repository.sha_of("main" if what == "branch" else name)
            self._answer({})

    def _create(self, given: dict[str, Any]) -> None:
        name = f"{KINDS[given.get('type', 'model') + 's']}{given.get('organization') or 'me'}/{given['name']}"
        is_private = bool(given.get("private")) or given.get("visibility") == "private"
        self.hub.repositories.setdefault(name, HubRepository({}, is_private, given.get("sdk")))
        self._answer({"url": f"http://{self.headers['Host']}/{name}", "id": name})

    def _batch(self, given: dict[str, Any]) -> None:
        """Where to send large files; nowhere, for those that are here."""
        objects = []
        for file in given["objects"]:
            actions = {"upload": {"href": f"http://{self.headers['Host']}/lfs/{file['oid']}"}}
            objects.append({**file, **({} if file["oid"] in self.hub.large_files else {"actions": actions})})
        self._answer({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, repository: HubRepository, branch: str, body: bytes) -> None:
        files = dict(repository.files(branch))
        for entry in map(json.loads, body.splitlines()):
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                self.hub.sent.append(value["path"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.large_files[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        sha = repository.commit(branch, files)
        self._answer({"commitUrl": f"http://{self.headers['Host']}/{name}/commit/{sha}", "commitOid": sha})

    def _file(self, name: str, revision: str, path: str) -> None:
        repository = self._repository(name)
        if repository is None:
            return self._error("RepoNotFound")
        sha = repository.sha_of(revision)
        if sha is None:
            return self._error("RevisionNotFound")
        if path not in repository.files(sha):
            return self._error("EntryNotFound")
        content = repository.files(sha)[path]
        self._send(200, content, {"ETag": f'"{_etag(path, content)}"', "X-Repo-Commit": sha})

    def _repository(self, name: str) -> HubRepository | None:
        """A repository that this request may see."""
        found = self.hub.repositories.get(name)
        is_allowed = found is None or not found.private or self.headers.get("Authorization") == f"Bearer {TOKEN}"
        return found if is_allowed else None

    def _parts(self) -> list[str]:
        return [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, code: str) -> None:
        self._send(404, b"", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def _id_in(parts: list[str]) -> str:
    """The id of the repository that a path such as `api/spaces/org/name/commit/main` is about."""
    return KINDS[parts[1]] + "/".join(parts[2:4])


def _etag(path: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if is_large(path) else blob_id(content)


def _upload_mode(file: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    known = files.get(file["path"])
    return {
        "path": file["path"],
        "uploadMode": "lfs" if is_large(file["path"]) else "regular",
        "shouldIgnore": False,
        "oid": None if known is None else _etag(file["path"], known),
    }


def _info(name: str, repository: HubRepository, revision: str) -> dict[str, Any]:
    files = repository.files(revision)
    siblings = [{"rfilename": path, "size": len(content)} for path, content in files.items()]
    try:
        card = metadata_of_card(files.get("README.md", b"").decode(errors="replace"))
    except ValueError:
        card = {}
    return {
        "id": name,
        "sha": repository.sha_of(revision),
        "private": repository.private,
        "siblings": siblings,
        **{key: card[key] for key in ("library_name", "pipeline_tag") if key in card},
        **_config_shown(files.get("config.json", b"")),
    }


def _config_shown(content: bytes) -> dict[str, Any]:
    """The part of a model's configuration that the Hub repeats in what it says about the model."""
    try:
        values = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    names = ("architectures", "auto_map", "model_type")
    return {"config": {name: values[name] for name in names if name in values}}


def tree_of(files: dict[str, bytes], folder: str) -> list[dict[str, Any]]:
    """All files below a folder, as `recursive=true` asks for."""
    entries = []
    for path, content in files.items():
        if path.startswith(f"{folder}/" if folder else ""):
            entry = {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
            lfs = {"oid": _etag(path, content), "size": len(content), "pointerSize": 130}
            entries.append({**entry, **({"lfs": lfs} if is_large(path) else {})})
    return entries


def _refs(repository: HubRepository) -> dict[str, Any]:
    def listed(kind: str, names: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in names.items()]

    return {"branches": listed("heads", repository.branches), "tags": listed("tags", repository.tags), "converts": []}
