"""The version of this program, which files tell of the one that wrote them."""

from typing import Final

__version__: Final = "0.1.0"
