# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""The versions of transformers with which this code was tested, and one readable error with any other."""

from importlib.metadata import version


# As in setup.cfg and README.md; a test holds them equal.
OLDEST, NEXT_MAJOR, TESTED = (5, 17), 6, "5.17 to 5.24"


def check_versions() -> None:
    """
    Checks the version of transformers, before anything else is imported from it.

    Raises:
        ImportError: If it is older than those that were tested, or of the next major version.
    """
    installed = version("transformers")
    major, minor = map(int, installed.split(".")[:2])
    if (major, minor) < OLDEST or major >= NEXT_MAJOR:
        oldest = ".".join(map(str, OLDEST))
        raise ImportError(
            f"FiLA-Video was tested with transformers {TESTED}, and this is {installed}: "
            f"pip install 'transformers>={oldest},<{NEXT_MAJOR}'"
        )
