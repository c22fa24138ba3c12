"""The recipe of fila-video-mini, a FiLA-Video model that is small enough to be trained on two CPU cores."""
