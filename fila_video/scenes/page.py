"""The page: all pictures of the scenes in one HTML file, which needs neither a network nor other files.

Every text of the user is escaped, and the page's policy forbids any script but its own.
"""

import json
import os
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, urlsplit

from .charts import chip, frame_label, scale_svg, similarity_svg, timeline_svg, weight_limit, weight_maps
from .clock import clock
from .colors import DIVERGING, SEQUENTIAL
from .encoded_images import encode_frames, jpeg_url
from .selected_scenes import Scene, SelectedScenes
from .timeline_layout import time_positions


PLAYS = "Point at a frame to see it larger. Click it to play the video from there."
SHOWS_THE_TIME = "Point at a frame to see it larger. Click it to see its time."
ON_THE_TIMELINE = (
    "Each bar is a sampled frame, in the color of its cluster. The pictures are the representatives. "
    "The arrow keys move from frame to frame, and Enter chooses one."
)
ON_SIMILARITY = (
    "Cosine similarity of the representations of any two sampled frames. The squares on the diagonal are the scenes; "
    "the strips show the clusters."
)
ON_WEIGHTS = (
    "How far the learned weights W, which merge the frames of a scene, are from the plain mean: for each patch, the "
    "mean over all channels, in percent of the mean's weight. They belong to the model, not to this video."
)
LEGEND = """<ul class="legend">
<li><svg viewBox="0 0 14 14" aria-hidden="true"><path class="mark" d="M2,3h10l-5,8z"/></svg>representative</li>
<li><svg viewBox="0 0 14 14" aria-hidden="true"><circle class="mark" cx="7" cy="7" r="3"/></svg>supplement</li>
<li><svg viewBox="0 0 14 14" aria-hidden="true"><path class="uniform" d="M7,1l6,6l-6,6l-6,-6z"/></svg>what uniform
selection would choose</li>
</ul>"""


def address_of(video: Path | None, page: Path) -> str:
    """Returns the address of a video relative to a page, or "" if it does not lie in the page's folder or below."""
    if video is None or not video.is_file():
        return ""
    for absolute in (os.path.abspath, os.path.realpath):
        inside, folder = Path(absolute(video)), Path(absolute(page.parent))
        if inside.is_relative_to(folder):
            return quote(os.fsencode(inside.relative_to(folder).as_posix()))
    return ""


def make_page(scenes: SelectedScenes, video_href: str) -> str:
    """
    Makes the page.

    Args:
        scenes: What it shows.
        video_href: Address of the video relative to the page; "" for none.

    Raises:
        ValueError: If the address is not relative.
    """
    _check_relative(video_href)
    style, script = (files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    images = [jpeg_url(encoded) for encoded in encode_frames(scenes.thumbnails)]
    title, summary = escape(scenes.name), escape(scenes.summary)
    height, width = scenes.thumbnails.shape[1:3]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, script, video_href)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Scenes of {title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1><p>{summary}</p></header>
<div class="layout">
<main>
{_timeline(scenes)}
<section><h2>Scenes</h2><ol class="cards{" tall" if height > width else ""}">
{"".join(_card(scenes, scene, images) for scene in scenes.scenes)}
</ol></section>
<section><h2>Similarity of the frames</h2><p class="hint">{ON_SIMILARITY}</p>
{similarity_svg(scenes)}{scale_svg(SEQUENTIAL, f"{scenes.similarities.min():.2f}", "1")}</section>
{_weights(scenes)}
</main>
{_viewer(scenes, images, video_href)}
</div>
<script type="application/json" id="frames">{_data(scenes, images)}</script>
<script>{script}</script>
</body>
</html>
"""


def _check_relative(href: str) -> None:
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or href.startswith(("/", "\\")):
        raise ValueError(f"video_href={href!r} must be relative to the page, such as 'clip.mp4'.")


def _policy(style: str, script: str, video_href: str) -> str:
    """Allows this page's own script and style, pictures inside the page, and the video next to it; nothing else."""
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (style, script)]
    # `file:` is for pages that are opened from a disk; browsers differ on whether 'self' includes those.
    media = "media-src 'self' file:; " if video_href else ""
    policy = f"default-src 'none'; img-src data:; style-src {hashes[0]}; script-src {hashes[1]}; {media}"
    return f"{policy}base-uri 'none'; form-action 'none'"


def _timeline(scenes: SelectedScenes) -> str:
    count = scenes.num_frames
    return f"""<section><h2>Timeline</h2><p class="hint">{ON_THE_TIMELINE}</p>
<div id="timeline" role="slider" tabindex="0" aria-label="Sampled frames" aria-valuemin="1" aria-valuemax="{count}"
aria-valuenow="1">{timeline_svg(scenes)}</div>
{LEGEND}</section>"""


def _card(scenes: SelectedScenes, scene: Scene, images: list[str]) -> str:
    time = clock(scenes.frame_seconds[scene.representative])
    pictures = [_picture(scenes, scene.representative, images, has_time=False)]
    pictures += [_picture(scenes, frame, images, has_time=True) for frame in scene.supplements]
    layout = "pictures pairs" if scenes.scene_frames.shape[1] <= 3 else "pictures"
    return (
        f'<li><div class="time">{chip(scene.number)}<strong>{time}</strong></div>'
        f'<div class="{layout}">{"".join(pictures)}</div></li>\n'
    )


def _picture(scenes: SelectedScenes, frame: int, images: list[str], *, has_time: bool) -> str:
    height, width = scenes.thumbnails.shape[1:3]
    time = f"<span>{clock(scenes.frame_seconds[frame])}</span>" if has_time else ""
    alt = escape(f"Frame at {frame_label(scenes, frame)}")
    return (
        f'<button class="frame" type="button" data-frame="{frame}">'
        f'<img src="{images[frame]}" alt="{alt}" width="{width}" height="{height}">{time}</button>'
    )


def _viewer(scenes: SelectedScenes, images: list[str], video_href: str) -> str:
    """The frame that the user points at, large, and the player."""
    first = scenes.scenes[0].representative
    player = f'<video id="player" src="{escape(video_href)}" controls preload="none" hidden></video>'
    return f"""<aside aria-label="Chosen frame">
<p class="hint">{PLAYS if video_href else SHOWS_THE_TIME}</p>
<img id="shown" src="{images[first]}" alt="{escape(frame_label(scenes, first))}">
<p id="caption">{escape(frame_label(scenes, first))}</p>
{player if video_href else ""}
<p id="note" role="status"></p>
</aside>"""


def _weights(scenes: SelectedScenes) -> str:
    maps = weight_maps(scenes)
    if not maps:
        return ""
    figures = [
        f'<figure><img src="{address}" alt="{text}"><figcaption>{text}</figcaption></figure>' for address, text in maps
    ]
    limit = weight_limit(scenes)
    return f"""<section><h2>Merging weights</h2><p class="hint">{ON_WEIGHTS}</p>
<div class="maps">{"".join(figures)}</div>{scale_svg(DIVERGING, f"{-limit:.2g} %", f"+{limit:.2g} %")}</section>"""


def _data(scenes: SelectedScenes, images: list[str]) -> str:
    """What the script needs, as JSON. Pictures that stand in a card already are left out."""
    in_cards = {frame for scene in scenes.scenes for frame in (scene.representative, *scene.supplements)}
    frames = [
        {
            "seconds": seconds,
            "clock": clock(seconds),
            "position": round(position, 6),
            "label": frame_label(scenes, frame),
        }
        for frame, (seconds, position) in enumerate(
            zip(scenes.frame_seconds.tolist(), time_positions(scenes), strict=True)
        )
    ]
    others = {frame: address for frame, address in enumerate(images) if frame not in in_cards}
    # "<" could end the script element; JSON has another way to write it.
    return json.dumps({"frames": frames, "images": others}).replace("<", "\\u003c")
