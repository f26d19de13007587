"""What a NIR file leaves open: the questions, the answers, and the table of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

from ...errors import one_line
from ...sim import validation as check
from ...sim.html import sections_html

ANSWERS: Final = "potentia"  # the metadata of a graph in which `to_nir` keeps answers
# question -> what it asks, and the answers there are with their meanings
QUESTIONS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "scheme": (
        "how the equations are solved",
        {
            "exact": "between events by their solution, on either engine",
            "euler": "step by step by forward Euler, where v is moved by the current before the step",
            "semi-implicit": "step by step by Euler, where v is moved by the current after the step",
        },
    ),
    "reset": (
        "what a spike does to v",
        {
            "value": "it sets v to v_reset",
            "subtract": "it takes v_threshold off v",
            "none": "nothing",
        },
    ),
    "reset_at": (
        "when a spike does that",
        {
            "spike": "at once",
            "before": "in the next step, before input and decay",
            "after": "in the next step, after input and decay",
            "carried": "at once, and what is left above threshold waits for the next step",
        },
    ),
    "spike": (
        "what a spike is as a signal",
        {
            "one": "1 for the step dt, so its effect shrinks with dt",
            "dirac": "an impulse of area 1, so its effect does not depend on dt",
        },
    ),
    "edges": (
        "what time an edge without a Delay takes",
        {
            "none": "none, which only the event engine can do",
            "step": "one step",
            "layers": "none forward and one step back to the same node, as in programs that go layer by layer",
        },
    ),
    "inputs": (
        "what comes in at an Input",
        {
            "spikes": "spikes, so an Input becomes a population of SpikeSource",
            "numbers": "a number per step, so an Input becomes units that send their drive",
        },
    ),
    "start": (
        "where v starts, as some v_leak is not 0",
        {"zero": "at 0", "leak": "at v_leak"},
    ),
}


@final
@dataclass(frozen=True)
class NirRow:
    """One assumption: the question, the answer, what that means, and which nodes made it arise."""

    question: str
    answer: str
    meaning: str
    nodes: tuple[str, ...]


@final
@dataclass(frozen=True)
class NirReport:
    """What `from_nir` assumed and how the network's parts are called; ``print(report)`` shows it.

    rows: the assumptions; populations: by the names of nodes; outputs: the population that stands
    for each Output; late: how many steps the spikes of a population come after those of a program
    that goes layer by layer (only with ``edges="layers"``).
    """

    rows: tuple[NirRow, ...] = ()
    populations: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    late: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        told = self._told()
        width = max(len(row[0]) for row in told)
        answers = max(len(row[1]) for row in told)
        return "\n".join(f"{row[0]:{width}}  {row[1]:{answers}}  {row[2]}" for row in told)

    def _repr_html_(self) -> str:
        """The table of assumptions, for notebooks."""
        lines = [": ".join(row[:2]) + f" ({row[2]})" for row in self._told()[1:]]
        return sections_html("What the NIR file left open", {"assumed": lines})

    def _told(self) -> list[tuple[str, str, str]]:
        rows = [("question", "answer", "meaning")]
        for row in self.rows:
            of = f" [{check.listed(row.nodes, 3)}]" if row.nodes else ""
            rows.append((row.question, row.answer, one_line(row.meaning + of, 160)))
        for node, name in self.populations.items():
            if node != name:
                rows.append(("name", one_line(name, 40), one_line(f"stands for {node!r}", 120)))
        for name, steps in self.late.items():
            rows.append(("late", str(steps), f"steps, all spikes and numbers of {name}"))
        return rows


@final
class NirAnswers:
    """The answers that were given, and those that turned out to matter."""

    def __init__(
        self,
        dt: Any,
        given: Mapping[str, str | None],
        kept: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """given: by the user; kept: in the graph, for those that are not given."""
        for question in kept:
            check.one_of("NIR graph", f"metadata {ANSWERS!r}", question, ["dt", *QUESTIONS])
        dt = kept.get("dt") if dt is None else dt
        self._dt = None if dt is None else check.within("from_nir", "dt", dt, above=0.0, unit="s")
        self._given = {}
        for name, own in given.items():
            answer = kept.get(name) if own is None else own
            known = QUESTIONS[name][1]
            self._given[name] = (
                None if answer is None else check.one_of("from_nir", name, answer, known)
            )
        self._rows: dict[tuple[str, str], tuple[str, dict[str, None]]] = {}

    def ask(self, question: str, node: str) -> str:
        """The answer to a question that `node` makes arise.

        Raises ParameterError where none was given: a file that leaves something open is read in no
        way that nobody chose.
        """
        answer = self._given[question]
        what, choices = QUESTIONS[question]
        if answer is None:
            rule = f"must be one of {check.listed(choices)}, for the file leaves open {what} ({node!r:.60})"
            raise check.fail("from_nir", question, rule, None)
        self.note(question, answer, choices[answer], node)
        return answer

    def dt(self, node: str) -> float:
        """The length of a step [s], which `node` makes necessary."""
        if self._dt is None:
            rule = (
                f"must be a time in s, for the file leaves open the length of a step ({node!r:.60})"
            )
            raise check.fail("from_nir", "dt", rule, None)
        self.note("dt", f"{check.digits(self._dt)} s", "the length of a step", node)
        return self._dt

    def note(self, question: str, answer: str, meaning: str, node: str = "") -> None:
        """Keep an assumption for the table."""
        _, nodes = self._rows.setdefault((question, answer), (meaning, {}))
        if node:
            nodes[node] = None

    def rows(self) -> tuple[NirRow, ...]:
        """The assumptions that mattered, in the order in which they arose."""
        return tuple(
            NirRow(question, answer, meaning, tuple(nodes))
            for (question, answer), (meaning, nodes) in self._rows.items()
        )

    def given(self) -> dict[str, Any]:
        """All answers, as they were given."""
        return {"dt": self._dt, **self._given}
