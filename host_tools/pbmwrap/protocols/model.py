"""The protocol file as a typed model in human units. Checks types and step sizes, not limits.

Numbers are exact decimals: a value that the device would have to round is an error, and is never
rounded silently.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from pbmwrap.protocols import quantity
from wrap.rules import limits
from wrap.rules import protocol as rules

KEY_MISSING = "key_missing"  # type of the error for a key that another key's value requires


def _whole_units(key: str) -> AfterValidator:
    return AfterValidator(lambda value: quantity.check_step(key, value))


def _schema_range(low: float, high: float) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", "minimum": low, "maximum": high})


_NUMBER = BeforeValidator(quantity.make_exact)
_AS_NUMBER = PlainSerializer(float, return_type=float, when_used="json")  # not as text
Percent = Annotated[Decimal, _NUMBER, _whole_units("intensity"), _schema_range(0, 100), _AS_NUMBER]
Share = Annotated[
    Decimal, _NUMBER, _whole_units("on_fraction"), _schema_range(0.001, 1), _AS_NUMBER
]
DoseJCm2 = Annotated[
    Decimal,
    _NUMBER,
    _AS_NUMBER,
    _whole_units("dose_j_cm2"),
    _schema_range(0.001, limits.DOSE_CAP_MJ / 1000),
]
TripC = Annotated[
    Decimal,
    _NUMBER,
    _AS_NUMBER,
    _whole_units("skin_trip_c"),
    _schema_range(limits.SKIN_TRIP_MIN_MC / 1000, limits.SKIN_TRIP_MC / 1000),
]
RampS = Annotated[
    Decimal,
    _NUMBER,
    _AS_NUMBER,
    _whole_units("ramp_s"),
    _schema_range(limits.RAMP_UP_MIN_MS / 1000, rules.RAMP_MAX_MS / 1000),
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Channel(_Table):
    """One lamp channel in one step. `on_fraction` is the lit share of a pulse period."""

    intensity: Percent = Field(description="percent of full current, in steps of 0.1")
    mode: Literal["continuous", "pulsed"] = "continuous"
    frequency_hz: (
        Annotated[
            int,
            WithJsonSchema(
                {
                    "type": "integer",
                    "minimum": limits.PULSE_MIN_HZ,
                    "maximum": limits.PULSE_MAX_HZ,
                }
            ),
        ]
        | None
    ) = Field(default=None, validate_default=True, description="only with mode pulsed")
    on_fraction: Share | None = Field(
        default=None, validate_default=True, description="only with mode pulsed, steps of 0.001"
    )

    @field_validator("frequency_hz", "on_fraction")
    @classmethod
    def _fits_mode(cls, value: Any, info: ValidationInfo) -> Any:
        mode = info.data.get("mode")
        problem = quantity.find_mode_problem(mode, value is not None)
        if problem == quantity.MODE_MISSING:
            raise PydanticCustomError(KEY_MISSING, quantity.MODE_MISSING)
        if problem:
            raise ValueError(problem)
        return value


class Step(BaseModel):
    """One step: `duration_s`, and one table per lit channel. A channel without a table is dark."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Channel]  # pyright: ignore[reportIncompatibleVariableOverride]

    duration_s: Annotated[
        int, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": rules.MAX_STEP_S})
    ]

    @property
    def channels(self) -> dict[str, Channel]:
        """{channel name: settings} of the channels that have a table."""
        return dict(self.__pydantic_extra__ or {})


class Evidence(_Table):
    """Evidence for the use. Only the grade is sent to the wrap."""

    grade: str = Field(description="strength of the human evidence, in a few words")
    summary: str = ""
    references: tuple[str, ...] = Field(default=(), strict=False)


class Protocol(_Table):
    """A protocol file. Units are in the names; the `step` tables run in their order."""

    version: Annotated[
        int, Field(alias="schema"), WithJsonSchema({"type": "integer", "const": rules.SCHEMA})
    ]
    id: str = Field(description="a-z, 0-9 and -; at most 24")
    name: str = Field(description="plain ASCII, at most 40 characters")
    site: str = Field(description="where on the body: a-z, 0-9 and -; at most 24")
    person: str | None = Field(
        default=None, description="tag of the person who wears it: a-z and 0-9; at most 8"
    )
    dose_j_cm2: DoseJCm2 | None = Field(
        default=None, description="all channels together; without it the session ends by time"
    )
    skin_trip_c: TripC | None = Field(default=None, description="only below the wrap's own limit")
    ramp_s: RampS | None = None
    photosensitivity_confirmed: bool = False
    cautions: tuple[str, ...] = Field(default=(), strict=False)
    evidence: Evidence | None = None
    step: tuple[Step, ...] = Field(strict=False)

    @field_validator("dose_j_cm2")
    @classmethod
    def _some_dose(cls, value: Decimal | None) -> Decimal | None:
        return quantity.check_dose(value)

    @property
    def duration_s(self) -> int:
        """Duration of all steps in s."""
        return sum(step.duration_s for step in self.step)
