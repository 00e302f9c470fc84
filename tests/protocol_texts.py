"""Texts of protocol files: a good one, and what makes it a bad one."""

from __future__ import annotations

GOOD = """\
schema = 1
id = "foot-evening"
name = "Foot, evening"
site = "foot-left"
dose_j_cm2 = 6.0
skin_trip_c = 40.5
ramp_s = 2.0
photosensitivity_confirmed = true

[evidence]
grade = "weak"
summary = "..."
references = [
  "one",  # [[step]] in a comment
]

[[step]]
duration_s = 600
[step.red]
intensity = 50.1
[step.nir]
intensity = 80
mode = "pulsed"
frequency_hz = 40
on_fraction = 0.5
"""

# (a text of GOOD, what stands for it, the fault: line, key, how its reason begins)
FAULTS: list[tuple[str, str, tuple[int, str, str]]] = [
    ("schema = 1", "schema = 2", (1, "schema", "must be 1")),
    ('"foot-evening"', '"Foot"', (2, "id", "may hold only a-z, 0-9 and -")),
    ('"foot-evening"', "7", (2, "id", "must be text in quotes")),
    ("name =", "nam =", (3, "nam", "is not known; did you mean name?")),
    (
        "= 6.0",
        "= 0",
        (5, "dose_j_cm2", "must be above 0; remove it to let time end the session"),
    ),
    ("= 6.0", "= 60.001", (5, "dose_j_cm2", "must be from 0 to 60 J/cm2")),
    ("= 6.0", '= "six"', (5, "dose_j_cm2", "must be a number")),
    ("= 6.0", "= nan", (5, "dose_j_cm2", "must be a finite number of ordinary size")),
    ("= 6.0", "= 1e999999999", (5, "dose_j_cm2", "must be a finite number of ordinary size")),
    (
        "= 6.0",
        "= 1e9999999999999999999999",
        (5, "dose_j_cm2", "must be a finite number of ordinary size"),
    ),
    ("40.5", "41.5", (6, "skin_trip_c", "must be from 36 to 41 C")),
    ("2.0", "0.4", (7, "ramp_s", "must be from 0.5 to 10 s")),
    ("= true", "= 1", (8, "photosensitivity_confirmed", "must be true or false")),
    ('"weak"', '"schw\u00e4ch"', (11, "evidence.grade", "must be plain ASCII text of at most")),
    ("summary", "sumary", (12, "evidence.sumary", "is not known; did you mean summary?")),
    ('"one"', "1", (13, "evidence.references[1]", "must be text in quotes")),
    ("600", "600.5", (18, "step[1].duration_s", "must be a whole number")),
    ("600", "1201", (18, "step[1].duration_s", "must be a whole number from 1 to 1200 s")),
    ("50.1", "-1", (20, "step[1].red.intensity", "must be from 0 to 100 %")),
    ("50.1", "100.1", (20, "step[1].red.intensity", "must be from 0 to 100 %")),
    ("50.1", "true", (20, "step[1].red.intensity", "must be a number")),
    ("[step.nir]", "[step.uv]", (21, "step[1].uv", "is not a channel of this wrap (it has")),
    ('"pulsed"', '"pulse"', (23, "step[1].nir.mode", 'must be "continuous" or "pulsed"')),
    ("= 40\n", "= 9\n", (24, "step[1].nir.frequency_hz", "must be a whole number from 10")),
    ("= 0.5", "= 0", (25, "step[1].nir.on_fraction", "must be from 0.001 to 1")),
]

# (a text of GOOD, what stands for it, the step that it does not fit)
ROUNDED = [
    ("50.1", "50.15", "0.1 %"),
    ("50.1", "50.00000000000000000001", "0.1 %"),
    ("= 0.5", "= 0.5005", "0.001"),
    ("= 6.0", "= 6.0005", "0.001 J/cm2"),
    ("40.5", "40.50001", "0.001 C"),
    ("2.0", "2.0001", "0.001 s"),
]

SITES = {  # a text of GOOD, a faulty replacement, the key that must be reported
    "= 1\n": ("= 3\n", "schema"),
    '"foot-evening"': ('"!"', "id"),
    '"foot-left"': ("false", "site"),
    "6.0": ("777", "dose_j_cm2"),
    "40.5": ("12", "skin_trip_c"),
    "2.0": ("[]", "ramp_s"),
    "true": ('"yes"', "photosensitivity_confirmed"),
    '"weak"': ("{}", "evidence.grade"),
    "600\n": ("0\n", "step[1].duration_s"),
    "50.1": ("50.11", "step[1].red.intensity"),
    "80\n": ("101\n", "step[1].nir.intensity"),
    "40\n": ("5001\n", "step[1].nir.frequency_hz"),
    "= 0.5": ("= 2", "step[1].nir.on_fraction"),
}

# No protocol at all.
ODD = [
    "",
    "a = [1,\n",
    'a = """\n',
    "\x00",
    "a=" + "[" * 3000,
    "x=" + "9" * 5000,
    "step = 3",
    "=\n" * 50,
]
