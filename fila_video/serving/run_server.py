"""Runs transformers' own server (`transformers serve`) with a FiLA-Video model."""

import inspect
import json
from typing import Any

from transformers import ProcessorMixin
from transformers.cli.serve import Serve
from transformers.cli.serving import server as transformers_server

from .check_requests import CheckRequests
from .register_classes import register_for_server


def run_server(
    model: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    num_frames: int | None = None,
    allow_private_addresses: bool = False,
    **options: Any,
) -> Serve:
    """
    Serves a model until it is interrupted: `/v1/chat/completions` with `video_url`, streamed or not.

    Args:
        model: Folder or Hub id of the model, which is loaded at the start.
        host: Address to listen on.
        port: Port to listen on.
        num_frames: Frames sampled from a video. Default: 32, as transformers' server has it.
        allow_private_addresses: Whether the URLs of clients may lead to addresses that are not public, such as those of
            the server's own network.
        options: Further arguments of transformers' `Serve`, such as `dtype`, `device` and `trust_remote_code`.

    Raises:
        ImportError: If the packages of `transformers[serving]` are not installed.
    """
    register_for_server()
    url_policy = "unrestricted" if allow_private_addresses else "public_only"
    chat_template_kwargs: dict[str, Any] = {"url_policy": url_policy}
    if num_frames is not None:
        chat_template_kwargs["num_frames"] = num_frames
    if "sanitize_control_tokens" in inspect.signature(ProcessorMixin.apply_chat_template).parameters:
        chat_template_kwargs["sanitize_control_tokens"] = True
    build_server = transformers_server.build_server

    def build_checked_server(*args: Any, **kwargs: Any) -> CheckRequests:
        return CheckRequests(build_server(*args, **kwargs), url_policy=url_policy)

    # `Serve` builds its application with this function, and has no argument for what stands in front of it.
    transformers_server.build_server = build_checked_server
    try:
        return Serve(
            force_model=model, host=host, port=port, chat_template_kwargs=json.dumps(chat_template_kwargs), **options
        )
    finally:
        transformers_server.build_server = build_server
