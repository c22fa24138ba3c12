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
"""The error and the warning of the video reader."""


class VideoReadError(OSError):
    """A video cannot be read. The message names the file and the cause."""


class VideoDamageWarning(UserWarning):
    """Some frames of a video could not be decoded and were left out. The message says how many."""


class IndexContradictedError(Exception):
    """Decoding shows that the list of packets is wrong about the frames. It never leaves the reader."""
