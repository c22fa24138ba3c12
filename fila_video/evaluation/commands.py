"""
What the commands of `python -m fila_video.evaluation` do with their options.

Each command imports what it needs when it runs, so that `--help` does not wait for PyTorch and SciPy.
"""

import argparse
import json
from dataclasses import asdict

from fila_video.common.files import write_json, write_text
from fila_video.common.loading import loading


def benchmarks(options: argparse.Namespace) -> None:
    """Measures a model with the paper's benchmarks, and writes a table like the paper's."""
    from .benchmarks.command import run

    run(options)


def ask(options: argparse.Namespace) -> None:
    """Asks a model the questions about a folder of drawn videos, and prints how many it answers correctly."""
    from .ask import ask_split
    from .load_pipeline import load_pipeline
    from .scores import as_table, scores_of, write_results

    pipe = load_pipeline(options.model, dtype=options.dtype, trust_remote_code=options.trust_remote_code)
    lines = {} if options.subtitles is None else {"subtitles": True, "subtitle_lines": options.subtitles}
    asked = ask_split(
        pipe,
        options.data,
        batch_size=options.batch_size,
        max_questions=options.max_questions,
        choice=options.choice,
        mean_of_tokens=options.mean_of_tokens,
        **lines,
    )
    answered = list(asked)
    print(as_table(scores_of(answered)))
    if options.output:
        about = {"model": options.model, "data": options.data.name, "dtype": options.dtype}
        about |= {} if options.subtitles is None else {"subtitles": options.subtitles}
        about |= {} if options.choice == "generate" else {"choice": options.choice, "mean": options.mean_of_tokens}
        write_results(options.output, answered, about)


def coverage(options: argparse.Namespace) -> None:
    """Prints which share of the cuts of joined videos the selected scenes cover."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from .coverage import as_table, encode_clips, measure_coverage

    trust = {"trust_remote_code": options.trust_remote_code}
    with loading(options.model, **trust):
        model = AutoModelForImageTextToText.from_pretrained(options.model, **trust)
        processor = AutoProcessor.from_pretrained(options.model, **trust)
    clips = encode_clips(model, processor, options.clips, options.selection_layer)
    found = measure_coverage(
        clips, num_frames=options.frames, numbers_of_scenes=options.scenes, num_videos=options.videos
    )
    print(as_table(found))
    if options.output:
        about = {"model": options.model, "clips": [path.name for path in options.clips], "frames": options.frames}
        if options.selection_layer is not None:
            about["selection_layer"] = options.selection_layer
        rows = [asdict(row) for row in found]
        write_json(options.output, {**about, "videos": options.videos, "coverage": rows})


def events(options: argparse.Namespace) -> None:
    """Compares selected scenes with evenly spaced frames on questions about short events."""
    from .load_pipeline import load_pipeline
    from .short_events import as_table, compare_all

    pipe = load_pipeline(str(options.model), dtype="float32")
    rows = []
    for row in compare_all(
        pipe, options.output, num_videos=options.videos, num_seeds=options.seeds, selections=options.selections
    ):
        rows.append(row)
        print(as_table([row]).splitlines()[-1], flush=True)
    write_json(options.output / "events.json", {"model": options.model.name, "rows": [asdict(row) for row in rows]})
    write_text(options.output / "events.md", as_table(rows) + "\n")
    print(f"\n{as_table(rows)}")


def subtitles(options: argparse.Namespace) -> None:
    """Prints how many questions about what is said a model answers correctly, with and without subtitles."""
    from .load_pipeline import load_pipeline
    from .subtitles import as_table, measure_subtitles

    pipe = load_pipeline(options.model, dtype="float32", trust_remote_code=options.trust_remote_code)
    found = measure_subtitles(
        pipe,
        options.output / "videos",
        num_videos=options.videos,
        num_questions=options.questions,
        lines=options.lines,
    )
    write_json(options.output / "subtitles.json", {"model": options.model, "lines": options.lines, **asdict(found)})
    print(as_table(found))


def ablate(options: argparse.Namespace) -> None:
    """Trains and measures the rows of one of the paper's tables. Writes JSON, a Markdown table and a plot."""
    from .ablations.report import as_table, draw_plot
    from .ablations.run_table import Plan, run_table

    plan = Plan(
        start=options.mini / "image_questions",
        folder=options.output,
        seeds=range(options.seeds),
        steps=options.steps,
        test_videos=options.test_videos,
    )
    rows = run_table(options.table, plan)
    table, title = as_table(rows), f"{options.table}: {plan.steps} steps, {options.seeds} seeds"
    about = {"table": options.table, "steps": plan.steps, "test_videos": plan.test_videos, "right": rows}
    write_text(plan.folder / f"{options.table}.json", json.dumps(about, indent=1) + "\n")
    write_text(plan.folder / f"{options.table}.md", table + "\n")
    draw_plot(rows, title, plan.folder / f"{options.table}.png")
    print(table)


def compare(options: argparse.Namespace) -> None:
    """Compares the scores of a trained small model with those of the shipped one."""
    from .compare_scores import compare_scores
    from .scores import SCORES_FILE, load_scores

    trained, shipped = (load_scores(folder / SCORES_FILE) for folder in (options.trained, options.shipped))
    for split, of_type in shipped.items():
        print(f"{split}\n\n{compare_scores(of_type, trained.get(split, {}))}\n")
