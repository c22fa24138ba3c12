"""Publishes a model on the Hugging Face Hub, or the web page as a Space: writes the files, checks and uploads them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fila_video.common.command_line import HelpFormatter, run_reporting_errors


if TYPE_CHECKING:
    from .upload import Uploaded

PROGRAM = "python -m fila_video.hub publish"


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Publishes a model or a Space, and returns the exit status: 1 if it cannot be published."""
    options = _parse(program, arguments)
    return run_reporting_errors(program, lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(options.repository)
    if "/" not in options.repository:
        raise ValueError(f"{options.repository!r} names no owner: give OWNER/NAME.")
    if options.space:
        _run_space(options)
    else:
        _run_model(options)


def _run_model(options: argparse.Namespace) -> None:
    folder = Path(options.model)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    if options.dry_run is not None:
        from fila_video.conversion.checkpoint_folder import unfinished_folder

        with unfinished_folder(options.dry_run) as staged:
            _stage(options, staged, links=False)
        print(f"Wrote {options.dry_run}, which is what would be uploaded to {options.repository}.")
        return
    with TemporaryDirectory(prefix=".publish-", dir=folder.parent) as staged:  # where links to files work
        _stage(options, Path(staged), links=True)
        _upload(options, Path(staged))


def _stage(options: argparse.Namespace, staged: Path, *, links: bool) -> None:
    """Writes what goes to the Hub, checks it, and says what stays."""
    from .check_folder import check_folder
    from .stage_folder import stage_folder

    chosen = stage_folder(Path(options.model), staged, options.repository, links=links)
    for name, reason in chosen.left_out.items():
        print(f"left out: {name} ({reason})")
    answer = check_folder(staged)
    print(f"Without this package, the folder answers {answer['generated_text']!r} about a drawn video.")


def _upload(options: argparse.Namespace, staged: Path) -> None:
    from .upload import upload

    _report(
        upload(
            staged,
            options.repository,
            is_public=options.public,
            revision=options.revision,
            tag=options.tag,
            message=options.message,
        )
    )


def _run_space(options: argparse.Namespace) -> None:
    from . import publish_space

    space = publish_space.prepare_space(
        options.repository, options.model, revision=options.model_revision, hardware=options.hardware
    )
    print(f"The Space loads {space.model.name} at commit {space.model.commit}. Its card suggests {space.hardware}.")
    if space.model.is_private:
        print(f"{space.model.name} is private: give the Space a secret HF_TOKEN with a token that may read it.")
    if options.dry_run is not None:
        publish_space.write(space, options.dry_run)
        print(f"Wrote {options.dry_run}, which is what would be uploaded to {options.repository}.")
        return
    _report(publish_space.publish(space, is_public=options.public, tag=options.tag, message=options.message))


def _report(done: "Uploaded") -> None:
    for name in done.deleted:
        print(f"deleted on the Hub: {name}")
    print(f"{done.url} is {'private' if done.is_private else 'public'}.")
    print(f"{'Uploaded as' if done.was_changed else 'Nothing has changed since'} commit {done.commit}.")


def _parse(program: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=program, description=__doc__, formatter_class=HelpFormatter)
    parser.add_argument("model", help="folder of the model; with --space, its id on the Hub")
    parser.add_argument("repository", metavar="owner/name", help="id on the Hub of what is published")
    parser.add_argument("--dry-run", type=Path, metavar="OUT", help="write what would be uploaded, and upload nothing")
    parser.add_argument("--public", action="store_true", help="let everybody see it (default: its owner only)")
    parser.add_argument("--revision", metavar="BRANCH", help="branch to upload the model to (default: main)")
    parser.add_argument("--tag", help="new tag for this upload, such as v1.0")
    parser.add_argument("--message", help="message of the commit (default: Upload the model, or the space)")
    space = parser.add_argument_group("Space")
    space.add_argument("--space", action="store_true", help="publish the web page as a Space that loads the model")
    space.add_argument("--model-revision", metavar="REVISION", help="revision of the model to load (default: main)")
    space.add_argument("--hardware", help="hardware that the card suggests (default: what the weights need)")
    options = parser.parse_args(arguments)
    if options.space and options.revision is not None:
        parser.error("--revision: a Space runs its branch main. --model-revision is the revision of the model.")
    for name in ("model_revision", "hardware"):
        if not options.space and getattr(options, name) is not None:
            parser.error(f"--{name.replace('_', '-')} is for --space")
    return options


if __name__ == "__main__":
    sys.exit(main())
