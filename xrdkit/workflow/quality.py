"""The station after the last block: the frames of a whole series held against one another."""

import dataclasses
import inspect
import logging
import typing
from typing import Any, Self

import numpy as np
import xarray as xr
from pydantic import model_validator

from xrdkit import schema
from xrdkit.errors import SpecError
from xrdkit.profiles.quality import FLAGS, frame_quality
from xrdkit.workflow.settings import Settings, settings_model

_LOG = logging.getLogger(__name__)
_SHOWN = 12


class QualityBase(Settings):
    """Arguments of `frame_quality`."""

    @model_validator(mode="after")
    def _the_verb_accepts_them(self) -> Self:
        settings = dataclasses.asdict(self.spec())
        if isinstance(settings["reference"], int):
            # The number of frames is not known before the files are opened.
            settings["reference"] = min(settings["reference"], 0)
        frame_quality(_alike(), **settings)
        return self

    @property
    def values(self) -> dict[str, Any]:
        """The arguments by name."""
        return dataclasses.asdict(self.spec())


def quality_model() -> type[QualityBase]:
    """Return the table with the arguments of `frame_quality`, so that none is written twice."""
    hints = typing.get_type_hints(frame_quality)
    arguments = [
        (name, hints[name], dataclasses.field(default=argument.default))
        for name, argument in inspect.signature(frame_quality).parameters.items()
        if argument.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    spec = dataclasses.make_dataclass("Quality", arguments, frozen=True, kw_only=True)
    return typing.cast(type[QualityBase], settings_model(spec, QualityBase))


def check_reference(values: dict[str, Any], frames: int) -> None:
    """Raise SpecError for a reference that a series of `frames` frames cannot have."""
    reference = values["reference"]
    if isinstance(reference, int) and not reference < frames:
        raise SpecError(f"quality.reference {reference}: there are frames 0 to {frames - 1}")
    if reference == "median" and frames < 4:
        raise SpecError(
            f"quality.reference: the median of {frames} frames is no reference", hint="'first'"
        )


def judged(profile: xr.Dataset, values: dict[str, Any]) -> xr.Dataset:
    """Return what `frame_quality` says of the frames of a PROFILE Dataset; none is dropped.

    A number as reference is the label of a frame, which may stand at another place where frames
    failed. Raises what `frame_quality` raises, SpecError where the frame of reference gave no
    profile.
    """
    settings = dict(values)
    if isinstance(settings["reference"], int):
        labels = profile[schema.FRAME].values.tolist()
        if settings["reference"] not in labels:
            raise SpecError(f"quality.reference: frame {settings['reference']} gave no profile")
        settings["reference"] = labels.index(settings["reference"])
    return frame_quality(profile, **settings)


def flagged_frames(quality: xr.Dataset) -> dict[str, list[int]]:
    """Return the labels of the frames that have each flag; flags that none has are left out."""
    flag = np.asarray(quality["flag"].values)
    labels = quality[schema.FRAME].values
    found = {name: labels[(flag & bit) != 0].tolist() for name, bit in FLAGS.items()}
    return {name: frames for name, frames in found.items() if frames}


def tell_flagged(label: str, found: dict[str, list[int]], frames: int) -> None:
    """Log one warning that counts the flagged frames of a detector and names them by flag."""
    if not found:
        return
    flagged = {frame for those in found.values() for frame in those}
    words = "; ".join(
        f"{name} {', '.join(map(str, found[name][:_SHOWN]))}"
        + (" ..." if len(found[name]) > _SHOWN else "")
        for name in FLAGS
        if name in found
    )
    _LOG.warning(
        "%s: %d of %d frames are flagged (none is left out): %s",
        label,
        len(flagged),
        frames,
        words,
    )


def _alike() -> xr.Dataset:
    """Return a profile of four equal frames, on which settings are tried."""
    values = np.full((4, 40), 100.0)
    attrs = {"units": "count", "long_name": "intensity"}
    q = np.linspace(1.0, 10.0, 40)
    return xr.Dataset(
        {
            "intensity": ((schema.FRAME, "q"), values, attrs),
            "sigma": ((schema.FRAME, "q"), np.full_like(values, 10.0), attrs),
        },
        coords={
            schema.FRAME: (schema.FRAME, np.arange(4), {"long_name": "frame number"}),
            "q": ("q", q, {"units": "1/nm", "long_name": "q"}),
        },
        attrs={"schema": schema.PROFILE.name},
    )
