"""`from configuration_fila import FilaVideoConfig`. The class lives with the model: remote code is one folder."""

from modeling_fila import FilaVideoConfig


__all__ = ["FilaVideoConfig"]
