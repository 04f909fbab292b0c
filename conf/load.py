"""Read a settings file: YAML 1.2, a recipe underneath, `--set` on top, checked against a model; all errors at once.

A recipe is a partial settings file (conf/recipes/NAME.yaml, or a path); the file that names it overrides it. The
loader knows no stage by name: it merges mappings, and the model it is given says what is right.
"""

import difflib
import importlib.resources
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

RECIPES = importlib.resources.files("conf") / "recipes"
"""Maybe inside a zip: on a cluster the code comes as one."""
ModelType = TypeVar("ModelType", bound=BaseModel)
Tree = dict[str, Any]


class SettingsError(Exception):
    """Settings that cannot be used; the message has one line for each mistake: place, key, problem, value."""


class KeyMistakeError(ValueError):
    """A mistake that a validator finds at a key further down; `path` leads there from what it validates."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


class Lines(dict[tuple[str, ...], str]):
    """Key path -> "file:line" or "--set", for error messages."""

    def of(self, path: tuple[str, ...]) -> str:
        """The place of `path`, or of its nearest ancestor that has one."""
        while path and path not in self:
            path = path[:-1]
        return self.get(path, "settings")


def load_settings(file: str, overrides: Iterable[str], model: type[ModelType]) -> ModelType:
    """Settings from `file` with `overrides` ("a.b=value", values in YAML). Raises SettingsError."""
    lines = Lines()
    return _settle(_read(Path(file), lines), lines, overrides, model)


def made_settings(tree: Tree, overrides: Iterable[str], model: type[ModelType]) -> ModelType:
    """As `load_settings`, from what a file would hold. Raises SettingsError."""
    return _settle(tree, Lines(), overrides, model)


def _settle(tree: Tree, lines: Lines, overrides: Iterable[str], model: type[ModelType]) -> ModelType:
    changes = [_parse_override(text) for text in overrides]
    recipe_change = {path[0]: value for path, value in changes if path == ("recipe",)}
    tree = _with_recipes({**tree, **recipe_change}, lines)
    for path, value in changes:
        _put(tree, path, value)
        lines[path] = "--set"
    return _validate(tree, lines, model)


def changed_settings(tree: Tree, overrides: Iterable[str], model: type[ModelType]) -> ModelType:
    """`tree`, settings as JSON has them, with `overrides` made in it. Raises SettingsError."""
    lines = Lines()
    for path, value in map(_parse_override, overrides):
        _put(tree, path, value)
        lines[path] = "--set"
    return _validate(tree, lines, model)


def _validate(tree: Tree, lines: Lines, model: type[ModelType]) -> ModelType:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise SettingsError("\n".join(_describe(problem, lines, model) for problem in error.errors())) from None


def _read(file: Traversable, lines: Lines) -> Tree:
    try:
        content = YAML(typ="rt", pure=True).load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such settings file") from None
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{file}: cannot be read as YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise SettingsError(
            f"{file}: a settings file is a mapping of keys to values; this one is a {type(content).__name__}"
        )
    return _plain(content, str(file), (), lines)


def _plain(node: Any, file: str, path: tuple[str, ...], lines: Lines) -> Any:
    """The YAML tree as dicts and lists, noting in `lines` where each key stands."""
    if isinstance(node, Mapping):
        for key in node:
            lines[(*path, str(key))] = f"{file}:{node.lc.key(key)[0] + 1}"  # type: ignore[attr-defined]
        return {str(key): _plain(value, file, (*path, str(key)), lines) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value, file, (*path, str(i)), lines) for i, value in enumerate(node)]
    return node


def _parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SettingsError(
            f"--set {text}: expected KEY=VALUE, for example --set filter.bounds.gopher.word_count.min=20"
        )
    try:
        return tuple(key.split(".")), YAML(typ="safe", pure=True).load(value)
    except YAMLError as error:
        raise SettingsError(f"--set {key}: the value is not YAML: {error}") from None


def _put(tree: Tree, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1]] = value


def _with_recipes(tree: Tree, lines: Lines) -> Tree:
    """`tree` laid over the recipes it names, in their order."""
    named = tree.get("recipe") or "none"
    base: Tree = {}
    below = Lines()
    for name in named if isinstance(named, list) else [named]:
        if name != "none":
            base = merge(base, _read(_recipe_file(str(name), lines), below))
    lines.update(below | lines)
    return merge(base, tree)


def _recipe_file(name: str, lines: Lines) -> Traversable:
    file = Path(name) if name.endswith((".yaml", ".yml")) else RECIPES / f"{name}.yaml"
    if not file.is_file():
        known = [*sorted(path.name.removesuffix(".yaml") for path in RECIPES.iterdir()), "none"]
        raise SettingsError(
            f"{lines.of(('recipe',))}: recipe: there is no recipe {name!r}{did_you_mean(name, known)};"
            f" there are {', '.join(known)}"
        )
    return file


def merge(below: Tree, above: Tree) -> Tree:
    """`above` laid over `below`: mappings key by key, anything else (lists and nulls too) replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _describe(problem: Any, lines: Lines, model: type[BaseModel]) -> str:
    path = tuple(str(key) for key in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    error = problem.get("ctx", {}).get("error")
    if isinstance(error, KeyMistakeError):
        path += error.path
        return f"{lines.of(path)}: {'.'.join(path)}: {message}"
    if problem["type"] == "extra_forbidden":
        message = f"there is no such key{did_you_mean(path[-1], _keys_beside(path, model))}"
    elif problem["type"] == "missing":
        return f"{lines.of(path)}: {'.'.join(path)}: this key is required"
    return f"{lines.of(path)}: {'.'.join(path)}: {message} (found {problem['input']!r:.200})"


def _keys_beside(path: tuple[str, ...], model: Any) -> list[str]:
    """The keys that the model knows where the last key of `path` stands."""
    for key in path[:-1]:
        model = _value_at(key, model)
    return [name for one in _members(model) if _is_model(one) for name in one.model_fields]


def _value_at(key: str, kind: Any) -> Any:
    """The type of what stands at a key of a value of the type `kind`; None where it has none."""
    for one in _members(kind):
        if _is_model(one) and key in one.model_fields:
            return one.model_fields[key].annotation
        if get_origin(one) is dict:
            return get_args(one)[1]
    return None


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question for an error message: "; did you mean X?", or nothing when nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
