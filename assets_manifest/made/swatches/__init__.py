"""How made textures are drawn: one module per trade, each pattern a function of a `Draft`.

A pattern gives display colours and, where the real thing has relief, heights in metres, so that its normal
map bends light as the real thing does. All of them live on a torus: what leaves on the right comes back on
the left.
"""
