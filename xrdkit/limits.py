"""How much a single input may ask for before it is refused."""

from dataclasses import dataclass, fields

from xrdkit.errors import LimitExceeded, SpecError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Upper bounds on what an input file may make the program allocate."""

    pixels: int = 2**28
    """Pixels of one frame."""
    bytes_held: int = 4 * 2**30
    """Bytes held in memory at once."""
    frames: int = 10_000_000
    """Frames of one source."""
    header_bytes: int = 2**20
    """Bytes of a header before it is decoded."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise SpecError(f"limit {field.name} must be positive")

    def check(self, name: str, wanted: float, *, source: object | None = None) -> None:
        """Raise LimitExceeded where `wanted` is above the limit called `name`."""
        allowed = getattr(self, name)
        if wanted > allowed:
            raise LimitExceeded(
                f"asks for {wanted:,} {name.replace('_', ' ')}, the limit is {allowed:,}",
                source=source,
                hint=f"pass limits=Limits({name}=...) if this is meant",
            )
