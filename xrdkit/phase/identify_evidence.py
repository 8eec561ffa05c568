"""What must be seen of the lines of a structure before it is said to be in a pattern."""

import numpy as np

from xrdkit.phase.identify_match import Match

#: An amount is evidence from so many standard errors and this share of the net intensity.
_SIGNIFICANT, _LEAST = 6.0, 0.008
#: And from so many times what chance explains; from less where it explains much of the pattern.
_CHANCE, _LESS_CHANCE = 4.0, 2.0
#: Lines agree on the amount within this factor, a quarter of the strength below and above it; less
#: is asked of what explains much of the pattern: real intensities differ from those of structures.
_EVEN, _LESS = 0.6, 0.4
#: Oriented crystals have uneven lines: many in their very places, far from chance, that leave
#: little of the pattern without a line may be.
_UNEVEN, _PLACED_LINES, _PLACED_CHANCE, _PLACED, LINED = 0.05, 5, 12.0, 0.1, 0.7
#: The median line of what is there lies within this part of a FWHM of its place, for each line
#: beyond one, and within the share that it explains, between the other two numbers.
_OFF_PER_LINE, _OFF_LEAST, _OFF = 0.05, 0.1, 0.3
#: A cell at the end of the room given it is none that suits.
_END = 0.97
#: Lines that must say something of a structure that is found, and the share of its strength they
#: must have.
_FEWEST, _TOLD = 3, 0.3
#: Less where they are `_PLACED_LINES`, in their very places.
_TOLD_PLACED = 0.18
#: Still less where they are far from chance, and nearer still to their places (FWHM).
_TOLD_FAR, _FAR, _NEAR = 0.12, 15.0, 0.04
_TOLD_BY_TWO, _EVEN_OF_TWO, _CHANCE_OF_TWO = 0.4, 0.9, 20.0
#: Two lines that explain so much of the pattern suffice with so many times what chance does.
_SHARE_OF_TWO, _CHANCE_OF_ALL = 0.6, 3.0


def is_there(m: Match, total: float, room: float) -> bool:
    """Return whether a match is evidence enough, wherever its lines are within their windows.

    total: net intensity of the pattern; room: largest relative change of the cell.
    """
    share = _share(m, total)
    sure = (
        m.amount > _SIGNIFICANT * m.sigma and share > _LEAST and abs(m.stretch - 1.0) <= _END * room
    )
    oriented = (
        m.even > _UNEVEN and m.lines >= _PLACED_LINES and m.explained > _PLACED_CHANCE * m.by_chance
    )
    many = (
        m.lines >= _FEWEST
        and m.told >= _enough(m)
        and (is_even(m, total) or oriented)
        and m.explained > (_CHANCE - _LESS_CHANCE * min(share, 1.0)) * m.by_chance
    )
    # Of a phase with few lines, others may leave two: these must be far from chance.
    two = (
        m.lines == _FEWEST - 1
        and m.told >= _TOLD_BY_TWO
        and m.even > _EVEN_OF_TWO
        and m.explained
        > (_CHANCE_OF_ALL if share > _SHARE_OF_TWO else _CHANCE_OF_TWO) * m.by_chance
    )
    return bool(sure and (many or two))


def is_even(m: Match, total: float) -> bool:
    """Return whether the lines agree on the amount."""
    return m.even > _EVEN - _LESS * _share(m, total)


def farthest(m: Match, total: float) -> float:
    """Return how far from its place the median line may be, FWHM."""
    sure = is_even(m, total) and m.told >= _TOLD
    off = float(np.clip(_share(m, total), _OFF_LEAST, _OFF)) if sure else _PLACED
    off = off if m.told >= _TOLD_PLACED else _NEAR
    return min(_OFF_PER_LINE * (m.lines - 1), off)


def _share(m: Match, total: float) -> float:
    return m.explained / max(total, 1e-300)


def _enough(m: Match) -> float:
    """Return which share of the strength the free lines must have."""
    if m.explained > _FAR * m.by_chance:
        return _TOLD_FAR
    return _TOLD_PLACED if m.lines >= _PLACED_LINES else _TOLD
