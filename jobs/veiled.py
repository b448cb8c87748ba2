"""Texts that others will read, without the secrets that people put into URLs."""

from __future__ import annotations

import re

USER = re.compile(r"(?<=//)[^/\s@'\"`]*@")  # scheme://USER:PASSWORD@host
QUERY = re.compile(r"(?<=\?)[^\s'\"`?]*=[^\s'\"`]*")  # ?X-Amz-Signature=...&..., ?sv=...&sig=...
VEIL = "..."


def veiled(text: str) -> str:
    """`text` with dots in place of users, passwords and queries of the URLs in it."""
    if "//" not in text and "?" not in text:
        return text
    return QUERY.sub(VEIL, USER.sub(f"{VEIL}@", text))
