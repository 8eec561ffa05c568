"""Physical constants, CODATA 2018."""

#: Photon energy times wavelength, h c, in keV Å (exact).
HC_KEV_ANGSTROM = 12.398419843320026
#: Classical electron radius, cm.
ELECTRON_RADIUS_CM = 2.8179403262e-13
#: Avogadro's number, 1/mol (exact).
AVOGADRO = 6.02214076e23
