"""Missing packages are named, with the extra that installs them."""

import pytest

from fila_video.common.extras import require_extra


def test_missing_packages_are_named_with_their_extra():
    require_extra("train", ("numpy", "torch"), purpose="Training")
    with pytest.raises(ImportError, match=r"Training needs not_there, nor_this: pip install 'fila-video\[train\]'"):
        require_extra("train", ("numpy", "not_there", "nor_this"), purpose="Training")
