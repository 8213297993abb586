"""Which question is shown, and what is typed to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from trainwatch_core.cli.questions import DEAF, Answer, Questions
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.testing.fakes import START, FakeClock
from trainwatch_core.testing.stoppers import JOB, ScriptedStopper

PLAN = ScriptedStopper().plan(JOB)


def question(request_id: str, run: str = "resnet50") -> StopQuestion:
    """A question about a run."""
    return StopQuestion("w", request_id, run, (), "", PLAN, "7f3a9c21", None, 3600.0, "")


def request(request_id: str, *, acts_in: float | None = None) -> StopRequest:
    """Its row."""
    acts = None if acts_in is None else START + timedelta(seconds=acts_in)
    return StopRequest(request_id, "w", 1, RequestState.PENDING, PLAN, "f", "", START, execute_after=acts)


@dataclass
class Desk:
    """Questions, a clock, and a prompt of 80 columns."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.questions = Questions(self.clock.monotonic)

    def ask(self, *request_ids: str) -> None:
        """Put questions into the queue."""
        for request_id in request_ids:
            self.questions.add(question(request_id))

    def prompt(self, row: StopRequest, columns: int = 80) -> str:
        """The prompt that stands there now."""
        return self.questions.prompt(row, START, columns)

    def listen(self, row: StopRequest) -> str:
        """The prompt once keys count."""
        self.prompt(row)
        self.clock.advance(DEAF)
        return self.prompt(row)

    def type(self, text: str) -> list[Answer]:
        """The answers in what is typed."""
        return [answer for key in text if (answer := self.questions.type(key)) is not None]


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        ("y\n", [Answer.STOP]),
        ("YES\r", [Answer.STOP]),
        ("n\n", [Answer.KEEP]),
        ("\n", [Answer.KEEP]),
        ("k\n", [Answer.KEEP]),
        ("x\x7fy\n", [Answer.STOP]),
        ("yy\n", [Answer.UNCLEAR]),
        ("c\n", [Answer.UNCLEAR]),
        ("y", []),
    ],
)
def test_a_line_is_an_answer(typed: str, answers: list[Answer]) -> None:
    """[y/N]: an empty line is no, and what is neither yes nor no decides nothing."""
    desk = Desk()
    desk.ask("r0")
    desk.listen(request("r0"))
    assert desk.type(typed) == answers


@pytest.mark.parametrize(("typed", "answers"), [("k\n", [Answer.KEEP]), ("y\n", [Answer.UNCLEAR]), ("\n", [])])
def test_automatic_mode_takes_only_a_clear_word(typed: str, answers: list[Answer]) -> None:
    """It acts by itself: a yes has nothing to add, and Enter alone takes nothing back."""
    desk = Desk()
    desk.ask("r0")
    assert desk.listen(request("r0", acts_in=30)) == "resnet50: I stop it in 30 s. Type k and Enter to keep it: "
    assert desk.type(typed) == answers


def test_what_was_typed_for_one_question_never_answers_the_next() -> None:
    """Ana types yes to the first; it is withdrawn before her Enter, which must not stop the second run."""
    desk = Desk()
    desk.ask("r0", "r1")
    desk.listen(request("r0"))
    assert desk.type("y") == []
    desk.questions.drop("r0")
    assert desk.type("\n") == [], "no prompt stands there"
    assert desk.prompt(request("r1")) == "resnet50: Stop it?"
    assert desk.type("y\n") == [Answer.EARLY], "she did not see that the prompt has changed"
    assert desk.listen(request("r1")) == "resnet50: Stop it? [y/N] "
    assert desk.questions.shown == "r1"
    assert desk.type("y\n") == [Answer.STOP]


def test_keys_count_only_when_the_prompt_has_stood_there_for_a_moment() -> None:
    """Who presses Enter at the status line has not answered a question that came that very moment."""
    desk = Desk()
    desk.ask("r0")
    assert desk.prompt(request("r0")) == "resnet50: Stop it?"
    desk.clock.advance(DEAF * 0.9)
    assert desk.type("\n") == [Answer.EARLY]
    desk.clock.advance(DEAF * 0.2)
    assert desk.prompt(request("r0")) == "resnet50: Stop it? [y/N] "
    assert desk.type("\n") == [Answer.KEEP]


def test_a_prompt_that_turns_from_automatic_to_asking_is_another_prompt() -> None:
    """A word that was begun under the one is forgotten under the other."""
    desk = Desk()
    desk.ask("r0")
    desk.listen(request("r0", acts_in=30))
    assert desk.type("y") == []
    assert desk.prompt(request("r0")) == "resnet50: Stop it?"
    assert desk.type("\n") == [Answer.EARLY]
    assert desk.listen(request("r0")) == "resnet50: Stop it? [y/N] "


def test_the_enter_after_a_yes_that_came_too_early_is_no_no() -> None:
    """Who is quick types `y` a moment before keys count and Enter after it: that must not keep the run."""
    desk = Desk()
    desk.ask("r0")
    desk.prompt(request("r0"))
    assert desk.type("y") == []
    desk.clock.advance(DEAF)
    assert desk.type("\n") == [Answer.EARLY]
    assert desk.type("y\n") == [Answer.STOP]
    assert desk.type("\n") == [Answer.KEEP]


def test_a_second_question_is_counted_and_changes_nothing_for_the_first() -> None:
    """What was typed stays; the queue is told, once for each question."""
    desk = Desk()
    desk.ask("r0")
    desk.listen(request("r0"))
    desk.type("y")
    desk.ask("r1", "r1", "r0")
    assert desk.prompt(request("r0")) == "(1 of 2) resnet50: Stop it? [y/N] y"
    assert desk.type("\n") == [Answer.STOP]


def test_a_long_name_gives_way_to_what_must_be_read() -> None:
    """On a narrow terminal the question and what is typed stay visible."""
    desk = Desk()
    desk.questions.add(question("r0", run="a-very-long-name-of-a-run-that-somebody-made-up-" * 2))
    desk.questions.add(question("r1"))
    desk.listen(request("r0"))
    desk.type("yes")
    prompt = desk.prompt(request("r0"), columns=60)
    assert prompt.startswith("(1 of 2) a-very-long")
    assert prompt.endswith("...: Stop it? [y/N] yes")
    assert len(prompt) == 59


def test_without_a_status_line_the_prompt_is_announced_once_and_only_when_keys_count() -> None:
    """A pipe gets one line for each prompt, and may answer as soon as it is there."""
    desk = Desk()
    desk.ask("r0")
    desk.prompt(request("r0"))
    assert not desk.questions.announce()
    desk.listen(request("r0"))
    assert desk.questions.announce()
    assert not desk.questions.announce()
