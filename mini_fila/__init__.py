"""The recipe of fila-video-mini, a FiLA-Video small enough to be trained on two cores, on videos drawn here."""
