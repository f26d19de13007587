"""Strings of the Reber grammar, and such with one wrong symbol.

A. S. Reber (1967), Implicit learning of artificial grammars, doi:10.1016/S0022-5371(67)80149-X; the
embedded grammar as in Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from potentia.sim import validation as check

SYMBOLS: Final = "BTSXPVE"
LEGAL: Final = "TSXPV"  # between the first symbol, B, and the last, E
START: Final = 1
GRAMMAR: Final[dict[int, dict[str, int]]] = {  # state -> symbol -> next state
    0: {"B": START},
    START: {"T": 2, "P": 3},
    2: {"S": 2, "X": 4},
    3: {"T": 3, "V": 5},
    4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6},
    6: {"E": 7},
    7: {},
}
END: Final = 7
SHORTEST: Final = 5  # BTXSE and BPVVE
LONGEST: Final = 1000
PATIENCE: Final = 100  # times as many strings are made as are wanted, before there are too few


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Strings:
    """Different strings, of which every second is grammatical: text and whether it is, (n,)."""

    text: tuple[str, ...]
    grammatical: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.text)

    def one_hot(self, steps: int = 1) -> NDArray[np.float32]:
        """The symbols one by one (n_steps, n, 7), each in the first of `steps` steps.

        All strings end together: what comes before a short one is 0.
        """
        steps = check.whole(self, "steps", steps, least=1, most=LONGEST)
        longest = max(map(len, self.text), default=0)
        table = np.zeros((longest * steps, len(self), len(SYMBOLS)), np.float32)
        for number, text in enumerate(self.text):
            begin = longest - len(text)
            for place, symbol in enumerate(text, begin):
                table[place * steps, number, SYMBOLS.index(symbol)] = 1.0
        return table


def is_reber(text: str) -> bool:
    """Whether a string is one of the grammar, from B to E."""
    state = 0
    for symbol in text:
        if symbol not in GRAMMAR[state]:
            return False
        state = GRAMMAR[state][symbol]
    return state == END


def is_embedded_reber(text: str) -> bool:
    """Whether it is B, T or P, a string of the Reber grammar, the same T or P again, and E."""
    return (
        len(text) > 4
        and text[0] == "B"
        and text[-1] == "E"
        and text[1] == text[-2]
        and text[1] in "TP"
        and is_reber(text[2:-2])
    )


def grammatical_strings(longest: int, *, embedded: bool = False) -> int:
    """How many strings of the grammar have at most `longest` symbols."""
    paths, count = {0: 1}, 0  # state -> ways that lead there
    for _ in range(longest - 4 * embedded):
        after: dict[int, int] = {}
        for state, ways in paths.items():
            for to in GRAMMAR[state].values():
                after[to] = after.get(to, 0) + ways
        count += after.pop(END, 0)
        paths = after
    return (1 + embedded) * count


def reber_strings(n: int, seed: int, *, longest: int = 20, embedded: bool = False) -> Strings:
    """`n` different strings of at most `longest` symbols, grammatical and wrong ones in turn.

    At every branch of the grammar both ways are equally likely, but no string comes twice. A wrong
    one is a grammatical one, one symbol of which between B and E was replaced by another of T, S,
    X, P and V such that it is none. Raises ParameterError where there are fewer strings than that.
    """
    name = "reber_strings"
    n = check.whole(name, "n", n, most=10**6)
    shortest = SHORTEST + 4 * check.flag(name, "embedded", embedded)
    longest = check.whole(name, "longest", longest, least=shortest, most=LONGEST)
    rng = np.random.default_rng(check.whole(name, "seed", seed))
    most = 2 * grammatical_strings(longest, embedded=embedded)
    if n > most:
        raise check.fail(name, "n", f"must be {most} or fewer, so few strings are that short", n)
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    wanted = {True: n - n // 2, False: n // 2}
    for _ in range(PATIENCE * n):
        text = _walk(rng, embedded)
        if len(text) <= longest:
            for kind, made in ((True, text), (False, _corrupted(text, rng, embedded))):
                if len(found[kind]) < wanted[kind]:
                    found[kind].setdefault(made)
        if all(len(found[kind]) == wanted[kind] for kind in found):
            break
    else:
        if n:
            rule = f"must be about {2 * len(found[True])} or fewer, so few strings are that short"
            raise check.fail(name, "n", rule, n)
    text_of = {kind: iter(found[kind]) for kind in found}
    grammatical = np.arange(n) % 2 == 0
    return Strings(
        text=tuple(next(text_of[kind]) for kind in grammatical.tolist()), grammatical=grammatical
    )


def _walk(rng: np.random.Generator, embedded: bool) -> str:
    """A string of the grammar, at every branch either way."""
    state, text = 0, ""
    while state != END:
        symbols = tuple(GRAMMAR[state])
        symbol = symbols[int(rng.integers(len(symbols)))]
        text, state = text + symbol, GRAMMAR[state][symbol]
    if not embedded:
        return text
    branch = "TP"[int(rng.integers(2))]
    return f"B{branch}{text}{branch}E"


def _corrupted(text: str, rng: np.random.Generator, embedded: bool) -> str:
    """The string with one symbol replaced, so that it is none of the grammar."""
    judge = is_embedded_reber if embedded else is_reber
    while True:
        place = int(rng.integers(1, len(text) - 1))
        symbol = LEGAL[int(rng.integers(len(LEGAL)))]
        made = text[:place] + symbol + text[place + 1 :]
        if made[place] != text[place] and not judge(made):
            return made
