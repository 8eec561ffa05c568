"""Small NeXus trees in memory, written to disk whole or not at all."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike

from xrdkit.atomic import write_file


class Tree:
    """A NeXus file that is made in memory; the same content gives the same bytes."""

    def __init__(self, default: str) -> None:
        """Start an NXroot whose default entry is called `default`."""
        self._image = io.BytesIO()
        self._file = h5py.File(self._image, "w", track_order=False)
        self._file.attrs["NX_class"] = "NXroot"
        self._file.attrs["default"] = default

    def group(self, path: str, nx_class: str, **attrs: Any) -> None:
        """Make a group of a NeXus class with these attributes."""
        group = self._file.create_group(path)
        group.attrs["NX_class"] = nx_class
        self._label(group, attrs)

    def put(self, path: str, values: ArrayLike | str, **attrs: Any) -> None:
        """Write a field; arrays of numbers are compressed. Text is UTF-8."""
        if isinstance(values, str):
            field = self._file.create_dataset(path, data=values, dtype=h5py.string_dtype())
        else:
            array = np.asarray(values)
            packed: dict[str, Any] = {}
            if array.ndim and array.size:
                packed = {"compression": "gzip", "shuffle": True, "fletcher32": True}
            field = self._file.create_dataset(path, data=array, **packed)
        self._label(field, attrs)

    def write(self, path: Path, *, overwrite: bool) -> None:
        """Write the tree to `path`; raises ResultExists, StoreFull, StoreError."""
        self._file.close()
        write_file(path, self._image.getvalue(), overwrite=overwrite)

    def _label(self, node: Any, attrs: Mapping[str, Any]) -> None:
        for name, value in attrs.items():
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                node.attrs.create(name, np.array(value, dtype=object), dtype=h5py.string_dtype())
            else:
                node.attrs[name] = value
