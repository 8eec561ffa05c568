"""Which column of a text file is what, where its header names them or its format is known."""

import re
from collections.abc import Sequence

from xrdkit.curves.raw import Roles

#: What headers call the columns of small-angle curves; other names say nothing.
_NAMES = (
    ("abscissa", re.compile(r"q(?:vec(?:tor)?|_?values?)?", re.IGNORECASE)),
    ("intensity", re.compile(r"(?:i|int(?:ensity)?)(?:\(?_?q\)?)?", re.IGNORECASE)),
    (
        "sigma",
        re.compile(
            r"(?:d|s|err|error|sig|sigma|std|delta|unc)[\s_.]*(?:dev)?[\s_.(]*(?:of[\s_])?i(?:nt(?:ensity)?)?(?:\(q\))?\)?"
            r"|idev|i[\s_]?(?:err|error|sigma|std|dev)|err(?:or)?s?|sigma|std|esd|uncertainty",
            re.IGNORECASE,
        ),
    ),
    (
        "resolution",
        re.compile(
            r"d[\s_.]*q|qdev|(?:sig(?:ma)?|delta|std)[\s_.(]*q\)?|q[\s_]?(?:dev|sigma|std|res(?:olution)?)"
            r"|(?:q[\s_]?)?resolution",
            re.IGNORECASE,
        ),
    ),
)
_UNIT = re.compile(
    r"[\[({<].*?[\])}>]|[_\s](?:1/(?:nm|a|å)|a\^?-1|nm\^?-1|cm\^?-1)$", re.IGNORECASE
)
_ANGLED = re.compile(r"<([^<>]+)>")
#: The fifth line of an RKH file (ISIS) is a Fortran format: the numbers begin below.
FORTRAN = re.compile(r"\s*\d+\s*\(\s*\d*[FEGD]\d+\.\d+[^()]*\)\s*", re.IGNORECASE)
_NIST = "The 6 columns are"


def named_columns(header: Sequence[str], width: int) -> Roles:
    """Return the columns by role, as far as the lines above the numbers tell.

    `header` are the lines above the first numbers, `width` the number of columns. The last line
    that has a name for each column decides, if it names q and the intensity once each; an RKH file
    of four columns (ISIS: below a Fortran format) has the resolution in the last, and the six of
    NIST (q, I, error, resolution, mean q, shadow factor) in the fourth.
    """
    if width == 6 and any(_NIST in line for line in header):
        return Roles(abscissa=0, intensity=1, sigma=2, resolution=3)
    if width == 4 and any(FORTRAN.fullmatch(line) for line in header):
        return Roles(abscissa=0, intensity=1, sigma=2, resolution=3)
    for line in reversed(header):
        for names in _split(line):
            if len(names) == width and (found := _roles(names)) is not None:
                return found
    return Roles()


def _split(line: str) -> list[list[str]]:
    body = line.strip().lstrip("#%!|").rstrip("|").strip()
    if not body:
        return []
    angled = _ANGLED.findall(body)
    cuts = [angled] if angled else []
    for by in ("|", "\t", ",", ";"):
        if by in body:
            cuts.append([part.strip() for part in body.split(by)])
    return [*cuts, re.split(r"\s{2,}", body), body.split()]


def _roles(names: Sequence[str]) -> Roles | None:
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        bare = _UNIT.sub("", name).strip(" _.:")
        for role, pattern in _NAMES:
            if pattern.fullmatch(bare):
                if role in places:
                    return None
                places[role] = place
                break
    if not {"abscissa", "intensity"} <= places.keys():
        return None
    return Roles(**places)
