"""The history questionnaire of the Michigan Neuropathy Screening Instrument (MNSI).

Freely available, permission not required: PhenX protocol 140401. Score: Feldman et al. 1994, doi
10.2337/diacare.17.11.1281; items 4 and 10 are asked and do not count. The examination, which needs
a clinician, is not part of it. The program gives the total and no diagnosis.
"""

from __future__ import annotations

from collections.abc import Sequence

from pbmwrap.errors import UsageError

NAME = "MNSI history"
HIGH = 13
QUESTIONS = (
    "Are your legs and/or feet numb?",
    "Do you ever have any burning pain in your legs and/or feet?",
    "Are your feet too sensitive to touch?",
    "Do you get muscle cramps in your legs and/or feet?",
    "Do you ever have any prickling feelings in your legs or feet?",
    "Does it hurt when the bed covers touch your skin?",
    "When you get into the tub or shower, are you able to tell the hot water from the cold water?",
    "Have you ever had an open sore on your foot?",
    "Has your doctor ever told you that you have diabetic neuropathy?",
    "Do you feel weak all over most of the time?",
    "Are your symptoms worse at night?",
    "Do your legs hurt when you walk?",
    "Are you able to sense your feet when you walk?",
    "Is the skin on your feet so dry that it cracks open?",
    "Have you ever had an amputation?",
)
_NO_COUNTS = (7, 13)  # "no" counts as a point
_NOT_SCORED = (4, 10)


def score_answers(answers: Sequence[bool]) -> int:
    """Return the total, 0 to 13, of the 15 answers (True: yes). Raises UsageError."""
    if len(answers) != len(QUESTIONS):
        raise UsageError(
            f"{len(answers)} answers were given, the questionnaire has {len(QUESTIONS)}",
            "answer every question with y or n",
        )
    return sum(
        (not yes) if item in _NO_COUNTS else yes
        for item, yes in enumerate(answers, 1)
        if item not in _NOT_SCORED
    )
