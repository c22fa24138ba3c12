"""Figures that notebooks show by themselves."""

from io import BytesIO

from PIL import Image

from fila_video.common.figures import NotebookFigure


def test_a_figure_shows_itself_as_a_picture():
    figure = NotebookFigure(figsize=(2, 1), dpi=50)
    figure.add_axes((0, 0, 1, 1)).set_facecolor("red")
    picture = Image.open(BytesIO(figure._repr_png_()))
    assert picture.format == "PNG" and picture.size == (100, 50)
    assert picture.convert("RGB").getpixel((50, 25)) == (255, 0, 0)
