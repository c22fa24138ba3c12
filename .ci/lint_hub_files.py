"""Check the files that go to the Hub with transformers-mlinter, the linter of transformers' own models.

Its command line cannot switch a rule off, so it is called from here. One place in the code is exempted by the comment
`# trf-ignore: TRF000` with the reason; `mlinter --rule TRF000` explains a rule.
"""

import sys
from pathlib import Path

import mlinter


ROOT = Path(__file__).resolve().parent.parent

FOLDERS = ("modeling_fila", "processing_fila")
SWITCHED_OFF = {
    "TRF057": "@auto_docstring would replace our docstrings, which state shapes, units and errors.",
}


def name_for_the_linter(path: Path) -> Path:
    """The rules choose files by the start of their name; the parts of the model are model files by any name."""
    is_known = path.name.startswith(("modeling_", "configuration_", "pipeline_"))
    return path if is_known or path.parent.name != "modeling_fila" else path.with_name(f"modeling_{path.name}")


def main() -> int:
    rules = mlinter.DEFAULT_ENABLED_TRF_RULES - SWITCHED_OFF.keys()
    unknown = SWITCHED_OFF.keys() - mlinter.DEFAULT_ENABLED_TRF_RULES
    if unknown:
        sys.exit(f"Switched off here, but unknown to transformers-mlinter: {', '.join(sorted(unknown))}")

    paths = [path for folder in FOLDERS for path in sorted(ROOT.glob(f"{folder}/[!_]*.py"))]
    violations = [
        f"{path.relative_to(ROOT)}:{violation.line_number}: {violation.message}"
        for path in paths
        for violation in mlinter.analyze_file(name_for_the_linter(path), path.read_text(encoding="utf-8"), rules)
    ]
    print(*violations, sep="\n", end="\n" if violations else "")
    print(f"transformers-mlinter: {len(violations)} violations in {len(paths)} files, {len(rules)} rules")
    return bool(violations)


if __name__ == "__main__":
    sys.exit(main())
