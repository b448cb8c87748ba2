"""Secrets in URLs, and texts without them."""

from __future__ import annotations

import pytest

from jobs.veiled import veiled


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ray://user:hunter2@h:1", "ray://...@h:1"),
        ("got 'https://h/x?X-Amz-Signature=ab&X-Amz-Date=1' here", "got 'https://h/x?...' here"),
        ("https:/h/x?sv=1&sig=a%2Fb, which", "https:/h/x?... which"),
        ("s3://bkt/run-?/shards", "s3://bkt/run-?/shards"),
        ("is it there? yes=no", "is it there? yes=no"),
        ("me@host.example and x//y", "me@host.example and x//y"),
        ("s3://bucket/run: no run here", "s3://bucket/run: no run here"),
    ],
)
def test_users_passwords_and_queries_are_not_repeated(text, shown):
    assert veiled(text) == shown
