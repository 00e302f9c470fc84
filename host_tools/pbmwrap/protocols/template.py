"""Text of new protocol files, and the example protocols."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pbmwrap.errors import InvalidFile
from pbmwrap.protocols.locate import key_lines
from pbmwrap.text_files import decode_text
from wrap.rules import protocol as rules

_MOST_ID = 24  # characters, as in wrap.rules.protocol
_EXAMPLES = Path(__file__).with_name("examples")

_TEXT = """\
# A pbmwrap protocol; docs/protocols.md explains every key. `pbmwrap protocol check FILE` checks it,
# `pbmwrap protocol show FILE` computes what it gives.
# This is not a medical device and promises no effect. Ask a doctor before use on numb skin, with
# photosensitising drugs, near a tumour or in pregnancy.
schema = {schema}
id = {id}
name = {name}
site = "foot-left"              # where on the body: a-z, 0-9 and -
# dose_j_cm2 = 6.0              # all channels together; needs a calibration, else time ends it
# skin_trip_c = 40.5            # only stricter than the wrap's own limit
# ramp_s = 2.0                  # how long the light fades in
photosensitivity_confirmed = false  # true: pulsed red up to 60 Hz is known to be safe for the user
cautions = []

[evidence]
grade = "none stated"
summary = ""
references = []

[[step]]                        # steps run one after the other
duration_s = 600

[step.red]                      # 660 nm
intensity = 20.0                # percent of full current, in steps of 0.1

[step.nir]                      # 850 nm
intensity = 30.0
# mode = "pulsed"               # default "continuous"; the evidence for pulsing is open
# frequency_hz = 40
# on_fraction = 0.5
"""


def make_template(id: str = "my-protocol", name: str = "My protocol") -> str:
    """Return the text of a new file. It is valid when `id` and `name` are."""
    return _TEXT.format(schema=rules.SCHEMA, id=_quote_toml(id), name=_quote_toml(name))


def rename_protocol(raw: bytes, id: str, name: str | None) -> str:
    """Return the text of the valid protocol file `raw` with another id and, unless None, another
    name."""
    text = decode_text(raw).replace("\r\n", "\n")
    lines = text.split("\n")
    where = key_lines(text)
    for key, value in (("id", id), ("name", name)):
        if value is not None:
            lines[where[(key,)] - 1] = f"{key} = {_quote_toml(value)}"
    if lines[0].startswith("#:schema "):  # the path to the schema file is relative to the example
        del lines[0]
    return "\n".join(lines)


def id_from(text: str) -> str:
    """Return an id made from a file's name: `Left Knee.v2` becomes `left-knee-v2`."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:_MOST_ID] or "my-protocol"


def _quote_toml(text: str) -> str:
    """Return `text` as a TOML string. JSON's escapes are also TOML's."""
    return json.dumps(text)


def examples() -> dict[str, Path]:
    """Return {id: file} of the examples."""
    return {path.stem: path for path in sorted(_EXAMPLES.glob("*.toml"))}


def find_file(name: str) -> Path:
    """Return the file that `name` means: a path, or an example's id. Raises InvalidFile."""
    path = Path(name)
    if path.exists() or path.suffix:
        return path
    shipped = examples()
    if name not in shipped:
        known = ", ".join(shipped)
        raise InvalidFile(f"there is no file or example {name}", f"the examples are {known}")
    return shipped[name]
