"""The user's config file: TOML, at most a few lines.

port = "serial:E66138935F1C2A2B"   # used when --port and $PBMWRAP_PORT are not given
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pbmwrap import paths
from pbmwrap.errors import InvalidFile


@dataclass(frozen=True)
class Config:
    """What the user set once for all commands."""

    port: str | None = None


def load(path: Path | None = None) -> Config:
    """The config file's content; defaults without one. Raises InvalidFile."""
    file = path or paths.config_file()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InvalidFile(f"{file} cannot be read: {problem}", "mend or remove it") from problem
    unknown = sorted(set(table) - {"port"})
    if unknown:
        raise InvalidFile(f"{file}: {unknown[0]} is not known", "the only key is port")
    port = table.get("port")
    if port is not None and not isinstance(port, str):
        raise InvalidFile(f"{file}: port must be text", 'write for example port = "/dev/ttyACM0"')
    return Config(port)
