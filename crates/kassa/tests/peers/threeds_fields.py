"""The field tables of the foreign directory server and ACS: EMV 3-D Secure 2.2.0 and 2.3.1, browser payments.

Written from the documentation of the messages alone, apart from Kassa's own types. A row is a name, when it has to be
there, and how it is written. `check` gives the first reason to refuse a message, or nothing. Unknown fields are
ignored, as the specification wants; an empty field or null counts as missing where the field is required, and is
badly formed where it is not. Numbers are strings; only the fields marked BOOL are JSON booleans.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from iso_codes import COUNTRIES, CURRENCIES

Fields = dict[str, Any]
Test = Callable[[Any], bool]

VERSIONS = ("2.2.0", "2.3.1")
MISSING, CRITICAL_EXTENSION, FORMAT, ISO_CODE, MCC = "201", "202", "203", "304", "306"


class Refused(Exception):
    """A message that is answered with Erro."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code} {detail}")
        self.code = code
        self.detail = detail


def text(least: int, most: int) -> Test:
    return lambda value: isinstance(value, str) and least <= len(value) <= most and value.strip() != ""


def like(pattern: str) -> Test:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def one_of(values: str) -> Test:
    known = values.split()
    return lambda value: isinstance(value, str) and value in known


def list_of(most: int, test: Test) -> Test:
    return lambda value: isinstance(value, list) and 1 <= len(value) <= most and all(map(test, value))


def is_url(value: Any, most: int = 2048) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isascii() or " " in value:
        return False
    parts = urlsplit(value)
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return (
        bool(parts.hostname)
        and not parts.fragment
        and (parts.scheme == "https" or parts.scheme == "http" and loopback)
    )


def is_moment(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{14}", value):
        return False
    try:
        datetime.strptime(value, "%Y%m%d%H%M%S")
    except ValueError:
        return False
    return True


def is_address(value: Any) -> bool:
    try:
        ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


def is_phone(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and like(r"\d{1,3}")(value.get("cc"))
        and like(r"\d{1,15}")(value.get("subscriber"))
        and value.keys() == {"cc", "subscriber"}
    )


def is_time_zone(value: Any) -> bool:
    """Minutes, positive behind UTC."""
    return like(r"[+-]?\d{1,4}")(value) and -840 <= int(value) <= 720


def strings(value: Any) -> bool:
    """An object whose members are non-empty strings."""
    return isinstance(value, dict) and bool(value) and all(isinstance(v, str) and v for v in value.values())


def is_bool(value: Any) -> bool:
    return isinstance(value, bool)


UUID = like(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
YES_NO = one_of("Y N")
COUNTRY = like(r"\d{3}")
ALWAYS: Callable[[Fields], bool] = lambda fields: True
NEVER: Callable[[Fields], bool] = lambda fields: False


def with_script(fields: Fields) -> bool:
    return fields.get("browserJavascriptEnabled") is True


def recurring(fields: Fields) -> bool:
    return fields.get("threeDSRequestorAuthenticationInd") in ("02", "03")


def is_231(fields: Fields) -> bool:
    return fields.get("messageVersion") == "2.3.1"


def in_231(when: Callable[[Fields], bool]) -> Callable[[Fields], bool]:
    return lambda fields: is_231(fields) and when(fields)


def in_220(when: Callable[[Fields], bool]) -> Callable[[Fields], bool]:
    return lambda fields: not is_231(fields) and when(fields)


Row = tuple[str, Callable[[Fields], bool], Test]

PREQ: list[Row] = [
    ("threeDSServerTransID", ALWAYS, UUID),
    ("threeDSServerRefNumber", ALWAYS, text(1, 32)),
    ("threeDSServerOperatorID", NEVER, text(1, 32)),
    ("serialNum", NEVER, text(1, 20)),
    ("cardRangeDataDownloadInd", NEVER, one_of("Y N")),
]

AREQ: list[Row] = [
    ("messageCategory", ALWAYS, one_of("01 02")),
    ("deviceChannel", ALWAYS, one_of("02")),
    ("threeDSServerTransID", ALWAYS, UUID),
    ("threeDSServerRefNumber", ALWAYS, text(1, 32)),
    ("threeDSServerURL", ALWAYS, is_url),
    ("threeDSServerOperatorID", NEVER, text(1, 32)),
    ("threeDSRequestorID", ALWAYS, text(1, 35)),
    ("threeDSRequestorName", ALWAYS, text(1, 40)),
    ("threeDSRequestorURL", ALWAYS, is_url),
    ("threeDSRequestorAuthenticationInd", ALWAYS, like(r"0[1-9]|1\d")),
    ("threeDSRequestorDecReqInd", NEVER, YES_NO),
    ("threeDSRequestorDecMaxTime", lambda f: f.get("threeDSRequestorDecReqInd") == "Y", like(r"\d{5}")),
    ("threeDSRequestorAuthenticationInfo", NEVER, lambda v: isinstance(v, (dict, list)) and bool(v)),
    ("threeDSRequestorPriorAuthenticationInfo", NEVER, lambda v: isinstance(v, (dict, list)) and bool(v)),
    ("threeDSCompInd", ALWAYS, one_of("Y N U")),
    ("notificationURL", ALWAYS, lambda v: is_url(v, 256)),
    ("browserAcceptHeader", ALWAYS, text(1, 2048)),
    ("browserUserAgent", ALWAYS, text(1, 2048)),
    ("browserJavascriptEnabled", ALWAYS, is_bool),
    ("browserLanguage", in_220(ALWAYS), like(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,5}){0,2}")),
    ("browserJavaEnabled", with_script, is_bool),
    ("browserColorDepth", with_script, one_of("1 4 8 15 16 24 32 48")),
    ("browserScreenHeight", with_script, like(r"\d{1,6}")),
    ("browserScreenWidth", with_script, like(r"\d{1,6}")),
    ("browserTZ", with_script, is_time_zone),
    ("browserIP", NEVER, is_address),
    ("acctNumber", ALWAYS, like(r"\d{13,19}")),
    ("cardExpiryDate", ALWAYS, like(r"\d\d(0[1-9]|1[0-2])")),
    ("acctType", NEVER, one_of("01 02 03")),
    ("cardholderName", NEVER, text(2, 45)),
    ("purchaseAmount", ALWAYS, like(r"\d{1,48}")),
    ("purchaseCurrency", ALWAYS, like(r"\d{3}")),
    ("purchaseExponent", ALWAYS, like(r"\d")),
    ("purchaseDate", ALWAYS, is_moment),
    ("purchaseInstalData", lambda f: f.get("threeDSRequestorAuthenticationInd") == "03", like(r"\d{1,3}")),
    ("recurringExpiry", in_220(recurring), like(r"\d{8}")),
    ("recurringFrequency", in_220(recurring), like(r"\d{1,4}")),
    ("transType", NEVER, one_of("01 03 10 11 28")),
    ("acquirerBIN", ALWAYS, like(r"\d{1,11}")),
    ("acquirerMerchantID", ALWAYS, text(1, 35)),
    ("mcc", ALWAYS, like(r"\d{4}")),
    ("merchantCountryCode", ALWAYS, COUNTRY),
    ("merchantName", ALWAYS, text(1, 40)),
    ("billAddrCity", NEVER, text(1, 50)),
    ("billAddrCountry", lambda f: "billAddrState" in f, COUNTRY),
    ("billAddrLine1", NEVER, text(1, 50)),
    ("billAddrLine2", NEVER, text(1, 50)),
    ("billAddrLine3", NEVER, text(1, 50)),
    ("billAddrPostCode", NEVER, text(1, 16)),
    ("billAddrState", NEVER, like(r"[A-Za-z0-9]{1,3}")),
    ("shipAddrCity", NEVER, text(1, 50)),
    ("shipAddrCountry", lambda f: "shipAddrState" in f, COUNTRY),
    ("shipAddrLine1", NEVER, text(1, 50)),
    ("shipAddrLine2", NEVER, text(1, 50)),
    ("shipAddrLine3", NEVER, text(1, 50)),
    ("shipAddrPostCode", NEVER, text(1, 16)),
    ("shipAddrState", NEVER, like(r"[A-Za-z0-9]{1,3}")),
    ("addrMatch", NEVER, YES_NO),
    ("email", NEVER, like(r"(?=.{3,254}$)[^@\s]+@[^@\s]+")),
    ("homePhone", NEVER, is_phone),
    ("mobilePhone", NEVER, is_phone),
    ("workPhone", NEVER, is_phone),
    ("acctID", NEVER, text(1, 64)),
    ("acctInfo", NEVER, strings),
    ("merchantRiskIndicator", NEVER, lambda v: isinstance(v, dict) and bool(v)),
    ("payTokenInd", NEVER, lambda v: v is True),
    ("acceptLanguage", in_231(ALWAYS), list_of(99, text(1, 100))),
    ("acquirerCountryCode", in_231(ALWAYS), COUNTRY),
    ("acquirerCountryCodeSource", in_231(ALWAYS), one_of("01 02")),
    ("threeDSMethodId", NEVER, text(1, 36)),
    ("threeDSRequestorSpcSupport", NEVER, one_of("Y")),
    ("cardSecurityCode", NEVER, like(r"\d{3,4}")),
]

CREQ: list[Row] = [
    ("threeDSServerTransID", ALWAYS, UUID),
    ("acsTransID", ALWAYS, UUID),
    ("challengeWindowSize", ALWAYS, one_of("01 02 03 04 05")),
]

RRES: list[Row] = [
    ("threeDSServerTransID", ALWAYS, UUID),
    ("acsTransID", ALWAYS, UUID),
    ("dsTransID", ALWAYS, UUID),
    ("resultsStatus", ALWAYS, one_of("01 02 03")),
]

ERRO: list[Row] = [
    ("errorCode", ALWAYS, like(r"[1-4]\d\d")),
    ("errorComponent", ALWAYS, one_of("C S D A")),
    ("errorDescription", ALWAYS, text(1, 2048)),
    ("errorDetail", ALWAYS, text(1, 2048)),
]

TABLES = {"PReq": PREQ, "AReq": AREQ, "CReq": CREQ, "RRes": RRES, "Erro": ERRO}


def check(fields: Fields, kind: str) -> None:
    """Raises the first reason to refuse a message of this type and a version we speak."""
    for name, required, test in TABLES[kind]:
        value = fields.get(name)
        empty = value is None or value == "" or value == [] or value == {}
        if required(fields) and empty:
            raise Refused(MISSING, name)
        if name in fields and (empty or not test(value)):
            raise Refused(FORMAT, name)
    check_extensions(fields)
    if kind == "AReq":
        check_challenge_ind(fields)
        check_codes(fields)


def check_extensions(fields: Fields) -> None:
    if "messageExtension" not in fields:
        return
    items = fields["messageExtension"]
    most = 15 if is_231(fields) else 10
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise Refused(FORMAT, "messageExtension")
    for item in items:
        well_formed = (
            isinstance(item, dict)
            and text(1, 64)(item.get("name"))
            and text(1, 64)(item.get("id"))
            and is_bool(item.get("criticalityIndicator"))
            and isinstance(item.get("data"), dict)
        )
        if not well_formed:
            raise Refused(FORMAT, "messageExtension")
        if item["criticalityIndicator"]:
            raise Refused(CRITICAL_EXTENSION, item["id"])


def check_challenge_ind(fields: Fields) -> None:
    """One code in 2.2.0, up to two of them in 2.3.1."""
    name = "threeDSRequestorChallengeInd"
    if name not in fields:
        return
    code_220, code_231 = like(r"0[1-9]"), like(r"0[1-9]|1[0-4]")
    test = list_of(2, code_231) if is_231(fields) else code_220
    if not test(fields[name]):
        raise Refused(FORMAT, name)


def check_codes(fields: Fields) -> None:
    if fields["purchaseCurrency"] not in CURRENCIES:
        raise Refused(ISO_CODE, "purchaseCurrency")
    for name in ("merchantCountryCode", "billAddrCountry", "shipAddrCountry", "acquirerCountryCode"):
        if name in fields and fields[name] not in COUNTRIES:
            raise Refused(ISO_CODE, name)
    if fields["mcc"] == "0000":
        raise Refused(MCC, "mcc")


def unknown_fields(fields: Fields, kind: str) -> Iterable[str]:
    """Names that no table has; they are only told, never refused."""
    known = {row[0] for row in TABLES[kind]}
    known |= {
        "messageType",
        "messageVersion",
        "messageExtension",
        "threeDSRequestorChallengeInd",
        "errorMessageType",
    }
    return sorted(fields.keys() - known)
