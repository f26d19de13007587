"""Strings of the Reber grammar, right and wrong."""

import re

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.experiments.datasets.reber import (
    SYMBOLS,
    grammatical_strings,
    is_embedded_reber,
    is_reber,
    reber_strings,
)


def by_hand(text):
    """The grammar as its diagram is drawn: two loops, and two ways between them."""
    if not re.fullmatch(r"B[TSXPV]+E", text):
        return False
    rest = text[1:-1]
    left = re.match(r"TS*X", rest)
    if left:
        rest = rest[left.end() :]
        if rest == "S":
            return True
        if not rest.startswith("X"):
            return False
        rest = rest[1:]
    elif rest.startswith("P"):
        rest = rest[1:]
    else:
        return False
    # in the right loop: T* V, then V to the end, or P and S to the end, or P and X back
    return re.fullmatch(r"(?:T*VPX)*T*V(?:V|PS)", rest) is not None


def test_the_grammar_counts_its_strings():
    """All strings of 3 to 9 symbols, against the diagram read as regular expressions."""
    texts = [""]
    for _ in range(7):
        texts = [text + symbol for text in texts for symbol in "TSXPV"]
        whole = [f"B{text}E" for text in texts]
        assert [is_reber(text) for text in whole] == [by_hand(text) for text in whole]
    found = sum(is_reber(text) for text in whole)
    assert found == 11  # strings of 9 symbols
    assert grammatical_strings(9) - grammatical_strings(8) == found
    assert grammatical_strings(4) == 0
    assert grammatical_strings(13, embedded=True) == 2 * grammatical_strings(9)


def test_all_strings_there_are_can_be_had():
    most = 2 * grammatical_strings(8)
    assert sum(map(is_reber, reber_strings(most, 1, longest=8).text)) == most // 2


@pytest.mark.parametrize("embedded", [False, True])
def test_half_of_the_strings_are_right_and_the_others_wrong_in_one_symbol(embedded):
    judge = is_embedded_reber if embedded else is_reber
    strings = reber_strings(401, 3, longest=18, embedded=embedded)
    assert len(set(strings.text)) == len(strings) == 401
    assert strings.grammatical.sum() == 201
    assert [judge(text) for text in strings.text] == strings.grammatical.tolist()
    assert max(map(len, strings.text)) <= 18
    for text in np.array(strings.text)[~strings.grammatical].tolist():
        neighbours = (
            text[:place] + symbol + text[place + 1 :]
            for place in range(1, len(text) - 1)
            for symbol in SYMBOLS
        )
        assert text[0] + text[-1] == "BE"
        assert any(judge(near) for near in neighbours)


def test_the_seed_chooses_the_strings():
    assert reber_strings(50, 1).text == reber_strings(50, 1).text
    assert reber_strings(50, 1).text != reber_strings(50, 2).text
    assert len(reber_strings(0, 1)) == 0
    assert len(reber_strings(1, 1)) == 1


def test_symbols_come_one_by_one_and_all_strings_end_together():
    strings = reber_strings(20, 5)
    table = strings.one_hot(steps=3)
    longest = max(map(len, strings.text))
    assert table.shape == (3 * longest, 20, 7)
    assert not table[np.arange(3 * longest) % 3 != 0].any()
    for number, text in enumerate(strings.text):
        column = table[::3, number]
        said = column.sum(axis=1)
        assert said.tolist() == [0.0] * (longest - len(text)) + [1.0] * len(text)
        assert "".join(SYMBOLS[k] for k in column[longest - len(text) :].argmax(axis=1)) == text


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: reber_strings(60, 1, longest=8), r"n: must be 32 or fewer.*got 60"),
        (lambda: reber_strings(-1, 1), r"n: must be a whole number >= 0"),
        (lambda: reber_strings(4, 1, longest=4), r"longest: must be a whole number >= 5"),
        (
            lambda: reber_strings(4, 1, longest=8, embedded=True),
            r"longest: must be a whole number >= 9",
        ),
        (lambda: reber_strings(4, 1).one_hot(0), r"steps: must be a whole number >= 1"),
    ],
)
def test_bad_input_ends_in_one_sentence(ask, sentence):
    with pytest.raises(ParameterError, match=sentence):
        ask()
