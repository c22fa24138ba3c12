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
"""What messages call a video: short, and without the parts of a URL that may be secret."""

import re


MAX_LENGTH = 300
URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+:)//(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.I | re.S)
HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:@]*)(:\d*)?")


def shown_name(video: str) -> str:
    """Returns a path or URL as a message shows it.

    User, password, query and fragment of a URL and the content of a data URL are left out. Long names are cut in the
    middle.
    """
    if video[:5].lower() == "data:":
        video = video[: MAX_LENGTH // 2].partition(",")[0] + ",..."
    elif url := URL.fullmatch(video):
        host = url["authority"].rpartition("@")[2]
        if not HOST_AND_PORT.fullmatch(host):  # the rest of a password with a slash in it may follow
            return f"{url['scheme']}//..."
        video = f"{url['scheme']}//{host}{url['path']}" + ("?..." if url["rest"] else "")
    return shortened(video)


def shortened(text: str) -> str:
    """Returns a text, cut in the middle if it is long."""
    half = MAX_LENGTH // 2
    return text if len(text) <= MAX_LENGTH else f"{text[:half]}...{text[-half:]}"
