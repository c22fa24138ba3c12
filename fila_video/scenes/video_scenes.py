"""The scenes that a model selected from one video, and the ways to show them."""

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image

from fila_video.common.extras import require_extra
from fila_video.common.files import written_whole

from .contact_sheet import draw_contact_sheet
from .encoded_images import as_data_url
from .selected_scenes import SelectedScenes


if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".html", ".png", ".json")
MERGED_WITHOUT_WEIGHTS = "Only scene_merging='weighted' has merging weights, but this model has scene_merging={!r}."


@dataclass(frozen=True, eq=False, repr=False)
class VideoScenes(SelectedScenes):
    """
    The scenes of one video, which can be shown and saved. In a notebook, it shows the contact sheet.

    See `SelectedScenes` for the attributes.
    """

    def contact_sheet(self, columns: int | None = None) -> Image:
        """Draws each scene as a card: its representative large, its supplements small, with their times.

        Args:
            columns: Number of cards in a row. Default: the number that fits into 2,100 pixels, in rows of equal length.

        Raises:
            ValueError: If `columns` is not positive.
        """
        return draw_contact_sheet(self, columns)

    def timeline(self) -> "Figure":
        """Draws when the frames were sampled, their clusters, and which were selected; below, uniform selection.

        Raises:
            ImportError: If matplotlib is missing.
        """
        _require_matplotlib()
        from .figures import draw_timeline

        return draw_timeline(self)

    def similarity(self) -> "Figure":
        """Draws the cosine similarity of any two sampled frames, with the scenes marked.

        Raises:
            ImportError: If matplotlib is missing.
        """
        _require_matplotlib()
        from .figures import draw_similarity

        return draw_similarity(self)

    def merging_weights(self) -> "Figure":
        """Draws how far the model's merging weights are from the mean, for each frame of a scene and patch.

        Raises:
            ValueError: If the model merges without weights.
            ImportError: If matplotlib is missing.
        """
        if self.merging_weight is None:
            raise ValueError(MERGED_WITHOUT_WEIGHTS.format(self.settings["scene_merging"]))
        _require_matplotlib()
        from .figures import draw_weights

        return draw_weights(self)

    def save(self, path: str | Path, video_href: str | None = None) -> Path:
        """Writes a page, the contact sheet, or the data.

        Args:
            path: File to write. `.html` is one page with all pictures that needs no other file, `.png` the contact
                sheet, `.json` what `to_dict` returns.
            video_href: For `.html`, the address of the video relative to the page, which then plays it; "" for none.
                Default: the video itself, if it lies in the folder of the page or below.

        Returns:
            The path of the file.

        Raises:
            ValueError: If the suffix is none of these, or `video_href` is not relative.
            OSError: If the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"{path} must end with one of {', '.join(SUFFIXES)}.")
        if suffix != ".html" and video_href is not None:
            raise ValueError(f"video_href={video_href!r} is for a page, but {path} is none: it must end with .html.")
        with written_whole(path) as part:
            if suffix == ".png":
                self.contact_sheet().save(part, format="png", optimize=True)
            else:
                part.write_text(self._text_of(path, video_href), encoding="utf-8")
        return path

    def _text_of(self, path: Path, video_href: str | None) -> str:
        if path.suffix.lower() == ".json":
            return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False) + "\n"
        from .page import address_of, make_page

        return make_page(self, address_of(self.path, path) if video_href is None else video_href)

    def _repr_html_(self) -> str:
        """Shows the contact sheet in a notebook."""
        sheet = self.contact_sheet()
        alt = html.escape(f"Contact sheet of {self.name}: {self.summary}")
        address = as_data_url(np.asarray(sheet), quality=82)
        return f'<img src="{address}" alt="{alt}" style="width: 100%; max-width: {sheet.width // 2}px">'


def _require_matplotlib() -> None:
    require_extra("scenes", ["matplotlib"], purpose="A figure of scenes")
