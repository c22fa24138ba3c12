"""The command `fila-video`. Each file holds one command, or what several commands share.

Nothing here imports torch or transformers until a command runs, so that `--help` and errors in arguments appear at
once.
"""
