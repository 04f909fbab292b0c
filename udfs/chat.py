"""Conversations: read from the usual JSON forms, and framed for training in the ChatML template.

Forms of a conversation: `messages` (role, content), ShareGPT's `conversations` (from, value), and Alpaca's
`instruction`, `input`, `output`. Forms of a preference: `prompt`, `chosen`, `rejected`, each a text or a list of
messages; or `chosen` and `rejected` as two whole conversations that begin alike.

A turn is `<|im_start|>role NEWLINE content<|im_end|>NEWLINE`, the two marks being control tokens, so that no text can
begin or end a turn. What the assistant says counts for the loss, and that its turn ends. Tools, images and templates of
other models are not handled here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

TURN_START, TURN_END = "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The template as transformers applies it; the same tokens as `frame`."""

ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
}
ChatReason = Literal[
    "no_conversation",  # none of the forms
    "unknown_role",
    "no_text",  # a turn without text
    "no_answer",  # no turn of the assistant
    "equal_answers",  # chosen and rejected say the same
]


class ChatError(ValueError):
    """Why a row is no conversation; `reason` is one of ChatReason."""

    def __init__(self, reason: ChatReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Turn(NamedTuple):
    role: str
    content: str
    counts: bool
    """Its content is what the model is to say."""


Conversation = tuple[Turn, ...]


def conversations(row: Mapping[str, Any], kind: Literal["sft", "preference"]) -> list[Conversation]:
    """What a row holds: one conversation, or the chosen one and the rejected one. Raises ChatError."""
    return [conversation(row)] if kind == "sft" else list(preference(row))


def conversation(row: Mapping[str, Any]) -> Conversation:
    """The conversation of a row, in any of its forms. Raises ChatError."""
    if isinstance(row.get("messages"), list):
        return _answered(_turns(row["messages"], "role", "content"))
    if isinstance(row.get("conversations"), list):
        return _answered(_turns(row["conversations"], "from", "value"))
    if isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str):
        asked = "\n\n".join(part for part in (row["instruction"], row.get("input")) if part)
        return (_turn("user", asked), _turn("assistant", row["output"]))
    raise ChatError("no_conversation", f"no messages, conversations or instruction; the row has: {', '.join(row)}")


def preference(row: Mapping[str, Any]) -> tuple[Conversation, Conversation]:
    """(chosen, rejected) of a row; only what comes after their common beginning counts. Raises ChatError."""
    if not (row.get("chosen") and row.get("rejected")):
        raise ChatError("no_conversation", f"no chosen and rejected; the row has: {', '.join(row)}")
    prompt = _as_turns(row.get("prompt") or [], "user")
    chosen, rejected = (_after(prompt, _as_turns(row[name], "assistant")) for name in ("chosen", "rejected"))
    n_common = next((i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), None)
    if n_common is None:
        raise ChatError("equal_answers", "chosen and rejected do not differ in any turn")
    begins = tuple(turn._replace(counts=False) for turn in chosen[:n_common])
    return _answered(begins + chosen[n_common:]), _answered(begins + rejected[n_common:])


def _as_turns(value: Any, role: str) -> Conversation:
    if isinstance(value, str):
        return (_turn(role, value),)
    if isinstance(value, list):
        is_sharegpt = any(isinstance(message, dict) and "from" in message for message in value)
        return _turns(value, *(("from", "value") if is_sharegpt else ("role", "content")))
    raise ChatError("no_conversation", f"a {type(value).__name__} where a text or a list of messages belongs")


def _after(prompt: Conversation, answer: Conversation) -> Conversation:
    """`answer` behind the prompt; it may be a whole conversation, prompt and all."""
    return answer if answer and answer[0].role != "assistant" else prompt + answer


def _turns(messages: Sequence[Any], role: str, content: str) -> Conversation:
    return tuple(
        _turn(message.get(role), message.get(content)) if isinstance(message, dict) else _turn(None, None)
        for message in messages
    )


def _turn(role: Any, content: Any) -> Turn:
    known = ROLES.get(role.lower()) if isinstance(role, str) else None
    if known is None:
        raise ChatError("unknown_role", f"role {role!r}; known are {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise ChatError("no_text", f"the turn of the {known} holds no text")
    return Turn(known, content.replace("\0", "").encode("utf-8", "replace").decode().strip(), known == "assistant")


def _answered(turns: Conversation) -> Conversation:
    """The turns, if one of them counts. A question behind the last answer stays, so that no text is lost unsaid."""
    if not any(turn.counts for turn in turns):
        raise ChatError("no_answer", f"no turn of the assistant among {len(turns)}")
    return turns
