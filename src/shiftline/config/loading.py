"""Reading the file and the environment, and saying in one sentence what is wrong with them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

from shiftline.config.settings import Settings
from shiftline.errors import ConfigurationError


class _TrunksToml(TomlConfigSettingsSource):
    """The file. A variable such as ``SHIFTLINE_TRUNK__MAX_RATE`` is for its one trunk."""

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        trunks, overridden = found.get("trunk"), self.current_state.get("trunk")
        if isinstance(trunks, list) and len(trunks) == 1:
            found["trunk"] = trunks[0]
        elif isinstance(trunks, list) and isinstance(overridden, dict):
            key = next(iter(overridden), "").upper()
            raise ConfigurationError(
                f"SHIFTLINE_TRUNK__{key} does not say which of the {len(trunks)} trunks it is for.",
                remedy="Set it in the file, or give all trunks at once: SHIFTLINE_TRUNK='[{...}, {...}]'.",
            )
        return found


def load_settings(path: Path) -> Settings:
    """Read the file and the environment; raise ConfigurationError with one sentence on any fault."""
    try:
        is_file, is_directory = path.is_file(), path.is_dir()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", remedy="Give this user access to its folder."
        ) from error
    if is_directory:
        raise ConfigurationError(
            f"{path} is a directory, and no configuration file.",
            remedy="Give the file in it, such as shiftline.toml.",
        )
    if not is_file:
        raise ConfigurationError(
            f"There is no configuration file {path}.",
            remedy="Make one with: shiftline config example > shiftline.toml",
        )

    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del init_settings, dotenv_settings, file_secret_settings
            return (env_settings, _TrunksToml(settings_cls, path))

    try:
        return FileSettings()  # type: ignore[call-arg]  # the sources fill it
    except ValidationError as error:
        raise _fault(path, error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is not valid TOML: {error}.", remedy="Mend that line and try again."
        ) from error
    except SettingsError as error:
        raise ConfigurationError(
            f"A SHIFTLINE_ environment variable cannot be read: {error}.",
            remedy="Write one key a variable, such as SHIFTLINE_TRUNK__MAX_RATE=5, and lists as JSON.",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", remedy="Give a file that this user may read."
        ) from error


def _fault(path: Path, error: ValidationError) -> ConfigurationError:
    # A misspelt key is often missing as well: the misspelling explains more.
    fault = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    place = _written(fault["loc"])
    where = ".".join(map(str, place))
    variable = "SHIFTLINE_" + "__".join(map(str, place)).upper()
    source = f"the variable {variable}" if variable in map(str.upper, os.environ) else str(path)
    what, remedy = _in_words(fault)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return ConfigurationError(f"In {source}, {where} {what}{more}.", remedy=remedy)


def _written(location: Sequence[int | str]) -> list[int | str]:
    """The place as the file writes it: the first trunk may well be the only one, and has no number there."""
    return [part for at, part in enumerate(location) if (at, part) != (1, 0) or location[0] != "trunk"]


def _in_words(fault: ErrorDetails) -> tuple[str, str]:
    if fault["type"] == "extra_forbidden":
        near = get_close_matches(str(fault["loc"][-1]), _known_keys(fault["loc"][:-1]), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Remove it, or see: shiftline config example"
        return "is not a known key", hint
    if fault["type"] == "missing":
        return "is missing", "See: shiftline config example"
    reason = fault["msg"].removeprefix("Value error, ")
    return f"is wrong: {reason[:1].lower()}{reason[1:]}", "Correct it, or see: shiftline config example"


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """The keys that may stand there; of a list of tables, those of each."""
    model: Any = Settings
    for part in location:
        if isinstance(part, str):
            field = model.model_fields.get(part)
            annotation = None if field is None else field.annotation
            model = next(iter(get_args(annotation)), annotation)
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return [field.alias or name for name, field in model.model_fields.items()]
