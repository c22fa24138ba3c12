"""Muon and AdamW as one optimizer: which one updates what, and a checkpoint that training resumes from exactly."""

import copy

import pytest
import torch

from fila_video.training.model.muon import MuonAndAdamW, is_for_muon
from fila_video.training.model.trained_parts import freeze_all_but, parameter_groups
from tests.models import small_model


ADAMW = {"lr": 1e-3, "betas": (0.9, 0.98), "eps": 1e-8}


def make_optimizer(model):
    rates = {"language_model": 1e-3, "multi_modal_projector": 2e-3, "scene_merging": 3e-3, "vision_tower": 1e-4}
    freeze_all_but(model, rates)
    names = [name for name, parameter in model.named_parameters() if parameter.ndim > 1]
    return MuonAndAdamW(parameter_groups(model, rates, weight_decay=0.1, decayed=names, optimizer="muon"), **ADAMW)


def set_gradients(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_muon_has_the_matrices_of_the_layers_and_nothing_else():
    names = {name for name, parameter in small_model().named_parameters() if is_for_muon(name, parameter)}
    assert "model.language_model.layers.0.self_attn.q_proj.weight" in names
    assert all(name.startswith("model.language_model.layers.") for name in names)
    assert not any("norm" in name or "bias" in name or "embed" in name for name in names)
    assert is_for_muon("module.model.language_model.layers.0.mlp.up_proj.weight", torch.nn.Parameter(torch.ones(2, 2)))


def test_an_update_of_muon_is_orthogonal_and_as_large_as_one_of_adamw():
    model = small_model()
    optimizer = make_optimizer(model)
    name, matrix = next((n, p) for n, p in model.named_parameters() if is_for_muon(n, p))
    before = matrix.detach().clone()
    set_gradients(model, 0)
    optimizer.step()
    update = (before * (1 - 1e-3 * 0.1) - matrix.detach()) / 1e-3  # without the decay, by the rate
    singular_values = torch.linalg.svdvals(update) / (0.2 * max(matrix.shape) ** 0.5)  # arXiv 2502.16982, section 2.2
    assert ((0.3 < singular_values) & (singular_values < 1.3)).all(), name  # five steps of Newton and Schulz


def test_adamw_updates_the_others_as_it_does_alone():
    model = small_model()
    twin = copy.deepcopy(model)
    optimizer = make_optimizer(model)
    others = [p for n, p in twin.named_parameters() if n.startswith("model.multi_modal_projector.") and p.ndim > 1]
    alone = torch.optim.AdamW(others, **{**ADAMW, "lr": 2e-3}, weight_decay=0.1)
    for seed in range(3):
        for each, step in ((model, optimizer.step), (twin, alone.step)):
            set_gradients(each, seed)
            step()
    updated = dict(model.named_parameters())
    for name, expected in twin.named_parameters():
        if any(expected is other for other in others):
            torch.testing.assert_close(updated[name], expected)


def test_a_schedule_reaches_both_and_a_checkpoint_goes_on_alike():
    model = small_model()
    optimizer = make_optimizer(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    for seed in range(2):
        set_gradients(model, seed)
        optimizer.step()
        schedule.step()
    twin = copy.deepcopy(model)
    resumed = make_optimizer(twin)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert {group["lr"] for group in resumed.param_groups} == {group["lr"] for group in optimizer.param_groups}
    assert {group["lr"] for group in optimizer.param_groups if group["muon"]} == {1e-3 / 3}
    for each, step in ((model, optimizer.step), (twin, resumed.step)):
        set_gradients(each, 2)
        step()
    assert all(map(torch.equal, model.parameters(), twin.parameters()))


def test_an_old_pytorch_is_named(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(ImportError, match="optimizer=muon needs PyTorch 2.9"):
        MuonAndAdamW([{"params": [torch.nn.Parameter(torch.ones(2, 2))], "muon": True}], **ADAMW)
