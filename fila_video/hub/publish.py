"""Publishes a model on the Hugging Face Hub: chooses its files, checks that they work, uploads them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fila_video.common.command_line import HelpFormatter, run_reporting_errors


PROGRAM = "python -m fila_video.hub publish"


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Publishes a model, and returns the exit status: 1 if it cannot be published."""
    options = _parser(program).parse_args(arguments)
    return run_reporting_errors(program, lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(options.repository)
    if "/" not in options.repository:
        raise ValueError(f"{options.repository!r} names no owner: give OWNER/NAME.")
    if options.dry_run is not None:
        from fila_video.conversion.checkpoint_folder import unfinished_folder

        with unfinished_folder(options.dry_run) as staged:
            _stage(options, staged, links=False)
        print(f"Wrote {options.dry_run}, which is what would be uploaded to {options.repository}.")
        return
    with TemporaryDirectory(prefix=".publish-", dir=options.folder.parent) as staged:  # where links to files work
        _stage(options, Path(staged), links=True)
        _upload(options, Path(staged))


def _stage(options: argparse.Namespace, staged: Path, *, links: bool) -> None:
    """Writes what goes to the Hub, checks it, and says what stays."""
    from .check_folder import check_folder
    from .stage_folder import stage_folder

    chosen = stage_folder(options.folder, staged, options.repository, links=links)
    for name, reason in chosen.left_out.items():
        print(f"left out: {name} ({reason})")
    answer = check_folder(staged)
    print(f"Without this package, the folder answers {answer['generated_text']!r} about a drawn video.")


def _upload(options: argparse.Namespace, staged: Path) -> None:
    from .upload import upload

    done = upload(
        staged,
        options.repository,
        is_public=options.public,
        revision=options.revision,
        tag=options.tag,
        message=options.message,
    )
    for name in done.deleted:
        print(f"deleted on the Hub: {name}")
    print(f"{done.url} is {'private' if done.is_private else 'public'}.")
    print(f"{'Uploaded as' if done.was_changed else 'Nothing has changed since'} commit {done.commit}.")


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=__doc__, formatter_class=HelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the model")
    parser.add_argument("repository", metavar="owner/name", help="id of the model on the Hub")
    parser.add_argument("--dry-run", type=Path, metavar="OUT", help="write what would be uploaded, and upload nothing")
    parser.add_argument("--public", action="store_true", help="let everybody see the model (default: its owner only)")
    parser.add_argument("--revision", metavar="BRANCH", help="branch to upload to (default: main)")
    parser.add_argument("--tag", help="new tag for this upload, such as v1.0")
    parser.add_argument("--message", help="message of the commit (default: Upload the model)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
