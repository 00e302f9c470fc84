"""The protocol file as a typed model in human units. Checks types and step sizes, not limits.

Numbers are exact decimals: a value that the device would have to round is an error, and is never
rounded silently.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
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

from wrap.rules import limits
from wrap.rules import protocol as rules

_MAX_MAGNITUDE = 12  # most decimal digits left or right of the point that a quantity here needs
KEY_MISSING = "key_missing"  # type of the error for a key that another key's value requires


def _make_exact(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _MAX_MAGNITUDE:
        raise ValueError("must be a finite number of ordinary size")
    return number


def _whole_units(per_unit: int, step: str) -> AfterValidator:
    def check(value: Decimal) -> Decimal:
        if (Fraction(value) * per_unit).denominator != 1:
            raise ValueError(f"must be a multiple of {step}, {value} is not")
        return value

    return AfterValidator(check)


def _schema_range(low: float, high: float) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", "minimum": low, "maximum": high})


_NUMBER = BeforeValidator(_make_exact)
_AS_NUMBER = PlainSerializer(float, return_type=float, when_used="json")  # not as text
Percent = Annotated[Decimal, _NUMBER, _whole_units(10, "0.1 %"), _schema_range(0, 100), _AS_NUMBER]
Share = Annotated[
    Decimal, _NUMBER, _whole_units(1000, "0.001"), _schema_range(0.001, 1), _AS_NUMBER
]
DoseJCm2 = Annotated[
    Decimal,
    _NUMBER,
    _AS_NUMBER,
    _whole_units(1000, "0.001 J/cm2"),
    _schema_range(0.001, limits.DOSE_CAP_MJ / 1000),
]
TripC = Annotated[
    Decimal,
    _NUMBER,
    _AS_NUMBER,
    _whole_units(1000, "0.001 C"),
    _schema_range(limits.SKIN_TRIP_MIN_MC / 1000, limits.SKIN_TRIP_MC / 1000),
]
RampS = Annotated[
    Decimal,
    _NUMBER,
    _AS_NUMBER,
    _whole_units(1000, "0.001 s"),
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
        if mode == "pulsed" and value is None:
            raise PydanticCustomError(KEY_MISSING, 'is missing: mode = "pulsed" requires it')
        if mode == "continuous" and value is not None:
            raise ValueError('requires mode = "pulsed"; remove it for continuous light')
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
        if value == 0:
            raise ValueError("must be above 0; remove it to let time end the session")
        return value

    @property
    def duration_s(self) -> int:
        """Duration of all steps in s."""
        return sum(step.duration_s for step in self.step)
