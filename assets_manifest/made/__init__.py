"""Assets without end, made from numbers when a scene needs them: textures, skies, ground, roads ...

`made/NAME.VERSION/WORD...` says everything about one: a maker's name, the version of its code, and the words
(mostly a seed) that it makes it from. So a scene that names it can be rendered anywhere, and nothing is
fetched. To add a maker, write one module here that defines `MAKER = Maker(...)`; `made.registry` finds it.
"""
