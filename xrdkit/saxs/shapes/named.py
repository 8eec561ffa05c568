"""Shapes by name, for settings."""

from inspect import Parameter, signature

from xrdkit.errors import SpecError
from xrdkit.registry import Registry
from xrdkit.saxs.shapes.core_shell import CoreShell
from xrdkit.saxs.shapes.cylinder import Cylinder, Disc
from xrdkit.saxs.shapes.lamella import Lamella
from xrdkit.saxs.shapes.sasmodels_shape import SasmodelsShape
from xrdkit.saxs.shapes.shape import Shape
from xrdkit.saxs.shapes.sphere import Sphere
from xrdkit.saxs.shapes.spheroid import Spheroid

#: Shapes with their settings.
ShapeSettings = Sphere | CoreShell | Spheroid | Cylinder | Disc | Lamella | SasmodelsShape

SHAPES: Registry[type[Shape]] = Registry("shape", "xrdkit.shapes")
for _name, _kind in (
    ("sphere", Sphere),
    ("core_shell", CoreShell),
    ("spheroid", Spheroid),
    ("cylinder", Cylinder),
    ("disc", Disc),
    ("lamella", Lamella),
    ("sasmodels", SasmodelsShape),
):
    SHAPES.add(_name, _kind)


def shape_of(choice: object) -> Shape:
    """Return the shape that a name stands for, or `choice` where it is one.

    ``"sasmodels:<model>"`` is `SasmodelsShape` of a model that has no parameters but one length.

    Raises SpecError for anything else, and for a shape that has no meaning without settings.
    """
    if isinstance(choice, Shape):
        name = getattr(choice, "name", None)
        if name is not None and SHAPES.get(name) is not type(choice):
            raise SpecError(f"a {type(choice).__name__} is called {name!r}")
        return choice
    if not isinstance(choice, str):
        raise SpecError(f"shape is a {type(choice).__name__}, neither a name nor a Shape")
    if choice.startswith("sasmodels:"):
        return SasmodelsShape(model=choice.removeprefix("sasmodels:"))
    kind = SHAPES.get(choice)
    settings = signature(kind).parameters.values()
    needed = [s.name for s in settings if s.default is Parameter.empty]
    if needed:
        raise SpecError(
            f"shape {choice!r} needs {' and '.join(needed)}",
            hint=f"shape={kind.__name__}(...) of xrdkit.saxs.shapes; a table in recipes",
        )
    return kind()
