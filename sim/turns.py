"""Turns: whoever runs, saves, copies or reads a simulator has it to itself."""

from __future__ import annotations

import threading
import weakref
from typing import Any, Final

from ..errors import UnsupportedError

OWNER: Final = "Simulator"


class Turn:
    """Somebody's turn; it lasts for as long as anything refers to this object."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.thread = threading.current_thread().name


class Turns:
    """Gives a simulator to one caller at a time.

    A turn ends when its object is let go, not by a call: an interrupt can come before any call, even one in a
    `finally`, but not before a name is let go.
    """

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._present: Any = _nobody

    def take(self, doing: str) -> Turn:
        """The next turn, in order to do what `doing` names. Raises UnsupportedError while another one lasts."""
        with self._gate:
            present = self._present()
            if present is not None:
                raise UnsupportedError(
                    f"{OWNER}.{doing}: must wait until {OWNER}.{present.doing} is over; give each thread a simulator "
                    f"of its own, such as copy.deepcopy(simulator) (got a call while thread {present.thread!r} uses it)"
                )
            turn = Turn(doing)
            self._present = weakref.ref(turn)
        return turn


def _nobody() -> None:
    """The turn that nobody has."""
