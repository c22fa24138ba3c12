"""A matplotlib figure that notebooks show by themselves. Importing this loads matplotlib."""

import io

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure that is shown as the last line of a cell. Notebooks show a plain `Figure` only if pyplot is in use."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
