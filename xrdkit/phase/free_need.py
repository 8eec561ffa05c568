"""Whether a phase with free lines is needed: what the other phases make of the pattern without it.

Many free lines beside a strong phase that fits poorly can take over part of its lines, which then
come out narrower or weaker than they are; held against that fit, the free lines seem to be there.
So the others are fitted once more without them, with all that is theirs free, and the phase is
needed where that costs more than its k lines and shapes are worth:

    χ²(without) - χ²(with) > k ln n · GoF² · b²

b is the factor of Bérar & Lelann over that of white noise: what the model misses hangs together
over several points, and lines make it good by as many times more than noise.
"""

import numpy as np

from xrdkit.fitting import FitOutcome
from xrdkit.phase.evidence import NOTHING, is_shape, with_scales_alone
from xrdkit.phase.frame_fit import Frame
from xrdkit.phase.free_intensities import ExtractingModel
from xrdkit.phase.minimise import ROUGHLY, minimise
from xrdkit.phase.model import Values
from xrdkit.phase.parameters import Plan
from xrdkit.phase.serial_correlation import OF_WHITE_NOISE, serial_factor

#: Evaluations within which the others must show what they can do.
_MOST = 60
#: Where a broadening that was none starts again, natural units.
_AGAIN = 0.01


def needed(
    model: ExtractingModel,
    frame: Frame,
    origin: Plan,
    values: Values,
    found: tuple[bool, ...],
    outcome: FitOutcome,
) -> tuple[bool, ...]:
    """Return `found` without the phases with free lines that the others can do without.

    `origin` has everything free, `values` (physical) and `outcome` are those of the fit with them.
    """
    result = list(found)
    for p in model.free:
        if not found[p] or sum(found) == 1:
            continue
        again = {
            n: _AGAIN * origin.units[n]
            for n in origin.broadening & origin.free
            if values[n] <= NOTHING * origin.units[n]
        }
        begin = origin.changed(values={**values, **again})
        begin = with_scales_alone(begin, origin, [k for k, here in enumerate(found) if not here])
        shapes = [n for n in begin.values if is_shape(n, p)]
        begin = begin.changed(fixed=shapes, apart=shapes)
        bare, number = model.without(p), model.seen(values, p) + len(set(shapes) & origin.free)
        alone = minimise(bare, frame, begin, _MOST, ROUGHLY)
        factor = max(serial_factor(outcome, frame.errors) / OF_WHITE_NOISE, 1.0)
        price = number * np.log(max(frame.points, 2.0)) * (outcome.noise * factor) ** 2
        result[p] = bool(alone.chi2 - outcome.chi2 > price)
    return tuple(result)
