"""Reads the user's config file, in TOML.

port = "serial:E66138935F1C2A2B"   # used when --port and $PBMWRAP_PORT are not given
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pbmwrap import paths
from pbmwrap.errors import InvalidFile
from pbmwrap.text_files import read_toml


@dataclass(frozen=True)
class Config:
    """The config file's content. missing: the file of $PBMWRAP_CONFIG, if it does not exist."""

    port: str | None = None
    missing: Path | None = None

    @property
    def problem(self) -> str:
        """The text about a missing file; "" when none is missing."""
        if self.missing is None:
            return ""
        return f"${paths.CONFIG_VARIABLE} names {self.missing}, which does not exist"


def load(path: Path | None = None) -> Config:
    """Read the config file; defaults without one. Raises InvalidFile."""
    file = path or paths.config_file()
    try:
        table = read_toml(file)
    except FileNotFoundError:
        named = path is None and bool(os.environ.get(paths.CONFIG_VARIABLE))
        return Config(missing=file if named else None)
    except OSError as problem:
        reason = problem.strerror or problem
        raise InvalidFile(f"{file} cannot be read: {reason}", "make it readable") from problem
    except ValueError as problem:
        raise InvalidFile(f"{file} cannot be read: {problem}", "correct or remove it") from problem
    unknown = sorted(set(table) - {"port"})
    if unknown:
        raise InvalidFile(f"{file}: the key {unknown[0]} is not known", "the only key is port")
    port = table.get("port")
    if port is not None and not isinstance(port, str):
        raise InvalidFile(f"{file}: port must be text", 'write for example port = "/dev/ttyACM0"')
    return Config(port)
