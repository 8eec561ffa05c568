"""Named plug-ins of one kind: readers, corrections, profile functions, form factors."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from xrdkit.errors import SpecError

T = TypeVar("T")


class Registry(Generic[T]):
    """A name -> object table, extended by outside packages through entry points.

    An outside package declares, for example, ``[project.entry-points."xrdkit.readers"]``. Entry
    points are loaded when the items are listed, or when a name is looked up that is not built in;
    they can add names and never replace one.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._items: dict[str, T] = {}
        self._outside_loaded = False

    def add(self, name: str, item: T) -> T:
        """Register `item` under `name`; raise SpecError where the name is taken."""
        if name in self._items:
            raise SpecError(f"{self.kind} {name!r} is registered twice")
        self._items[name] = item
        return item

    def get(self, name: str) -> T:
        """Return the item called `name`; raise SpecError with the known names otherwise."""
        if name not in self._items:
            self._load_outside()
        if name not in self._items:
            raise SpecError(
                f"unknown {self.kind} {name!r}", hint=f"known: {', '.join(sorted(self._items))}"
            )
        return self._items[name]

    def items(self) -> Iterator[tuple[str, T]]:
        """Iterate over (name, item), built-in ones first, in the order of registration."""
        self._load_outside()
        return iter(self._items.items())

    def _load_outside(self) -> None:
        if self._outside_loaded:
            return
        self._outside_loaded = True
        for point in entry_points(group=self.group):
            self.add(point.name, point.load())
