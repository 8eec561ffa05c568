"""Alloys of known order, for the tests of occupancies."""

from xrdkit.phase import Site, Structure


def mixed_alloy(order: float, name: str = "Pt3Co", cell: float = 0.3854) -> Structure:
    """Return L1_2 Pt3Co of degree of order `order`: A = Pt on 1 and 2, B = Co on 1 (the corner)."""
    corner = 0.25 + 0.75 * order
    faces = 0.25 - 0.25 * order
    operators = (
        "x,y,z", "-x,-y,z", "-x,y,-z", "x,-y,-z", "z,x,y", "z,-x,-y", "-z,-x,y", "-z,x,-y",
        "y,z,x", "-y,z,-x", "y,-z,-x", "-y,-z,x", "y,x,-z", "-y,-x,-z", "y,-x,z", "-y,x,z",
        "x,z,-y", "-x,z,y", "-x,-z,-y", "x,-z,y", "z,y,-x", "z,-y,x", "-z,y,x", "-z,-y,-x",
    )  # fmt: skip
    inverted = tuple(_inverted(o) for o in operators)
    face, origin = (0.5, 0.5, 0.0), (0.0, 0.0, 0.0)
    sites = (
        Site(label="A1", element="Pt", position=origin, occupancy=1.0 - corner, b_iso=0.3),
        Site(label="B1", element="Co", position=origin, occupancy=corner, b_iso=0.3),
        Site(label="A2", element="Pt", position=face, occupancy=1.0 - faces, b_iso=0.3),
        Site(label="B2", element="Co", position=face, occupancy=faces, b_iso=0.3),
    )
    return Structure(
        name=name,
        cell=(cell, cell, cell, 90.0, 90.0, 90.0),
        operators=operators + inverted,
        sites=sites,
    )


def _inverted(operator: str) -> str:
    parts = operator.split(",")
    return ",".join(p[1:] if p.startswith("-") else f"-{p}" for p in parts)
