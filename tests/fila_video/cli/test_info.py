"""`fila-video info` tells what a bug report needs, also where much is missing."""

import json
import sys
from importlib.metadata import version

import av
import psutil
import pytest
import torch

import fila_video


def test_versions_devices_decoders_memory_and_folders(fila):
    done = fila("info", "--json")
    found = json.loads(done.out)
    assert (done.status, done.err) == (0, "")
    assert found["versions"]["fila-video"] == fila_video.__version__
    for name in ("torch", "transformers", "tokenizers", "huggingface_hub", "accelerate", "av"):
        assert found["versions"][name] == version(name)
    assert found["versions"]["libavcodec"] == ".".join(map(str, av.library_versions["libavcodec"]))
    assert found["devices"]["cuda is available"] is torch.cuda.is_available()
    assert "float32" in found["devices"]["cpu"]
    assert found["decoders"]["h264"] != "none"
    assert found["memory"]["total"] == f"{psutil.virtual_memory().total / 2**30:.1f} GiB"
    assert found["folders"]["converted models"].endswith("converted")


def test_the_text_says_the_same(fila):
    lines = fila("info").out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        *("Versions", "Devices", "Decoders", "Memory", "Folders")
    ]
    assert f"  torch            {version('torch')}" in lines


@pytest.mark.parametrize("package", ["torch", "av", "psutil", "huggingface_hub"])
def test_a_missing_package_is_said_and_the_rest_is_told(fila, monkeypatch, package):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, package, None)
        done = fila("info", "--json")
    found = json.loads(done.out)
    assert (done.status, done.err) == (0, "")
    unknown = [name for name, values in found.items() if "unknown" in values]
    assert (
        unknown
        == {
            "torch": ["devices"],
            "av": ["versions", "decoders"],
            "psutil": ["memory"],
            "huggingface_hub": ["folders"],
        }[package]
    )
    assert all(found[name]["unknown"].startswith(package) for name in unknown)


def test_a_package_without_metadata_is_not_installed(fila, monkeypatch):
    monkeypatch.setattr("fila_video.cli.info.PACKAGES", ("no-such-package",))
    assert "  no-such-package  not installed" in fila("info").out.splitlines()
