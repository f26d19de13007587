"""Turns: only one caller at a time runs, saves, copies or reads a simulator."""

from __future__ import annotations

import threading
import weakref
from typing import Any, Final

from ..errors import UnsupportedError

OWNER: Final = "Simulator"


class Turn:
    """The turn of one caller; it lasts for as long as anything refers to this object."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.thread = threading.current_thread().name


class Turns:
    """Gives a simulator to one caller at a time.

    A turn ends when the last reference to its object is gone, not by a call: an interrupt can come
    before any call, even one in a `finally`, but it cannot keep a reference from going.
    """

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self.present: Any = _nobody  # the turn that lasts, by a weak reference

    def take(self, doing: str) -> Turn:
        """The next turn, in order to do what `doing` names.

        Raises UnsupportedError while another one lasts.
        """
        turn = Turn(doing)
        try:
            with self._gate:
                self._refuse(doing)
                self.present = weakref.ref(turn)
        except BaseException:
            del turn  # else it would last as long as somebody keeps the traceback
            raise
        return turn

    def _refuse(self, doing: str) -> None:
        present = self.present()
        if present is None:
            return
        its, thread = present.doing, present.thread
        del present
        raise UnsupportedError(
            f"{OWNER}.{doing}: must wait until {OWNER}.{its} is over; give each thread a simulator of its own, such as "
            f"copy.deepcopy(simulator) (got a call while thread {thread!r} uses it)"
        )


def _nobody() -> None:
    """Stands for the reference to a turn when nobody has one."""
