"""Asking a recorded run to stop with a checkpoint, from which it can be taken up again."""

from __future__ import annotations

_recording: list[object] = []  # what records into a folder in this process
_asked: list[bool] = [False]


def ask() -> bool:
    """Let all that records stop at its next checkpoint, which comes at once; whether anything does.

    A signal handler may call this. It asks once: what begins later is not asked.
    """
    _asked[0] = bool(_recording)
    return _asked[0]


def asked() -> bool:
    """Whether what records is asked to stop."""
    return _asked[0]


def begin(recording: object) -> None:
    """From now on `recording` can be asked."""
    _recording.append(recording)


def end(recording: object) -> None:
    """`recording` is over; once nothing records, what was asked is done."""
    if recording in _recording:
        _recording.remove(recording)
    if not _recording:
        _asked[0] = False
