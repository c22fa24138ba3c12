"""python -m mini_fila.ablate: the paper's ablations on the drawn world, as JSON, Markdown and pictures."""

import argparse
import json
import sys
from pathlib import Path

from .ablation_report import as_table, draw
from .ablations import Plan, run_table
from .variants import TABLES


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mini_fila.ablate", description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--mini", type=Path, default=Path("outputs/mini"), help="what `make mini` wrote")
    parser.add_argument("--output", type=Path, default=Path("outputs/ablations"), help="continues what is there")
    parser.add_argument("--seeds", type=int, default=3, help="training runs of each variant, at least 2")
    parser.add_argument("--steps", type=int, default=1000, help="of each run")
    parser.add_argument("--test-videos", type=int, default=50, help="asked 16 questions each")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error(f"--seeds {options.seeds}: an interval needs at least 2.")
    plan = Plan(
        start=options.mini / "image_questions",
        folder=options.output,
        seeds=range(options.seeds),
        steps=options.steps,
        test_videos=options.test_videos,
    )
    try:
        rows = run_table(options.table, plan)
        table = as_table(rows)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    about = {"table": options.table, "steps": plan.steps, "test_videos": plan.test_videos, "right": rows}
    (plan.folder / f"{options.table}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (plan.folder / f"{options.table}.md").write_text(table + "\n", encoding="utf-8")
    draw(rows, f"{options.table}: {plan.steps} steps, {options.seeds} seeds", plan.folder / f"{options.table}.png")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
