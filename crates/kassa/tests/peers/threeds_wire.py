"""What ds_acs.py reads and writes around its messages: JSON, base64url, forms, Erro, and the browser's headers."""

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any

from threeds_fields import FORMAT, VERSIONS, Fields, Refused

JSON_TYPE = "application/json; charset=utf-8"
BODY_MAX = 256 * 1024
DUPLICATE, TRANSACTION_ID, ACCESS, DATA, SERIAL = "204", "301", "303", "305", "307"
DESCRIPTIONS = {
    "101": "message not recognised",
    "102": "version not supported",
    "201": "required element missing",
    "202": "critical extension not recognised",
    "203": "format of an element invalid",
    "204": "duplicate element",
    "301": "transaction id not recognised",
    "303": "access denied",
    "304": "ISO code invalid",
    "305": "transaction data not valid",
    "306": "merchant category code not valid",
    "307": "serial number not valid",
    "403": "transient system failure",
}


def emit(event: str, **facts: object) -> None:
    """One event, as one line."""
    sys.stdout.write(json.dumps({"event": event} | facts) + "\n")
    sys.stdout.flush()


def masked(pan: object) -> str:
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}" if isinstance(pan, str) and len(pan) > 12 else "?"


def unpadded(fields: Fields) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def parsed(data: bytes) -> Fields:
    """A JSON object without a name twice."""

    def once(pairs: list[tuple[str, Any]]) -> Fields:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Refused(DUPLICATE, twice)
        return dict(pairs)

    try:
        fields = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except ValueError as error:
        raise Refused("101", "not JSON") from error
    if not isinstance(fields, dict):
        raise Refused("101", "not an object")
    return fields


def from_form(form: Mapping[str, str], name: str) -> Fields:
    """A field of a form that holds base64url without padding."""
    value = form.get(name, "")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if not value or not set(value) <= set(alphabet) or len(value) % 4 == 1:
        raise Refused(FORMAT, f"{name} is not base64url without padding")
    return parsed(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))


def passes_luhn(pan: str) -> bool:
    digits = [int(digit) for digit in reversed(pan)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def is_json(content_type: str | None) -> bool:
    return (content_type or "").lower().replace(" ", "") == "application/json;charset=utf-8"


def check_headers(headers: Mapping[str, str]) -> None:
    if not headers.get("User-Agent") or "text/html" not in headers.get("Accept", ""):
        raise Refused(FORMAT, "this is no browser: User-Agent or Accept")


def check_browser(fields: Fields, headers: Mapping[str, str]) -> None:
    """The AReq describes the browser that is really there."""
    if fields["browserUserAgent"] != headers.get("User-Agent", "")[:2048]:
        raise Refused(DATA, "browserUserAgent is another browser's")
    language = headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip()
    said = fields.get("browserLanguage", language)
    if language and said.lower() != language.lower()[:8]:
        raise Refused(DATA, f"browserLanguage is {said}, the browser's is {language}")


def violation(why: str, trans_id: object = None) -> None:
    emit("violation", why=why, transID=trans_id)


def erro(refused: Refused, fields: Fields, component: str) -> Fields:
    version = fields.get("messageVersion")
    answer = {"messageType": "Erro", "messageVersion": version if version in VERSIONS else max(VERSIONS)}
    answer |= {"errorCode": refused.code, "errorComponent": component, "errorDetail": refused.detail[:2048]}
    answer |= {"errorDescription": DESCRIPTIONS.get(refused.code, "refused")}
    for name, source in (
        ("threeDSServerTransID", "threeDSServerTransID"),
        ("errorMessageType", "messageType"),
    ):
        if isinstance(fields.get(source), str):
            answer[name] = fields[source]
    return answer
