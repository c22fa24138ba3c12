"""The packages that only training needs: `pip install 'fila-video[train]'`."""

from fila_video.common.extras import require_extra


# TensorBoard, which is in the extra too, is needed only where a stage reports to it.
PACKAGES = ("datasets", "matplotlib", "omegaconf", "peft", "tabulate")


def require_train_extra() -> None:
    """
    Checks that the packages of the extra `train` are installed.

    Raises:
        ImportError: If packages are missing; the message names them and says how to install them.
    """
    require_extra("train", PACKAGES, purpose="Training")
