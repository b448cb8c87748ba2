"""What Google Cloud Storage or the way to it refuses, as one line with the remedy; never its own words."""

from __future__ import annotations

from typing import Any

BUSY = frozenset({408, 429, 500, 502, 503, 504})  # statuses that pass
UNMET, ABSENT = 412, 404
ENVIRONMENT = (
    "GOOGLE_APPLICATION_CREDENTIALS (a file), `gcloud auth application-default login`, or the account of "
    "this machine"
)
NO_FILE = "GOOGLE_APPLICATION_CREDENTIALS names no file of credentials that can be used; correct it"
NO_BUCKET = "bucket does not exist"
NO_CREDENTIALS = f"no credentials; expected {ENVIRONMENT}"
_UNREACHABLE = "cannot be reached; see the network, and STORAGE_EMULATOR_HOST where it is set"
_BROKEN = (
    "the store did not answer, or the connection broke, several times; run the same command again: what is "
    "finished is kept"
)
ODD = "what comes is no answer of the store; see what lies between (a proxy?), and STORAGE_EMULATOR_HOST"
_REFUSED = f"the login was refused or has expired; expected {ENVIRONMENT}"
_BY_NAME = {  # of exceptions that are no answer of the store
    "RefreshError": _REFUSED,
    "ReauthFailError": _REFUSED,
    "ReauthSamlChallengeFailError": _REFUSED,
    "ReauthUnattendedError": _REFUSED,
    "InvalidOperation": _REFUSED,
    "ContentDecodingError": ODD,
    "InvalidSchema": ODD,
    "InvalidURL": ODD,
    "JSONDecodeError": ODD,
    "TooManyRedirects": ODD,
    "UnreadableError": ODD,
    "ReadTimeout": _BROKEN,
    "ChunkedEncodingError": _BROKEN,
}


def error_status(error: BaseException) -> int:
    """HTTP status of the answer; 0 where there was none."""
    return int(getattr(error, "code", None) or 0)


def is_absent(error: BaseException) -> bool:
    """Whether the store says that there is no such object.

    A bucket that is not there, and a 404 of whatever lies between, are told apart by words only.
    """
    said = str(error).lower()
    its_own = reason_of(error) == "notFound" or "no such object" in said
    return error_status(error) == ABSENT and its_own and NO_BUCKET not in said


def reason_of(error: BaseException) -> str:
    """The store's own word for what it refused; "" where it said none."""
    said: Any = getattr(error, "errors", None) or [{}]
    reason = said[0].get("reason", "") if isinstance(said[0], dict) else ""
    return reason if isinstance(reason, str) and reason.isalnum() else ""


def in_words(error: BaseException, needed: str) -> str:
    """What is wrong and the remedy, to follow the URL; `needed` is the permission."""
    status = error_status(error)
    told = " ".join(str(word) for word in (status, reason_of(error)) if word)
    if not status:
        return _BY_NAME.get(type(error).__name__, _UNREACHABLE)
    if status == 401:
        said = "the store does not know these credentials, or they have expired"
        return f"{said} ({told}); expected {ENVIRONMENT}"
    if status == 403:
        return f"no permission ({told}); these credentials need {needed} here"
    if status == ABSENT and NO_BUCKET in str(error).lower():
        return "no such bucket; correct its name, or make it first"
    if status == ABSENT:
        return f"404; {ODD}"
    if status == 407:
        return "a proxy wants a login (407); see HTTPS_PROXY"
    if status == 400 and "md5" in str(error).lower():
        return "what was sent arrived damaged, and nothing was kept; see the network, and try again"
    if status in BUSY or status >= 500:
        tries = ", after several tries" if status in BUSY else ""
        return f"the store fails ({told}){tries}; run the same command again later: what is finished is kept"
    return f"the store refuses what needs {needed} ({told}); see its documentation"
