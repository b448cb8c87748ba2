"""How the pages about runs look."""

from __future__ import annotations

STYLESHEET = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1f2933; max-width: 1120px; margin: 2rem auto }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2.2rem; border-bottom: 1px solid #e4e7eb }
table { border-collapse: collapse; font-size: 0.87rem } td, th { padding: 0.2rem 0.7rem; text-align: right }
td.text, th.text { text-align: left } tr { border-bottom: 1px solid #e4e7eb }
.row { display: flex; flex-wrap: wrap } p, details { max-width: 70rem } .note { color: #52606d }
.key { display: inline-block; width: 0.8em; height: 0.8em }
svg { max-width: 100%; height: auto }
"""
