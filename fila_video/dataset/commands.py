"""The commands of `python -m fila_video.dataset`: what they do with their options, and what they print.

The options are declared in `__main__.py`.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from fila_video.common.counted import counted, were
from fila_video.common.files import sha256_of_file, write_jsonl

from .clips.pool import probe_pool, write_pool
from .clips.read_captions import CaptionedClip, Rejected, read_captioned_clips
from .join_dataset import join_dataset
from .joining.join_long_video import JoinOptions
from .joining.transcode import CommonFormat
from .planning.durations import DurationDistribution
from .planning.plan import PlanOptions, make_plan, read_plan, write_plan
from .report.summary import summarize, summary_table
from .report.write_statistics import write_statistics
from .validation.validate_dataset import validate_dataset


def plan(options: argparse.Namespace) -> int:
    """Probes the clips, and writes the pool and the plan."""
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
    minutes = sum(video.planned_seconds for video in drawn.videos) / 60
    total = f"{minutes / 60:.1f} hours" if minutes >= 60 else f"{minutes:.1f} minutes"
    reasons = f" ({options.output / 'rejected.jsonl'} has the reasons)" if rejected else ""
    print(f"{counted(len(usable), 'clip')} can be used, {counted(len(rejected), 'record')} cannot{reasons}.")
    print(f"Planned {counted(len(drawn.videos), 'long video')}, {total} in total: {options.output / 'plan.jsonl'}.")
    return 0


def join(options: argparse.Namespace) -> int:
    """Makes the long videos of a plan, and the annotations. Returns 1 if a video could not be made."""
    plan = read_plan(options.output / "plan.jsonl")
    joining = f"Joining {counted(len(plan.videos), 'long video')}."
    print(f"{joining} Each may take minutes if its clips have to be transcoded.", flush=True)
    summary = join_dataset(
        JoinOptions(
            video_root=options.video_root,
            output=options.output,
            common=CommonFormat(options.height, options.width, has_audio=options.audio == "keep"),
            prompt_frames=options.prompt_frames or None,
            min_seconds=plan.header["durations"]["min_seconds"],
        ),
        num_workers=options.workers,
        ray_address=options.ray,
        num_questions=options.questions,
        card_license=options.license,
    )
    made = f"{summary.num_made} {were(summary.num_made)} made by this run."
    print(f"{options.output} has {counted(summary.num_videos, 'long video')}; {made}")
    reasons = f" ({options.output / 'replaced.jsonl'} has the reasons)" if summary.replaced else ""
    print(f"{counted(len(summary.replaced), 'clip')} {were(len(summary.replaced))} replaced{reasons}.")
    for video in summary.failed:
        print(f"{video['id']} could not be made: {video['failed']}.", file=sys.stderr)
    return 1 if summary.failed else 0


def stats(options: argparse.Namespace) -> int:
    """Prints the table of a dataset, and writes table, numbers and plots."""
    summary = summarize(options.dataset, options.video_root)
    folder = options.output or _folder_of(options.dataset) / "statistics"
    files = write_statistics(summary, folder)
    print(summary_table(summary))
    print("\n".join(map(str, files)))
    return 0


def validate(options: argparse.Namespace) -> int:
    """Prints the problems of a dataset. Returns 1 if there are any."""
    result = validate_dataset(
        options.dataset,
        options.video_root,
        decode=options.decode,
        num_workers=options.workers,
        ray_address=options.ray,
    )
    if options.manifest:
        write_jsonl(options.manifest, result.manifest)
    total = f"{counted(result.num_records, 'record')}, {counted(len(result.problems), 'problem')}."
    print("\n".join([*result.problems, total]))
    return 1 if result.problems else 0


def _folder_of(dataset: Path) -> Path:
    return dataset.parent if dataset.is_file() else dataset
