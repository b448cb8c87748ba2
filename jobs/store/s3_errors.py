"""What an S3 store or the way to it refuses, as one line with the remedy; never a secret, never its own
words.
"""

from __future__ import annotations

from typing import Any

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})
UNKNOWN_KEY = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidClientTokenId", "NotSignedUp"}
)
FORBIDDEN = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403", "401"})
ELSEWHERE = frozenset(
    {
        "PermanentRedirect",
        "301",
        "307",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "TemporaryRedirect",
    }
)
ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
NO_UPLOAD = frozenset({"NoSuchUpload"})
UNMET = frozenset({"PreconditionFailed", "412"})
CONTENDED = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
NOT_THERE_YET = frozenset({"NotImplemented", "501"})
REFRESH = "renew them (`aws sso login`, or a new AWS_SESSION_TOKEN); the same command goes on from here"
ENVIRONMENT = "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role of the machine"
_BY_NAME = {  # of botocore's exceptions
    "NoCredentialsError": f"no credentials; expected {ENVIRONMENT}",
    "PartialCredentialsError": f"half of the credentials is missing; expected {ENVIRONMENT}",
    "CredentialRetrievalError": f"the credentials cannot be fetched; expected {ENVIRONMENT}",
    "ProfileNotFound": "AWS_PROFILE names a profile that the AWS configuration does not have; correct it",
    "ConfigParseError": "the AWS configuration file cannot be read; correct it",
    "NoRegionError": "no region; set AWS_REGION to the bucket's",
    "TokenRetrievalError": f"the login has expired; {REFRESH}",
    "SSOTokenLoadError": f"the login is missing; {REFRESH}",
    "UnauthorizedSSOTokenError": f"the login has expired; {REFRESH}",
    "SSLError": "the host's certificate is not accepted; AWS_CA_BUNDLE names your own authority",
    "ReadTimeoutError": "the store did not answer in time, several times; see whether it is overloaded, and "
    "run the same command again: what is finished is kept",
    "ConnectionClosedError": "the connection broke, several times; run the same command again: what is "
    "finished is kept",
}
SETTINGS = {  # by name, of what makes no client
    "InvalidRegionError": "AWS_REGION is no region; expected one such as us-east-1, the bucket's",
    "ConfigParseError": "the AWS configuration file (AWS_CONFIG_FILE) cannot be read; correct it",
    "InvalidDefaultsMode": "AWS_DEFAULTS_MODE is none that AWS knows; correct it, or leave it away",
    "ProfileNotFound": "AWS_PROFILE names a profile that the AWS configuration does not have; correct it",
}
_UNREACHABLE = "cannot be reached; see the network, and AWS_ENDPOINT_URL_S3 where it is no store of AWS"


def code_of(error: BaseException) -> str:
    """The store's own word for what it refused; "" where it said none."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def in_words(error: BaseException, doing: str, region: str) -> str:
    """What is wrong and the remedy, to follow the URL; `doing` is the permission that was needed."""
    code = code_of(error)
    if not code:
        return _BY_NAME.get(type(error).__name__, _UNREACHABLE)
    if code in EXPIRED:
        return f"the credentials have expired; {REFRESH}"
    if code in UNKNOWN_KEY:
        return f"the store does not know these credentials ({code}); expected {ENVIRONMENT}"
    if code in FORBIDDEN:
        return f"no permission ({code}); these credentials need s3:{doing} here"
    if code == "NoSuchBucket":
        return "no such bucket; correct its name, make it first, or see AWS_REGION and AWS_ENDPOINT_URL_S3"
    if code in ELSEWHERE:
        return f"{_lies(error)}, asked was {region or 'no region'}; set AWS_REGION to the bucket's region"
    if code == "RequestTimeTooSkewed":
        return "this machine's clock is wrong by minutes, which the store refuses; set it right"
    status = error_status(error)
    if status >= 500 or code in ("SlowDown", "Throttling", "RequestTimeout"):
        return (
            f"the store fails ({status} {code}), after several tries; run the same command again later: what "
            "is finished is kept"
        )
    return f"the store refuses {doing} ({status} {code}); see its documentation"


def error_status(error: BaseException) -> int:
    """HTTP status of the answer; 0 where there was none."""
    response: Any = getattr(error, "response", None)
    if not isinstance(response, dict):
        return 0
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _lies(error: BaseException) -> str:
    response: Any = getattr(error, "response", {})
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region")
    return f"the bucket lies in {region}" if region else "the bucket lies in another region"
