"""The version of this program, which files tell of the one that wrote them."""

from typing import Final

__version__: Final = "0.1.0"


def by(version: str) -> str:
    """Words for which version wrote a file, "" standing for one that did not say."""
    return (
        f" written by Potentia {version}"
        if version
        else " written by a version that does not say which"
    )
