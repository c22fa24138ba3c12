"""A Hub on this machine, for tests that load from it and push to it: models only, without branches."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


COMMIT = "0123456789abcdef0123456789abcdef01234567"
Repositories = dict[str, dict[str, bytes]]


@contextmanager
def serve_hub(repositories: Repositories) -> Iterator[dict[str, str]]:
    """Serves `{"org/name": {"README.md": b"..."}}`, and takes what is pushed into it.

    Yields:
        The environment variables with which huggingface_hub finds it.
    """

    class Handler(_Handler):
        files_of = repositories

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": "hf_of_the_tests",
            "NO_PROXY": "127.0.0.1",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files_of: Repositories

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            files = self.files_of.get("/".join(parts[2:4]))
            if files is None:
                return self._error("RepoNotFound")
            if "tree" in parts and parts[-1] != parts[5]:
                return self._error("EntryNotFound")  # there are no folders
            if "tree" in parts:
                return self._answer([{"type": "file", "path": path, "size": 0, "oid": COMMIT} for path in files])
            siblings = [{"rfilename": path, "size": len(content)} for path, content in files.items()]
            return self._answer({"id": "/".join(parts[2:4]), "sha": COMMIT, "siblings": siblings})
        files = self.files_of.get("/".join(parts[:2]))
        if files is None:
            return self._error("RepoNotFound")
        name = "/".join(parts[4:])
        if name not in files:
            return self._error("EntryNotFound")
        self._send(200, files[name], {"ETag": f'"{hash(files[name]):x}"', "X-Repo-Commit": COMMIT})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts == ["api", "repos", "create"]:
            given = json.loads(body)
            repository = f"{given.get('organization') or 'me'}/{given['name']}"
            self.files_of.setdefault(repository, {})
            return self._answer({"url": f"http://{self.headers['Host']}/{repository}", "id": repository})
        if parts == ["api", "validate-yaml"]:
            return self._answer({"errors": [], "warnings": []})
        if parts[4] == "preupload":
            files = json.loads(body)["files"]
            return self._answer(
                {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]}
            )
        assert parts[4] == "commit", self.path
        for line in body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                self.files_of["/".join(parts[2:4])][entry["value"]["path"]] = base64.b64decode(
                    entry["value"]["content"]
                )
        url = f"http://{self.headers['Host']}/{'/'.join(parts[2:4])}/commit/{COMMIT}"
        self._answer({"commitUrl": url, "commitOid": COMMIT})

    def _answer(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

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
