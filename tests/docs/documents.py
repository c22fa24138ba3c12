"""The documents that the tests of this folder read."""

from tests.docs.markdown import Document
from tests.environment import REPOSITORY


# The log keeps what was true on its day: old names of commands and files stay as they were.
HISTORY = ("docs/log.md", "CHANGELOG.md")
PATHS = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PATHS += sorted((REPOSITORY / "docs").glob("**/*.md"))
ALL_DOCUMENTS = {path.relative_to(REPOSITORY).as_posix(): Document(path) for path in PATHS if path.is_file()}
DOCUMENTS = {name: document for name, document in ALL_DOCUMENTS.items() if name not in HISTORY}
