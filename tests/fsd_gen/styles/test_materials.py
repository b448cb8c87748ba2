from __future__ import annotations

from fsd_gen.styles.materials import blackbody


def test_black_bodies_redden_as_they_cool():
    warm, white, blue = blackbody(2700), blackbody(6600), blackbody(12000)
    assert warm[0] == 1 and warm[2] < 0.25
    assert min(white) > 0.85
    assert blue[2] == 1 and blue[0] < 0.7
