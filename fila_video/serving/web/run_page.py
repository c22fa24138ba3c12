"""Starts the page with a model."""

import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from .video_checks import Limits


FILES = Path(__file__).parent
EXAMPLES = {
    "example_short.mp4": ("Example: three scenes", "How many scenes are there?"),
    "example_long.mp4": ("Example: a short event", "What is in the last scene?"),
}
# What must be said about a model before anyone asks it.
NOTES = {
    "fila-video-mini": "This small model knows drawn shapes only, as in the examples. What it says about other videos "
    "means nothing; the scenes are meaningful for any video. It was trained on single questions, not on conversations."
}
MAX_WAITING = 20
STORED_FILES = 20  # of the largest size; more are refused until some are deleted


def run_page(
    model: str, *, host: str | None = None, port: int | None = None, limits: Limits | None = None, **options: Any
) -> None:
    """
    Serves the page until it is interrupted.

    Args:
        model: Folder or Hub id of a FiLA-Video model.
        host: Address to listen on. Default: what the environment says (GRADIO_SERVER_NAME), or 127.0.0.1.
        port: Port to listen on. Default: what the environment says (GRADIO_SERVER_PORT), or 7860.
        limits: What a visitor may ask for.
        options: Further arguments of `pipeline`, such as `dtype`, `device` and `trust_remote_code`.

    Raises:
        OSError: If the model cannot be loaded or the port is in use.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the folder of uploads is deleted
    with tempfile.TemporaryDirectory(prefix="fila-video-") as folder:
        # Read when Gradio is imported: only this program's uploads are in the folder that it serves files from.
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder).resolve())
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        logging.getLogger("httpx").setLevel(logging.WARNING)
        _launch(model, Path(folder).resolve(), limits or Limits(), {"host": host, "port": port}, options)


def _launch(model: str, folder: Path, limits: Limits, address: dict[str, Any], options: dict[str, Any]) -> None:
    import gradio as gr
    from starlette.middleware import Middleware

    from .answering import load_pipeline
    from .guard import Guard
    from .page import Example, Page

    examples = [Example(label, _public_copy(FILES / name, folder), text) for name, (label, text) in EXAMPLES.items()]
    gr.set_static_paths([example.path for example in examples])
    page = Page(load_pipeline(model, **options), limits, examples, NOTES.get(Path(model).name, ""))
    page.blocks.queue(max_size=MAX_WAITING)
    guard = Middleware(
        Guard,
        upload_folder=folder,
        public_files=[example.path for example in examples],
        max_upload_bytes=limits.max_bytes,
        max_stored_bytes=STORED_FILES * limits.max_bytes,
        keep_seconds=limits.keep_seconds,
    )
    page.blocks.launch(
        server_name=address["host"],
        server_port=address["port"],
        share=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=limits.max_bytes,
        app_kwargs={"middleware": [guard], "docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=gr.themes.Default(primary_hue="blue", neutral_hue="slate", font=["system-ui", "sans-serif"]),
        css=(FILES / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{(FILES / 'page.js').read_text(encoding='utf-8')}</script>",
    )


def _public_copy(path: Path, folder: Path) -> Path:
    """Copies an example to where Gradio may serve it from."""
    copy = folder / "examples" / path.name
    copy.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, copy)
    return copy
