"""The charts of a page as SVG. Texts and lines take their colors from the page's style sheet."""

from html import escape

import numpy as np

from .clock import clock
from .colors import DIVERGING, SEQUENTIAL, cluster_color, paint, text_color
from .encoded_images import as_data_url, png_url
from .selected_scenes import SelectedScenes
from .timeline_layout import EDGE, WIDTH, TimelineLayout, lay_out_timeline


PICTURE_SIDE = 150  # of the pictures in the timeline, in pixels
MATRIX_SIDE, MATRIX_EDGE = 500, 22  # of the similarity matrix, with room for the strips of clusters


def chip(number: int) -> str:
    """Draws the number of a scene on the color of its cluster."""
    color = cluster_color(number)
    return (
        f'<svg class="chip" viewBox="0 0 34 22" aria-hidden="true"><rect width="34" height="22" rx="5" fill="{color}"/>'
        f'<text x="17" y="16" text-anchor="middle" fill="{text_color(color)}">{number + 1}</text></svg>'
    )


def timeline_svg(scenes: SelectedScenes) -> str:
    """Draws the timeline: pictures of the representatives, the frames in the colors of their clusters, and uniform
    selection."""
    layout = lay_out_timeline(scenes)
    parts = [*_pictures(scenes, layout), *_band(scenes, layout), *_uniform(layout), *_axis(layout)]
    top, bottom = layout.band[0] - 4, layout.axis_y
    parts.append(f'<line id="cursor" x1="{EDGE}" x2="{EDGE}" y1="{top:.1f}" y2="{bottom:.1f}"/>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {layout.height:.0f}" role="presentation" data-edge="{EDGE / WIDTH}">'
        f"{''.join(parts)}</svg>"
    )


def _pictures(scenes: SelectedScenes, layout: TimelineLayout) -> list[str]:
    """Lines come first, so that they run behind the pictures."""
    lines, images = [], []
    for picture in layout.pictures:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in picture.lead)
        lines.append(f'<polyline class="lead" points="{points}"/>')
        box = f'x="{picture.left:.1f}" y="{picture.top:.1f}" width="{picture.width:.1f}" height="{picture.height:.1f}"'
        address = as_data_url(scenes.thumbnails[picture.frame], quality=70, max_side=PICTURE_SIDE)
        images.append(f'<image data-frame="{picture.frame}" {box} preserveAspectRatio="none" href="{address}"/>')
        images.append(f'<rect {box} fill="none" stroke="{cluster_color(picture.number)}" stroke-width="2.5"/>')
    return lines + images


def _band(scenes: SelectedScenes, layout: TimelineLayout) -> list[str]:
    """Draws the sampled frames, with marks for those of the scenes."""
    top, bottom = layout.band
    parts = [
        f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{max(right - left - 1, 1):.1f}" '
        f'height="{bottom - top:.1f}" fill="{cluster_color(cluster)}"/>'
        for (left, right), cluster in zip(layout.bars, scenes.clusters.tolist(), strict=True)
    ]
    parts += [f'<path class="mark" d="M{x - 5:.1f},{top - 9:.1f}h10l-5,8z"/>' for x in layout.representatives]
    return parts + [f'<circle class="mark" cx="{x:.1f}" cy="{bottom + 7:.1f}" r="3"/>' for x in layout.supplements]


def _uniform(layout: TimelineLayout) -> list[str]:
    """Draws what uniform selection would choose."""
    y = layout.uniform_y
    rule = f'<line class="rule" x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return [rule, *(f'<path class="uniform" d="M{x:.1f},{y - 6:.1f}l6,6l-6,6l-6,-6z"/>' for x in layout.uniform)]


def _axis(layout: TimelineLayout) -> list[str]:
    y = layout.axis_y
    parts = [f'<line class="axis" x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{y:.1f}" y2="{y:.1f}"/>']
    for x, text in layout.ticks:
        anchor = "start" if x < 40 else "end" if x > WIDTH - 40 else "middle"
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + 5:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 21:.1f}" text-anchor="{anchor}">{text}</text>')
    return parts


def similarity_svg(scenes: SelectedScenes) -> str:
    """Draws the similarity matrix: one square for each pair of frames, and a frame around each scene."""
    count, lowest = scenes.num_frames, float(scenes.similarities.min())
    side = MATRIX_SIDE - MATRIX_EDGE
    unit = side / count
    address = png_url(paint(scenes.similarities, SEQUENTIAL, *similarity_range(scenes)))
    parts = [f'<image class="pixels" x="{MATRIX_EDGE}" y="0" width="{side}" height="{side}" href="{address}"/>']
    for frame, cluster in enumerate(scenes.clusters.tolist()):
        fill, at = f'fill="{cluster_color(cluster)}"', frame * unit
        parts.append(f'<rect x="{MATRIX_EDGE + at:.2f}" y="{side + 5}" width="{unit + 0.2:.2f}" height="12" {fill}/>')
        parts.append(f'<rect x="5" y="{at:.2f}" width="12" height="{unit + 0.2:.2f}" {fill}/>')
    for first, last in scene_spans(scenes):
        at, extent = first * unit, (last - first + 1) * unit
        box = f'x="{MATRIX_EDGE + at:.2f}" y="{at:.2f}" width="{extent:.2f}" height="{extent:.2f}"'
        parts.append(f'<rect class="scene" {box}/>')
    label = escape(f"Similarity of the {count} sampled frames of {scenes.name}, from {lowest:.2f} to 1")
    box = f"0 0 {MATRIX_SIDE} {MATRIX_SIDE}"
    return f'<svg class="matrix" viewBox="{box}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def similarity_range(scenes: SelectedScenes) -> tuple[float, float]:
    """Returns the similarities that have the first and the last color. They differ also if all frames are equal."""
    return min(float(scenes.similarities.min()), 0.999), 1.0


def scene_spans(scenes: SelectedScenes) -> list[tuple[int, int]]:
    """Returns the first and the last frame of each scene."""
    return [(int(frames.min()), int(frames.max())) for frames in scenes.scene_frames]


def scale_svg(colors: tuple[str, ...], low: str, high: str) -> str:
    """Draws a scale of colors with the values of its ends."""
    ramp = paint_ramp(colors, steps=40)
    width = 180 / len(ramp)
    parts = [
        f'<rect x="{60 + place * width:.2f}" y="2" width="{width + 0.3:.2f}" height="12" fill="{color}"/>'
        for place, color in enumerate(ramp)
    ]
    parts += [f'<text x="54" y="13" text-anchor="end">{low}</text>', f'<text x="246" y="13">{high}</text>']
    return f'<svg class="scale" viewBox="0 0 300 16" role="presentation">{"".join(parts)}</svg>'


def paint_ramp(colors: tuple[str, ...], steps: int) -> list[str]:
    """Returns evenly spaced colors from the first to the last of a scale."""
    painted = paint(np.linspace(0, 1, steps)[None], colors, 0, 1)[0]
    return ["#" + "".join(f"{part:02x}" for part in color) for color in painted.tolist()]


def weight_maps(scenes: SelectedScenes) -> list[tuple[str, str]]:
    """Draws the merging weights.

    Returns:
        For each frame of a scene the address of its map, and a sentence about it. Empty without weights.
    """
    maps = scenes.merging_maps
    if maps is None:
        return []
    limit = weight_limit(scenes)
    return [
        (png_url(paint(patches, DIVERGING, -limit, limit)), f"frame {place}: mean {patches.mean():+.3g} %")
        for place, patches in enumerate(maps, start=1)
    ]


def weight_limit(scenes: SelectedScenes) -> float:
    """Returns the largest distance of a map from the mean, in percent; a small number where all are 0."""
    maps = scenes.merging_maps
    return max(float(abs(maps).max()), 1e-6) if maps is not None else 1.0


def frame_label(scenes: SelectedScenes, frame: int) -> str:
    """Describes a sampled frame in words."""
    cluster = int(scenes.clusters[frame])
    text = f"{clock(scenes.frame_seconds[frame])}, sampled frame {frame + 1} of {scenes.num_frames}"
    for scene in scenes.scenes:
        if frame == scene.representative:
            return f"{text}, representative of scene {scene.number + 1}"
        if frame in scene.supplements:
            return f"{text}, supplement of scene {scene.number + 1}"
    return f"{text}, cluster of scene {cluster + 1}, not selected"
