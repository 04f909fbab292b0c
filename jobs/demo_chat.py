"""Conversations and preferences of the demo: questions about functions of the standard library, and their docstrings.

An answer is the first sentence of a docstring, read with `ast`; nothing is imported for it. Of two answers that are
compared, the rejected one is a refusal. So the demo's last model is to have learned to answer, however badly.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from jobs.demo_sources import SourceFile, read_source
from udfs.hashing import keyed_uint64

CONVERSATIONS = {form: f"chat/{form}.jsonl" for form in ("messages", "sharegpt", "alpaca")}
PREFERENCES = "chat/preferences.jsonl"
SHARE_COMPARED = 0.25
QUESTIONS = (
    "What does {} do?",
    "Tell me in one sentence what {} is for.",
    "I came across {} in a program. What is it?",
    "Explain {}, please.",
)
REFUSALS = (
    "I do not know.",
    "I cannot help with that.",
    "Please ask somebody else.",
    "I would rather not say.",
)
SYSTEM = "You explain the Python standard library."
BROKEN = ({"messages": []}, {"instruction": "Say nothing.", "output": " "}, {"text": "This row is no conversation."})
SENTENCE = re.compile(r"(?s)\A([A-Z][^\n].{20,240}?\.)(\s|\Z)")


def facts(modules: Iterable[SourceFile]) -> list[tuple[str, str]]:
    """(full name of a function, first sentence of its docstring), by name, each sentence once."""
    found: dict[str, str] = {}
    for module, file in modules:
        tree = ast.parse(read_source(file))
        for name, node in _functions(tree, module):
            match = SENTENCE.match(ast.get_docstring(node) or "")
            if match and not name.rpartition(".")[2].startswith("_"):
                found.setdefault(" ".join(match[1].split()), name)
    return sorted((name, sentence) for sentence, name in found.items())


def _functions(tree: ast.Module, module: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield f"{module}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            inner = (child for child in node.body if isinstance(child, ast.FunctionDef))
            yield from ((f"{module}.{node.name}.{child.name}", child) for child in inner)


def chat_rows(modules: Iterable[SourceFile], seed: int) -> dict[str, list[dict[str, Any]]]:
    """Rows by file: conversations in each form, with rows that are none, and preferences."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [broken] for name, broken in zip(CONVERSATIONS.values(), BROKEN, strict=True)
    }
    rows[PREFERENCES] = []
    for name, answer in facts(modules):
        draw = keyed_uint64(seed, name)
        question = QUESTIONS[draw % len(QUESTIONS)].format(name)
        if draw / 2**64 < SHARE_COMPARED:
            refusal = REFUSALS[draw // 8 % len(REFUSALS)]
            rows[PREFERENCES].append({"prompt": question, "chosen": answer, "rejected": refusal})
        else:
            form = tuple(CONVERSATIONS)[draw // 8 % len(CONVERSATIONS)]
            rows[CONVERSATIONS[form]].append(_in_form(form, question, answer))
    return rows


def _in_form(form: str, question: str, answer: str) -> dict[str, Any]:
    if form == "alpaca":
        return {"instruction": question, "input": "", "output": answer}
    turns = [("system", SYSTEM), ("user", question), ("assistant", answer)]
    if form == "messages":
        return {"messages": [{"role": role, "content": content} for role, content in turns]}
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    return {"conversations": [{"from": names[role], "value": content} for role, content in turns]}
