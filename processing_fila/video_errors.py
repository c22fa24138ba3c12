"""What can go wrong with a video."""


class VideoReadError(OSError):
    """A video that cannot be read. The message names the file and the cause."""


class VideoDamageWarning(UserWarning):
    """Some frames of a video could not be decoded and were left out."""
