"""``potentia`` and ``python -m potentia``: signals are minded before anything slow is imported."""

from . import process


def main() -> None:
    """Entry point."""
    with process.minding(process.leave):
        process.open_streams()
        from .cli import main as begin

        begin()


if __name__ == "__main__":
    main()
