"""Writes the JSON Schema of protocol files, generated from the model, for editors that check while
the user types."""

from __future__ import annotations

import json
from pathlib import Path

from pbmwrap import disk
from pbmwrap.protocols.model import Protocol

PATH = Path(__file__).with_name("protocol.schema.json")


def make_schema_text() -> str:
    """Return the content of the schema file."""
    schema = Protocol.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "pbmwrap protocol"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def write_schema() -> Path:
    """Update the schema file: `python -m pbmwrap.protocols.schema`."""
    disk.write_file(PATH, make_schema_text(), replace=True)
    return PATH


if __name__ == "__main__":
    print(write_schema())
