"""What Azure or the way to it refuses, as one line with the remedy; never a secret, never its own words."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

UNMET = frozenset({"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"})
ABSENT = frozenset({"BlobNotFound", "ResourceNotFound"})
DAMAGED = frozenset({"Md5Mismatch", "Crc64Mismatch"})
UNKNOWN_KEY = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"})
FORBIDDEN = ("Authorization", "InsufficientAccountPermissions", "PublicAccess", "AccountIsDisabled")
ENVIRONMENT = (
    "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY or "
    "AZURE_STORAGE_SAS_TOKEN"
)
NO_CREDENTIALS = f"no account or no credentials; expected {ENVIRONMENT}"
_UNREACHABLE = (
    "cannot be reached; see the network, and AZURE_STORAGE_ACCOUNT or the endpoint that "
    "AZURE_STORAGE_CONNECTION_STRING names"
)
_BROKEN = (
    "the store did not answer, or the connection broke, several times; run the same command again: what is "
    "finished is kept"
)
ODD = "what comes is no answer of the store; see what lies between (a proxy?), and the account's endpoint"
_BY_NAME = {  # of exceptions that are no answer of the store
    "AzureSigningError": f"the key is none (base64 is expected); expected {ENVIRONMENT}",
    "ClientAuthenticationError": "the login is missing or has expired; `az login`, or set another credential",
    "CredentialUnavailableError": f"{NO_CREDENTIALS}, or `az login`",
    "DecodeError": ODD,
    "ServiceResponseError": _BROKEN,
    "ServiceResponseTimeoutError": _BROKEN,
    "IncompleteReadError": _BROKEN,
}


def code_of(error: BaseException) -> str:
    """The store's own word for what it refused; "" where it said none."""
    code: Any = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def error_status(error: BaseException) -> int:
    """HTTP status of the answer; 0 where there was none."""
    return int(getattr(error, "status_code", None) or 0)


def in_words(error: BaseException, doing: str, token_ends: datetime | None) -> str:
    """What is wrong and the remedy, to follow the URL; `doing` is the permission that was needed."""
    code, status = code_of(error), error_status(error)
    if not status:
        return _BY_NAME.get(type(error).__name__, _UNREACHABLE)
    if status in (401, 403):
        return _forbidden(error, code, doing, token_ends)
    if code in ("ContainerNotFound", "ContainerBeingDeleted", "InvalidResourceName"):
        return "no such container; correct its name, make it first, or see AZURE_STORAGE_ACCOUNT"
    if _is_damaged(error, code):
        return "what was sent arrived damaged, and nothing was kept; see the network, and try again"
    if status >= 500 or status in (408, 429):
        return (
            f"the store fails ({status} {code}), after several tries; run the same command again later: what "
            "is finished is kept"
        )
    return f"the store refuses to {doing} ({status} {code}); see its documentation"


def _is_damaged(error: BaseException, code: str) -> bool:
    """Whether the store got other bytes than were sent; Azurite says so in its message alone."""
    return code in DAMAGED or (error_status(error) == 400 and "md5" in str(error).lower())


def _forbidden(error: BaseException, code: str, doing: str, token_ends: datetime | None) -> str:
    if token_ends is not None and token_ends <= _now(error):
        return (
            f"the credentials have expired, the token on {token_ends:%Y-%m-%d %H:%M} UTC; set a new "
            "AZURE_STORAGE_SAS_TOKEN; the same command goes on from here"
        )
    if code.startswith(FORBIDDEN):
        return f"no permission ({code}); these credentials need to {doing} here"
    if code in UNKNOWN_KEY:
        return (
            f"the store does not know these credentials, they have expired, or this machine's clock is wrong "
            f"({code}); expected {ENVIRONMENT}"
        )
    return f"no permission ({code or error_status(error)}); these credentials need to {doing} here"


def _now(error: BaseException) -> datetime:
    """What the store's clock said."""
    response: Any = getattr(error, "response", None)
    said = response.headers.get("date") if response is not None else None
    return parsedate_to_datetime(said) if said else datetime.now().astimezone()
