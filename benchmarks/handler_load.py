"""Does the handler for Inference Endpoints stand many requests at once?

    python -m benchmarks.handler_load --seconds 60

A server with the handler of a published folder gets requests from several clients at the same
time. Each client sends videos of its own, and the answer to each is known from the pipeline.
Every third request is an attack, which must be refused. Before and after, when the server has
nothing to do, its memory, files and threads are counted. At the end, it gets SIGTERM while it
works.
"""

import argparse
import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.process_memory import status_bytes


SERVER = Path(__file__).with_name("handler_server.py")
QUESTION = "List the objects with their times."
ATTACK_EVERY = 3  # requests of a client
ATTACKS = ("file:///etc/passwd", "http://127.0.0.1/clip.mp4", base64.b64encode(b"#EXTM3U\n/etc/passwd\n").decode())
START_SECONDS = 300
QUIET_SECONDS = 12.0  # after which the threads of Starlette that wait for work have ended


@dataclass(frozen=True)
class Usage:
    """What a process holds.

    Attributes:
        memory: Its memory in MiB.
        peak: The most memory that it has held so far, in MiB.
        files: Open files and sockets.
        threads: Threads.
        children: Processes that it started.
    """

    memory: float
    peak: float
    files: int
    threads: int
    children: int


class Server:
    """
    A running server.

    Args:
        process: Its process.
        url: Its address.
    """

    def __init__(self, process: subprocess.Popen, url: str):
        self._process = process
        self._url = url

    def ask(self, data: dict[str, Any]) -> tuple[int, Any]:
        """Sends a request. Returns the status and the answer."""
        request = urllib.request.Request(
            self._url, json.dumps(data).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=600) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def usage(self) -> Usage:
        """Counts what the server holds. Linux only."""
        import psutil

        process = psutil.Process(self._process.pid)
        memory = process.memory_info().rss / 2**20
        peak = status_bytes("VmHWM", process.pid) / 2**20
        return Usage(memory, peak, process.num_fds(), process.num_threads(), len(process.children()))

    def stop(self) -> None:
        """Tells the server to stop, as Inference Endpoints do."""
        self._process.terminate()

    def wait(self) -> int:
        """Waits for its end, and returns the exit status: 0, or minus the number of the signal that it got."""
        return self._process.wait(120)

    def wait_until_ready(self) -> None:
        """Waits until the model is loaded."""
        for _ in range(START_SECONDS):
            try:
                urllib.request.urlopen(f"{self._url}health", timeout=60).close()
                return
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(1)
        raise RuntimeError("The server did not start.")


@contextmanager
def serve(folder: Path, log: Path, *, python: str = sys.executable, toolkit: bool = False) -> Iterator[Server]:
    """
    Starts a server with the handler of a folder.

    Args:
        folder: Folder of a published model.
        log: File for what the server prints.
        python: Interpreter that runs it.
        toolkit: Whether it is that of huggingface-inference-toolkit.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, str(SERVER), str(folder), str(port), *(["--toolkit"] if toolkit else [])]
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=log.parent, env={**os.environ, "PYTHONPATH": ""}, stdout=file, stderr=file
        )
        server = Server(process, f"http://127.0.0.1:{port}/")
        try:
            server.wait_until_ready()
            yield server
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{log.read_text(encoding='utf-8')[-3000:]}") from None
        finally:
            process.kill()
            process.wait()


def draw_questions(model: str, folder: Path, number: int) -> list[tuple[dict[str, Any], Any]]:
    """Draws videos about which the pipeline gives different answers. Returns requests and the answers to them."""
    import numpy as np
    from transformers import pipeline

    import fila_video  # noqa: F401  (registers the classes)
    from fila_video.world.draw_video import draw_video
    from fila_video.world.render_video import render_video

    pipe: Any = pipeline("video-text-to-text", model, dtype="auto", device="cpu")
    parameters = {"max_new_tokens": 48, "return_scenes": True}
    found: dict[str, tuple[dict[str, Any], Any]] = {}
    for seed in range(4 * number):
        path = folder / f"{seed}.mp4"
        render_video(draw_video(np.random.default_rng(seed)), path)
        answers = pipe(str(path), text=QUESTION, **parameters)
        video = base64.b64encode(path.read_bytes()).decode()
        data = {"inputs": {"video": video, "text": QUESTION}, "parameters": parameters}
        found.setdefault(answers[0]["generated_text"], (data, json.loads(json.dumps(answers))))
        if len(found) == number:
            return list(found.values())
    raise ValueError(f"{model} gives only {len(found)} different answers about {4 * number} videos.")


def load(server: Server, questions: list[tuple[dict[str, Any], Any]], seconds: float) -> tuple[Counter, list[float]]:
    """
    Lets one client for each list of questions ask as fast as it is answered.

    Returns:
        How often what happened, and the seconds of each answer.
    """
    end = time.monotonic() + seconds
    counts: Counter = Counter()
    waited: list[float] = []

    def ask_on(place: int) -> None:
        own = questions[place::num_clients]
        number = 0
        while time.monotonic() < end:
            number += 1
            data, expected = own[number % len(own)]
            is_attack = number % ATTACK_EVERY == 0
            if is_attack:
                attack = ATTACKS[number // ATTACK_EVERY % len(ATTACKS)]
                data = {**data, "inputs": {**data["inputs"], "video": attack}}
            began = time.monotonic()
            status, answer = server.ask(data)
            if is_attack:
                is_right = status == 400 and "error" in answer
            else:
                is_right = status == 200 and answer == expected
                waited.append(time.monotonic() - began)
            counts[("attacks refused" if is_attack else "right answers") if is_right else "wrong"] += 1

    num_clients = max(1, len(questions) // 2)
    with ThreadPoolExecutor(num_clients) as pool:
        for future in [pool.submit(ask_on, place) for place in range(num_clients)]:
            future.result()
    return counts, waited


def stop_while_busy(server: Server, questions: list[tuple[dict[str, Any], Any]]) -> dict[str, Any]:
    """Tells the server to stop while it has a request of each client: how many answers still arrive?"""
    asked = questions[::2]
    with ThreadPoolExecutor(len(asked)) as pool:
        futures = [pool.submit(server.ask, data) for data, _ in asked]
        time.sleep(0.5)  # until all of them have arrived
        num_done = sum(future.done() for future in futures)
        server.stop()
        answers = [future.result() for future in futures]
    return {
        "requests when told to stop": len(asked) - num_done,
        "right answers after that": sum(
            answer == (200, expected) for answer, (_, expected) in zip(answers, asked, strict=True)
        )
        - num_done,
        "exit status": server.wait(),
    }


def measure(
    model: str, *, seconds: float, parallel: int = 8, python: str = sys.executable, toolkit: bool = False
) -> dict[str, Any]:
    """
    Loads a server for some time.

    Args:
        model: Folder of a model.
        seconds: Duration of the load.
        parallel: Number of clients, each with two videos of its own.
        python: Interpreter that runs the server.
        toolkit: Whether the server is that of huggingface-inference-toolkit.
    """
    from fila_video.hub.stage_folder import stage_folder

    with TemporaryDirectory() as temporary:
        staged = Path(temporary, "model")
        staged.mkdir()
        stage_folder(Path(model), staged, "org/model")
        questions = draw_questions(model, Path(temporary), 2 * parallel)
        with serve(staged, Path(temporary, "log"), python=python, toolkit=toolkit) as server:
            load(server, questions, min(seconds, 10.0))  # until all that is kept between requests is there
            time.sleep(QUIET_SECONDS)
            before = server.usage()
            counts, waited = load(server, questions, seconds)
            time.sleep(QUIET_SECONDS)
            after = server.usage()
            ending = stop_while_busy(server, questions)
    return {
        "clients": parallel,
        "seconds": seconds,
        **{name: counts[name] for name in ("right answers", "attacks refused", "wrong")},
        "seconds until an answer, median": round(statistics.median(waited), 2),
        "memory before, MiB": round(before.memory),
        "memory after, MiB": round(after.memory),
        "memory at most, MiB": round(after.peak),
        "files before": before.files,
        "files after": after.files,
        "threads before": before.threads,
        "threads after": after.threads,
        "processes started": after.children,
        **ending,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="checkpoints/fila-video-mini", help="folder of a model")
    parser.add_argument("--seconds", type=float, default=60, help="duration of the load")
    parser.add_argument("--parallel", type=int, default=8, help="number of clients")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the server")
    parser.add_argument("--toolkit", action="store_true", help="use the server of huggingface-inference-toolkit")
    parser.add_argument("--json", type=Path, help="file to which the numbers are written")
    arguments = parser.parse_args()
    if arguments.parallel < 1:
        parser.error(f"--parallel={arguments.parallel} must be at least 1")
    numbers = measure(
        arguments.model,
        seconds=arguments.seconds,
        parallel=arguments.parallel,
        python=arguments.python,
        toolkit=arguments.toolkit,
    )
    from fila_video.common.tables import markdown_table

    print(markdown_table(["", "value"], numbers.items(), align="lr"))
    if arguments.json:
        arguments.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
