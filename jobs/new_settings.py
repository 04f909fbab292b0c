"""`gristmill init`: a settings file with every key, its default and what it means; and the schema for editors."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from jobs.settings import Settings
from udfs.errors import OutputError

WIDTH = 100
HEAD = """\
# yaml-language-server: $schema={schema}
# Settings of a run. Below stands every other key with its default: remove the leading "# " of those you change, and of
# the sections they stand in. A key that is set here wins over the recipe.
output: {output}
inputs:
  - {inputs}
recipe: {recipe}
"""
SET_ABOVE = ("output", "inputs", "recipe")


def write_settings(file: Path, inputs: str, output: str, recipe: str) -> Path:
    """Write the settings file and, beside it, its JSON Schema, whose path comes back. Raises OutputError where one of
    them is there already."""
    schema = file.with_suffix(".schema.json")
    for path in (file, schema):
        if path.exists():
            raise OutputError(f"{path}: is there already", "name another file, or remove it")
    given = {"inputs": inputs, "output": output, "recipe": recipe}
    head = HEAD.format(schema=schema.name, **{name: json.dumps(value) for name, value in given.items()})
    file.write_text("\n".join([head, *commented(Settings, "")]) + "\n", encoding="utf-8")
    schema.write_text(json.dumps(Settings.model_json_schema(), indent=1) + "\n", encoding="utf-8")
    return schema


def commented(model: type[BaseModel], indent: str) -> Iterator[str]:
    """The lines of a class of settings; without their leading "# " they are YAML."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if not indent and name in SET_ABOVE:
            continue
        meaning = " ".join((field.description or "").split())
        yield from (f"# {indent}# {line}" for line in textwrap.wrap(meaning, WIDTH - len(indent)))
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield f"# {indent}{name}:"
            yield from commented(inner, f"{indent}  ")
        else:
            default = to_jsonable_python(field.get_default(call_default_factory=True))
            yield f"# {indent}{name}: {json.dumps(default, ensure_ascii=False)}"
