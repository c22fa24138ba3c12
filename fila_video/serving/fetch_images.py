"""Puts the images that a request names by URL into the request."""

import base64
import json
from typing import Any

from processing_fila.reader_url import HttpFile, UrlOptions


IMAGE_PARTS = ("image_url", "input_image")
MAX_IMAGES = 16
TIMEOUT_SECONDS, TOTAL_SECONDS = 10.0, 30.0
MAX_BYTES = 20 * 2**20


def fetch_images(body: bytes, url_policy: str) -> bytes:
    """
    Replaces the http(s) URLs of images by data URLs.

    Args:
        body: Body of a request. One that is no JSON object, or has no such URL, is returned as it is.
        url_policy: Which addresses the URLs may lead to; see `VideoReader`.

    Raises:
        VideoReadError: If an image cannot be fetched, or its address is not allowed.
        ValueError: If there are too many.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return body
    places = list(_places_of_images(request))
    if not places:
        return body
    if len(places) > MAX_IMAGES:
        raise ValueError(f"A request may name at most {MAX_IMAGES} images by URL, not {len(places)}.")
    for holder, name in places:
        holder[name] = _data_url(holder[name], url_policy)
    return json.dumps(request).encode()


def _places_of_images(value: Any) -> list[tuple[dict[str, Any], str]]:
    """Where a request names images: dicts, and the names under which they hold a URL."""
    if isinstance(value, list):
        return [place for item in value for place in _places_of_images(item)]
    if not isinstance(value, dict):
        return []
    places = []
    for name, item in value.items():
        if name not in IMAGE_PARTS:
            places += _places_of_images(item)
        elif isinstance(item, dict) and _is_http(item.get("url")):
            places.append((item, "url"))
        elif _is_http(item):
            places.append((value, name))
    return places


def _is_http(url: Any) -> bool:
    return isinstance(url, str) and url.partition(":")[0].lower() in ("http", "https")


def _data_url(url: str, url_policy: str) -> str:
    with HttpFile(url, UrlOptions(TIMEOUT_SECONDS, TOTAL_SECONDS, MAX_BYTES, url_policy)) as file:
        data = file.read()
    # The kind of picture is recognized by its content, not by its name.
    return f"data:image/unknown;base64,{base64.b64encode(data).decode()}"
