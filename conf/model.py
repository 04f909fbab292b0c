"""The base of every settings class: frozen, no unknown keys, no NaN."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    places: ClassVar[frozenset[str]] = frozenset()
    """Keys that say where something stands or how fast to go; they do not decide a result (the content does)."""

    def identity(self) -> dict[str, Any]:
        """The values that decide a result, as JSON has them."""
        return {
            name: identity_of(getattr(self, name)) for name in type(self).model_fields if name not in type(self).places
        }


def identity_of(value: Any) -> Any:
    """A settings value as JSON, without the places in it."""
    if isinstance(value, Model):
        return value.identity()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [identity_of(item) for item in value]
    if isinstance(value, dict):
        return {str(key): identity_of(item) for key, item in value.items()}
    return value
