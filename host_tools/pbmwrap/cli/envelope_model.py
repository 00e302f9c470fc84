"""The model of every `--json` output. Its JSON Schema is published beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pbmwrap.cli.envelope import VERSION

SCHEMA_FILE = Path(__file__).with_name("envelope.schema.json")


class ErrorPart(BaseModel):
    """What went wrong, for programs (`code`, `exit`) and people."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="short name of the error; a wrap's own codes are kept")
    exit: int = Field(description="the command's exit code", ge=1, le=255)
    message: str = Field(description="one line: what is wrong and where")
    hint: str = Field(description="how to go on; may be empty")
    problems: list[str] = Field(
        default=[], description="every fault of a file, when there are more"
    )


class Envelope(BaseModel):
    """One answer of one command."""

    model_config = ConfigDict(extra="forbid", title="pbmwrap envelope")

    ok: bool
    command: str = Field(description="the command without its options, for example `logs pull`")
    data: Any = Field(description="what the command gives; null when it could not do its work")
    error: ErrorPart | None
    version: Literal[1] = Field(default=VERSION, description="of this envelope")


def schema_text() -> str:
    """Return the text of the published schema."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= Envelope.model_json_schema(mode="serialization")
    return json.dumps(schema, indent=2) + "\n"
