"""Text for new protocol files, and the examples that come along."""

from __future__ import annotations

from pathlib import Path

from wrap.session import protocol as rules

_EXAMPLES = Path(__file__).with_name("examples")

_TEXT = """\
# A pbmwrap protocol. `pbmwrap protocol check FILE` checks it, `show` computes what it gives.
# This is no medical device and promises no effect. Ask a doctor before use on numb skin, with
# photosensitising drugs, near a tumour or in pregnancy.
schema = {schema}
id = "{id}"                     # a-z, 0-9 and -
name = "{name}"
site = "foot-left"              # where on the body
# dose_j_cm2 = 6.0              # all channels together; without a calibration only time counts
# skin_trip_c = 40.5            # only stricter than the wrap's own limit
# ramp_s = 2.0
photosensitivity_confirmed = false  # true: pulsed red up to 60 Hz is known safe for the user
cautions = []

[evidence]
grade = "none stated"
summary = ""
references = []

[[step]]                        # steps run one after the other
duration_s = 600

[step.red]                      # 660 nm
intensity = 20.0                # percent, in steps of 0.1

[step.nir]                      # 850 nm
intensity = 30.0
# mode = "pulsed"               # default "continuous"; the evidence for pulsing is open
# frequency_hz = 40
# on_fraction = 0.5
"""


def template(id: str = "my-protocol", name: str = "My protocol") -> str:
    """The text of a new file, which passes its own check when `id` and `name` do."""
    return _TEXT.format(schema=rules.SCHEMA, id=id, name=name)


def examples() -> dict[str, Path]:
    """{id: file} of the examples."""
    return {path.stem: path for path in sorted(_EXAMPLES.glob("*.toml"))}
