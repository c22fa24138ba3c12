"""What the commands of `python -m dataset_fila` do with their options, and what they print."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from .dataset import join_dataset
from .durations import DurationDistribution
from .files import sha256_of_file, write_jsonl
from .joining_task import JoinOptions
from .plan import PlanOptions, make_plan, read_plan, write_plan
from .pool import probe_pool, write_pool
from .records import CaptionedClip, Rejected, read_captioned_clips
from .statistics import summarise, table, write_statistics
from .transcode import CommonFormat
from .validate import validate_dataset


class CommandError(Exception):
    """A command that cannot be run as given; the message says why."""


def _errors_by_name(command):
    """What a user can mend is told in one line; anything else is a fault of this program and keeps its traceback."""

    def run(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            raise CommandError(str(error)) from error

    return run


@_errors_by_name
def plan(options: argparse.Namespace) -> int:
    durations = DurationDistribution(options.durations, options.min_seconds, options.max_seconds, options.mean_seconds)
    plan_options = PlanOptions(options.num_videos, options.seed, durations, options.sources, options.formats)
    found = list(read_captioned_clips(options.captions))
    clips = [clip for clip in found if isinstance(clip, CaptionedClip)]
    usable, bad = probe_pool(
        clips,
        options.video_root,
        memory=options.output / "probed.jsonl",
        decode=options.decode,
        num_workers=options.workers,
    )
    rejected = [clip for clip in found if isinstance(clip, Rejected)] + bad
    write_jsonl(options.output / "rejected.jsonl", map(asdict, rejected))
    write_pool(options.output / "clips.jsonl", usable)
    drawn = make_plan(usable, plan_options, sha256_of_file(options.output / "clips.jsonl"))
    write_plan(options.output / "plan.jsonl", drawn)
    hours = sum(video.planned_seconds for video in drawn.videos) / 3600
    print(f"{len(usable)} clips, {len(rejected)} records not used (rejected.jsonl says why).")
    print(f"{len(drawn.videos)} long videos of {hours:.1f} hours planned in {options.output / 'plan.jsonl'}.")
    return 0


@_errors_by_name
def join(options: argparse.Namespace) -> int:
    header = read_plan(options.output / "plan.jsonl").header
    summary = join_dataset(
        JoinOptions(
            video_root=options.video_root,
            output=options.output,
            common=CommonFormat(options.height, options.width, has_audio=options.audio == "keep"),
            prompt_frames=options.prompt_frames or None,
            min_seconds=header["durations"]["min_seconds"],
        ),
        num_workers=options.workers,
        ray_address=options.ray,
        num_questions=options.questions,
        card_license=options.license,
    )
    print(f"{summary.num_videos} long videos in {options.output}, {summary.num_made} of them made now.")
    print(f"{len(summary.replaced)} clips were replaced (replaced.jsonl says why).")
    for video in summary.failed:
        print(f"{video['id']} could not be made: {video['failed']}.", file=sys.stderr)
    return 1 if summary.failed else 0


@_errors_by_name
def stats(options: argparse.Namespace) -> int:
    summary = summarise(options.dataset, options.video_root)
    folder = options.output or _folder_of(options.dataset) / "statistics"
    files = write_statistics(summary, folder)
    print(table(summary))
    print("\n".join(map(str, files)))
    return 0


@_errors_by_name
def validate(options: argparse.Namespace) -> int:
    result = validate_dataset(
        options.dataset,
        options.video_root,
        decode=options.decode,
        num_workers=options.workers,
        ray_address=options.ray,
    )
    if options.manifest:
        write_jsonl(options.manifest, result.manifest)
    print("\n".join([*result.problems, f"{result.num_records} records, {len(result.problems)} problems."]))
    return 1 if result.problems else 0


def _folder_of(dataset: Path) -> Path:
    return dataset.parent if dataset.is_file() else dataset
