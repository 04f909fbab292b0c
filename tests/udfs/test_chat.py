"""Conversations in each of their forms, and what is none."""

from typing import Any

import pytest

from udfs.chat import ChatError, Turn, conversation, preference

ASKED = Turn("user", "How deep is the well?", False)
ANSWERED = Turn("assistant", "Nine fathoms.", True)


@pytest.mark.parametrize(
    "row",
    [
        {
            "messages": [
                {"role": "user", "content": ASKED.content},
                {"role": "assistant", "content": " Nine fathoms.\n"},
            ]
        },
        {"conversations": [{"from": "human", "value": ASKED.content}, {"from": "gpt", "value": "Nine fathoms."}]},
        {"instruction": ASKED.content, "input": "", "output": "Nine fathoms."},
    ],
)
def test_every_form_gives_the_same_conversation(row: dict[str, Any]) -> None:
    assert conversation(row) == (ASKED, ANSWERED)


def test_the_input_of_alpaca_follows_its_instruction() -> None:
    row = {"instruction": "Translate.", "input": "der Brunnen", "output": "the well"}
    assert conversation(row)[0].content == "Translate.\n\nder Brunnen"


def test_what_comes_after_the_last_answer_stays() -> None:
    row = {"messages": [{"role": r, "content": r} for r in ("system", "user", "assistant", "user")]}
    assert [turn.role for turn in conversation(row)] == ["system", "user", "assistant", "user"]


WHOLE = [{"role": "user", "content": ASKED.content}]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": ASKED.content, "chosen": "Nine fathoms.", "rejected": "Who knows?"},
        {"prompt": WHOLE, "chosen": [{"role": "assistant", "content": "Nine fathoms."}], "rejected": "Who knows?"},
        {
            "prompt": ASKED.content,
            "chosen": [*WHOLE, {"role": "assistant", "content": "Nine fathoms."}],
            "rejected": [*WHOLE, {"role": "assistant", "content": "Who knows?"}],
        },
        {
            "chosen": [{"from": "human", "value": ASKED.content}, {"from": "gpt", "value": "Nine fathoms."}],
            "rejected": [{"from": "human", "value": ASKED.content}, {"from": "gpt", "value": "Who knows?"}],
        },
    ],
)
def test_every_form_gives_the_same_preference(row: dict[str, Any]) -> None:
    assert preference(row) == ((ASKED, ANSWERED), (ASKED, Turn("assistant", "Who knows?", True)))


def test_answers_that_both_sides_share_do_not_count() -> None:
    begins = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}, *WHOLE]
    chosen, rejected = preference({"prompt": begins, "chosen": "Nine.", "rejected": "Ten."})
    assert [turn.counts for turn in chosen] == [turn.counts for turn in rejected] == [False, False, False, True]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "a document"}, "no_conversation"),
        ({"messages": [{"role": "sage", "content": "x"}]}, "unknown_role"),
        ({"messages": ["x"]}, "unknown_role"),
        ({"messages": [{"role": "user", "content": " "}]}, "no_text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "no_text"),
        ({"messages": [{"role": "user", "content": "x"}]}, "no_answer"),
        ({"messages": []}, "no_answer"),
    ],
)
def test_what_is_no_conversation_has_a_reason(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(ChatError) as error:
        conversation(row)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "x", "chosen": "y"}, "no_conversation"),
        ({"prompt": "x", "chosen": "y", "rejected": " y "}, "equal_answers"),
        ({"prompt": "x", "chosen": "y", "rejected": 3}, "no_conversation"),
        ({"prompt": "x", "chosen": [1], "rejected": "y"}, "unknown_role"),
    ],
)
def test_what_is_no_preference_has_a_reason(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(ChatError) as error:
        preference(row)
    assert error.value.reason == reason
