"""The colors, shapes, motions and textures of the world. Their names are the words of questions and answers.

Colors are RGB and so far apart that they can still be distinguished after chroma subsampling. Names in the data are
spelled `colour`, because the small model was trained on that spelling.
"""

OBJECT_COLOURS = {
    "red": (225, 30, 35),
    "green": (30, 190, 50),
    "blue": (45, 75, 245),
    "yellow": (250, 230, 40),
    "orange": (250, 135, 20),
    "purple": (140, 40, 200),
    "pink": (255, 130, 200),
    "cyan": (50, 225, 235),
}
SHAPES = ("circle", "square", "triangle", "cross", "ring")
MOTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # (columns, rows)

BACKGROUND_COLOURS = {
    "black": (15, 15, 15),
    "white": (240, 240, 240),
    "grey": (125, 125, 125),
    "brown": (110, 65, 30),
    "navy": (20, 25, 85),
    "olive": (95, 105, 45),
}
TEXTURES = ("plain", "striped", "dotted")
