"""The programs behind serve, convert and others get all arguments, and report errors with the name of the command."""

import pytest

from fila_video.cli import forward


@pytest.mark.parametrize("name", forward.FORWARDED)
def test_a_program_is_called_with_all_arguments_in_their_order(fila, monkeypatch, name):
    calls = []

    class Module:
        @staticmethod
        def main(arguments, program):
            calls.append((arguments, program))
            return 7

    monkeypatch.setattr(forward, "import_module", lambda module: Module)
    arguments = ["a", "--plan", "--gpus", "1", "--", "-x", "--help", "key=value", "--json"]
    assert fila(name, *arguments).status == 7
    assert calls == [(arguments, f"fila-video {name}")]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["serve"], 2, "fila-video serve: error: the following arguments are required: model"),
        (["train"], 2, "fila-video train: error: the following arguments are required: stage"),
        (["dataset", "none"], 2, "fila-video dataset: error: argument command: invalid choice: 'none'"),
        (["evaluate"], 2, "fila-video evaluate: error: the following arguments are required: command"),
        (
            ["evaluate", "./no-such-model"],
            1,
            "fila-video evaluate benchmarks: ./no-such-model: there is no such folder.",
        ),
        (["convert", "./no-such-model", "{folder}/output"], 1, "fila-video convert: ./no-such-model: there is no"),
        (["train", "no-such-stage", "--plan"], 1, "fila-video train: "),
        (["dataset", "stats", "{folder}/none"], 1, "fila-video dataset stats: "),
    ],
)
def test_errors_name_the_command(fila, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    done = fila(*[argument.format(folder=tmp_path) for argument in arguments])
    assert done.status == status
    assert done.err.splitlines()[-1].startswith(message)
