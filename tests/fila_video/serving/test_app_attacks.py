"""What someone who does not use a browser can get from the web page: their own uploads, and nothing else."""

import http.client
import http.cookiejar
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fila_video.serving.web_page import EXAMPLE, MINI, running_page


pytestmark = [pytest.mark.slow, pytest.mark.app]
SECRET = "a secret of the server"


@pytest.fixture(scope="module")
def url(app_python, tmp_path_factory):
    log = tmp_path_factory.mktemp("page") / "log"
    command = ("-m", "fila_video.serving.app", MINI, "--port", "PORT", "--device", "cpu", "--max-megabytes", "1")
    with running_page(app_python, log, *command) as url:
        yield url


@pytest.fixture(scope="module")
def internal():
    """An internal server, and the paths that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SECRET.encode())

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/secret.mp4", asked
        server.shutdown()


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.mp4"
    path.write_text(SECRET)
    return path


class Client:
    """A program that speaks HTTP with the page, with a cookie of its own."""

    def __init__(self, url: str):
        self.url = url
        self.session = uuid.uuid4().hex
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        page = self.get("/")[1].decode()
        self.config = json.loads(page.split("window.gradio_config = ", 1)[1].split(";</script>", 1)[0])

    def request(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with self.opener.open(request, timeout=120) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path: str) -> tuple[int, bytes]:
        return self.request(path)

    def upload(self, content: bytes, name: str) -> tuple[int, bytes]:
        head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--b--\r\n"
        return self.request("/gradio_api/upload", body, **{"Content-Type": "multipart/form-data; boundary=b"})

    def call(self, data: list, function: int) -> tuple[int, list]:
        """Runs a function of the page, and returns the status and the values that it gave last."""
        body = json.dumps({"data": data, "fn_index": function, "session_hash": self.session}).encode()
        status, answer = self.request("/gradio_api/queue/join", body, **{"Content-Type": "application/json"})
        if status != 200:
            return status, [answer.decode()]
        events = self.get(f"/gradio_api/queue/data?session_hash={self.session}")[1].decode()
        messages = [json.loads(line.removeprefix("data: ")) for line in events.splitlines() if line]
        (done,) = [message for message in messages if message["msg"] == "process_completed"]
        return status, done["output"].get("data") or [json.dumps(done["output"])]

    def function(self, target: str) -> dict:
        """What the page says about the function that an event calls."""
        return next(part for part in self.config["dependencies"] if part["targets"][0][1] == target)

    def open(self, path: str) -> tuple[int, list]:
        file = {"path": path, "url": path, "orig_name": "a.mp4", "meta": {"_type": "gradio.FileData"}}
        return self.call([file, None], self.function("upload")["id"])


@pytest.fixture
def client(url):
    return Client(url)


def test_the_api_opens_what_was_uploaded(client):
    status, answer = client.upload(EXAMPLE.read_bytes(), "a.mp4")
    assert status == 200
    (path,) = json.loads(answer)
    assert client.get(f"/gradio_api/file={path}") == (200, EXAMPLE.read_bytes())
    status, values = client.open(path)
    assert status == 200 and "alert" not in json.dumps(values)


@pytest.mark.parametrize("form", ["{}", "file://{}", "/tmp/../{}", "/proc/self/root{}"])
def test_no_file_of_the_server_is_served_or_opened(client, secret, form):
    named = form.format(secret)
    status, answer = client.get(f"/gradio_api/file={urllib.parse.quote(named)}")
    assert status == 403 and SECRET.encode() not in answer
    status, values = client.open(named)
    assert status == 403 and SECRET not in json.dumps(values)


def test_the_code_and_the_model_are_not_served(client):
    for path in (MINI / "config.json", Path("setup.cfg"), Path("fila_video/serving/app.py"), Path("/etc/passwd")):
        assert client.get(f"/gradio_api/file={path}")[0] == 403
        assert client.get(f"/static/{'../' * 12}{path}")[0] in (400, 403, 404)
        assert client.get(f"/assets/{'%2e%2e/' * 12}{path}")[0] in (400, 403, 404)
        assert client.get(f"/svelte/{'%2e%2e/' * 12}{path}")[0] in (400, 403, 404)


def test_no_address_is_fetched(client, internal):
    address, asked = internal
    host = address.removeprefix("http://")
    for path in (f"/gradio_api/file={address}", f"/gradio_api/proxy={address}", f"/proxy={address}"):
        status, answer = client.get(path)
        assert status in (403, 404) and SECRET.encode() not in answer
    for named in (address, f"//{host}", f"HTTP://{host}", f"http:{host}", "http://localhost/", "https://[::1]/"):
        status, values = client.open(named)
        assert status == 403 and SECRET not in json.dumps(values)
    # A file in a place where text is expected: Gradio would fetch it before it looks at the kind of value.
    file = {"path": address, "meta": {"_type": "gradio.FileData"}}
    assert client.call([file, None, None, 16, 8, "kmeans", "similar"], client.function("submit")["id"])[0] == 403
    # An address as text is a question.
    status, _ = client.call([address, None, None, 16, 8, "kmeans", "similar"], client.function("submit")["id"])
    assert status == 200
    assert asked == []


@pytest.mark.parametrize(
    "playlist",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile '{}'\n"],
)
def test_a_playlist_that_names_other_files_is_no_video(client, internal, secret, playlist):
    address, asked = internal
    for target in (address, secret):
        for name in ("a.mp4", "a.m3u8"):
            (path,) = json.loads(client.upload(playlist.format(target).encode(), name)[1])
            status, values = client.open(path)
            assert status == 200 and "cannot be read as a video" in json.dumps(values)
    assert asked == []


def test_another_visitors_video_and_events_are_out_of_reach(client, url):
    other = Client(url)
    (path,) = json.loads(client.upload(EXAMPLE.read_bytes() + b"mine", "mine.mp4")[1])
    assert client.open(path)[0] == 200
    assert other.get(f"/gradio_api/file={path}")[0] == 403
    assert other.open(path)[0] == 403
    other.session = client.session
    assert other.call([None, None], other.function("upload")["id"])[0] == 403
    assert other.get(f"/gradio_api/queue/data?session_hash={client.session}")[0] == 403


def test_a_large_upload_is_refused_before_it_is_sent(client, url):
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
    connection.putrequest("POST", "/gradio_api/upload")
    for name, value in (("Content-Length", str(2 * 2**20)), ("Content-Type", "multipart/form-data; boundary=b")):
        connection.putheader(name, value)
    connection.putheader("Cookie", cookie)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413 and b"larger than 1 MB" in answer.read()
    connection.close()


@pytest.mark.parametrize("name", ["../../escaped.mp4", "..\\escaped.mp4", "/etc/escaped.mp4", "a\x00b.mp4", "."])
def test_the_name_of_an_upload_chooses_no_folder(client, name):
    status, answer = client.upload(b"content", name)
    if status == 200:
        (path,) = json.loads(answer)
        assert (
            "fila-video-" in path and ".." not in Path(path).parts and Path(path).parent.parent.name.startswith("fila")
        )
    assert not Path("/etc/escaped.mp4").exists()


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/run/predict", "/gradio_api/call/ask", "/gradio_api/call/v2/ask", "/gradio_api/component_server"],
)
def test_other_ways_to_run_a_function_are_closed(client, path):
    assert client.request(path, b"{}", **{"Content-Type": "application/json"})[0] == 404


def test_settings_out_of_range_do_no_harm(client):
    (path,) = json.loads(client.upload(EXAMPLE.read_bytes(), "a.mp4")[1])
    client.open(path)
    video = {"path": path, "meta": {"_type": "gradio.FileData"}}
    submit = client.function("submit")["id"]
    for settings in ([1e9, 8, "kmeans", "similar"], [16, -5, "kmeans", "similar"], [16, 8, "../x", "similar"]):
        status, values = client.call(["What?", video, None, *settings], submit)
        assert status == 200 and "Traceback" not in json.dumps(values)
