"""Geometry files of other programs: one module for each, what they share in `pose` and `facts`."""
