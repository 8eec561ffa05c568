"""What ``xrdkit calibrate`` prints: for people, and for programs where there is no result."""

from collections.abc import Sequence
from typing import Any

_MEANING = {
    "accepted": "accepted",
    "doubtful": "doubtful: look at it before it is used",
    "rejected": "rejected: must not be used",
}


def nothing(verdict: str | None, reasons: Sequence[str], hint: str | None = None) -> dict[str, Any]:
    """Return the keys of a result without a geometry; `verdict` is None for wrong input."""
    empty = dict.fromkeys(("distance_m", "beam_center_px", "tilt_deg", "rms_px"))
    more = {} if hint is None else {"hint": hint}
    return {"verdict": verdict, **empty, "reasons": list(reasons), "poni": None, **more}


def as_text(fields: dict[str, Any]) -> str:
    """Return the fields of a result for people, one fact in a line."""
    lines = [_MEANING[fields["verdict"]]]
    if fields["distance_m"] is not None:
        x, y = fields["beam_center_px"]
        sigma_x, sigma_y = fields["beam_center_sigma_px"]
        tilt = "refined" if fields["tilt_refined"] else "not refined: the rings do not tell it"
        lines += [
            f"distance     {1e3 * fields['distance_m']:.4f}"
            f" ± {1e3 * fields['distance_sigma_m']:.2g} mm",
            f"beam centre  x {x:.3f} ± {sigma_x:.3f}, y {y:.3f} ± {sigma_y:.3f} pixel",
            f"tilt         {fields['tilt_deg']:.3f} degree ({tilt})",
            f"residual     {fields['rms_px']:.3f} pixel rms,"
            f" {fields['points']} points on {fields['rings']} rings",
        ]
    lines += [f"because      {reason}" for reason in fields["reasons"]]
    if fields.get("hint") is not None:
        lines.append(f"hint         {fields['hint']}")
    marked = "" if fields["verdict"] == "accepted" else f" (marked {fields['verdict']})"
    if fields["poni"] is not None:
        lines.append(f"written      {fields['poni']}{marked}")
    elif fields["verdict"] == "rejected":
        lines.append("written      nothing; --force writes what was found, marked rejected")
    if fields.get("stored") is not None:
        lines.append(f"stored       {fields['stored']}{marked}")
    return "\n".join(lines)
