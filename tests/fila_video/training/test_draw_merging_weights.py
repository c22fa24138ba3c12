"""The command that draws the merging weights of a checkpoint."""

import torch
from safetensors.torch import save_file

from fila_video.training.draw_merging_weights import main
from fila_video.training.model.merging_weights import WEIGHT_NAME


PROGRAM = "python -m fila_video.training.draw_merging_weights"


def test_the_command(tmp_path, capsys):
    weight = torch.full((3, 16, 8), 1 / 3)
    save_file({WEIGHT_NAME: weight}, tmp_path / "model.safetensors")
    assert main([str(tmp_path), str(tmp_path / "w.png")]) == 0
    assert (tmp_path / "w.png").is_file()
    save_file({"other": weight}, tmp_path / "model.safetensors")
    assert main([str(tmp_path), str(tmp_path / "w.png")]) == 1
    assert capsys.readouterr().err == f"{PROGRAM}: {tmp_path} has no weighted scene merging.\n"
    assert main([str(tmp_path / "none"), str(tmp_path / "w.png")]) == 1
    assert capsys.readouterr().err == f"{PROGRAM}: {tmp_path / 'none'} holds no model.safetensors.\n"
