"""The field table of the acquirer's host: which data elements a message has, and how each is written.

ISO 8583:1987 for e-commerce, profile B (ASCII, raw bitmap). Written from the documentation of the messages alone,
apart from Kassa's own types. `problems` is the whole of it: a message in, every reason to refuse it out.
"""

import base64
import binascii
import re
from datetime import datetime, timedelta, timezone

Message = dict[str, str]

REPEATS = {"0101": "0100", "0121": "0120", "0201": "0200", "0221": "0220", "0401": "0400", "0421": "0420"}
RESPONSES = {"0100": "0110", "0120": "0130", "0200": "0210", "0220": "0230", "0400": "0410", "0420": "0430"}
RESPONSES |= {"0600": "0610", "0800": "0810"}
SIGN_ON, SIGN_OFF, CUTOVER, ECHO = "001", "002", "201", "301"

# What every message about a card carries, and what may come with it.
ABOUT_A_CARD = "3 4 7 11 12 13 32 37 41 42 49"
A_SALE = f"{ABOUT_A_CARD} 2 14 18 19 22 25 43"

# MTI (or MTI and use): the data elements that must be there, and those that may be.
ELEMENTS = {
    "0100": (A_SALE, "24 33 48 60 61 62 63 126"),
    "0120": (f"{ABOUT_A_CARD} 2 14 22 25 39", "18 19 24 33 38 43 48 60 61 62 63 126"),
    "0200": (A_SALE, "24 33 48 60 61 62 63 126"),
    "refund": (f"{ABOUT_A_CARD} 22 25", "2 14 18 19 24 33 38 43 48 60 61 62 63 90"),
    "0220": (f"{ABOUT_A_CARD} 22 25 90", "2 14 18 19 24 33 38 39 43 48 60 61 62 63"),
    "0400": (f"{ABOUT_A_CARD} 39 90", "2 14 18 19 22 24 25 33 38 43 60 61 62 63 95"),
    "0420": (f"{ABOUT_A_CARD} 39 90", "2 14 18 19 22 24 25 33 38 43 60 61 62 63 95"),
    "0600": (f"{ABOUT_A_CARD} 90", "2 22 25 33 38"),
    "0800": ("7 11 70", "15 32 33"),
}

# Never in a message of e-commerce: tracks, PIN, chip, and a MAC where no key was agreed.
FORBIDDEN = {
    "35": "track 2",
    "36": "track 3",
    "45": "track 1",
    "52": "a PIN",
    "53": "PIN data",
    "55": "chip data",
}
FORBIDDEN |= {"64": "a MAC without a key", "128": "a MAC without a key", "65": "a third bitmap"}

FORMATS = {
    "2": r"\d{12,19}",
    "3": r"(00|20)0000",
    "4": r"\d{12}",
    "11": r"(?!000000)\d{6}",
    "14": r"\d\d(0[1-9]|1[0-2])",
    "15": r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])",
    "18": r"\d{4}",
    "19": r"(?!000)\d{3}",
    "22": r"010|012|100|102|810|812",
    "24": r"\d{3}",
    "25": r"08|59",
    "32": r"\d{1,11}",
    "33": r"\d{1,11}",
    "37": r"[0-9A-Za-z]{12}",
    "38": r"[0-9A-Za-z]{1,6} {0,5}",
    "39": r"[0-9A-Z]{2}",
    "41": r"(?! )[\x20-\x7e]{8}",
    "42": r"(?! )[\x20-\x7e]{15}",
    "43": r"(?! )[\x20-\x7e]{22} (?! )[\x20-\x7e]{13} [A-Z]{3}",
    "49": r"(?!000)\d{3}",
    "60": r"[\x20-\x7e]{1,999}",
    "62": r"[\x20-\x7e]{1,999}",
    "63": r"[\x20-\x7e]{1,999}",
    "61": r"\d{16}[0-9A-Za-z ]{0,10}",
    "70": r"001|002|201|301",
    "90": r"0[1246]\d[01]\d{38}",
    "95": r"\d{12}0{30}",
}
# Position by position: attendance 1, location 2, cardholder 5 (electronic order), card absent 1, status, category 6,
# life cycle, country, and perhaps a postcode.
POINT_OF_SERVICE = re.compile(r"1\d251\d(?P<status>[048])\d\d6\d\d\d(?P<country>\d{3})[0-9A-Za-z ]{0,10}")
REVERSAL_REASONS = {"10", "17", "21", "22", "32", "68"}
SECURITY_LEVELS = {"210", "211", "212", "215", "216", "217", "242", "246", "247"}


def original_mti(mti: str) -> str:
    """The MTI that a repeat repeats; any other stays itself."""
    return REPEATS.get(mti, mti)


def is_refund(message: Message) -> bool:
    return message["t"][1] in "12" and message.get("3", "").startswith("20")


def passes_luhn(pan: str) -> bool:
    """The check digit, counted from the right: every second digit doubled."""
    digits = [int(digit) for digit in reversed(pan)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def masked(pan: str) -> str:
    """First six and last four; of a short one the last four."""
    shown = 6 if len(pan) > 12 else 0
    return pan[:shown] + "*" * (len(pan) - shown - 4) + pan[-4:]


def speaks_mastercard(pan: str) -> bool:
    """Whether DE 48 is laid out as Mastercard and Maestro have it."""
    return is_maestro(pan) or "51" <= pan[:2] <= "55" or "2221" <= pan[:4] <= "2720"


def is_maestro(pan: str) -> bool:
    return pan[:2] in ("50", "56", "57", "58", "63", "67")


def moment(text: str, now: datetime) -> datetime | None:
    """MMDDhhmmss as the nearest such moment to `now`."""
    if not re.fullmatch(r"\d{10}", text):
        return None
    moments = []
    for year in (now.year - 1, now.year, now.year + 1):
        try:
            moments.append(datetime.strptime(f"{year}{text}", "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc))
        except ValueError:
            continue
    return min(moments, key=lambda found: abs(found - now), default=None)


def problems(message: Message, now: datetime, skew: timedelta) -> list[str]:
    """Every reason why this message is refused; none when it is as it has to be."""
    mti = original_mti(message["t"])
    table = ELEMENTS.get("refund" if is_refund(message) and mti == "0200" else mti)
    if table is None:
        return [f"MTI {message['t']} is not spoken here"]
    required, optional = (columns.split() for columns in table)
    present = [key for key in message if key.isdigit() and key != "1"]
    found = [f"DE {key} is missing" for key in required if key not in message]
    found += [f"DE {key}: {what} has no place here" for key, what in FORBIDDEN.items() if key in message]
    strangers = set(present) - set(required) - set(optional) - set(FORBIDDEN)
    found += [f"DE {key} does not belong in {message['t']}" for key in sorted(strangers, key=int)]
    for key in present:
        if key in FORMATS and not re.fullmatch(FORMATS[key], message[key]):
            shown = masked(message[key]) if key == "2" else message[key]
            found.append(f"DE {key} is badly formed: {shown!r}")
    if found:
        return found
    return times(message, now, skew) + contents(message, mti)


def times(message: Message, now: datetime, skew: timedelta) -> list[str]:
    """DE 7 is now, in UTC, and DE 12 and 13 are the same moment somewhere on Earth."""
    sent = moment(message["7"], now)
    if sent is None:
        return [f"DE 7 is no moment: {message['7']!r}"]
    found = []
    is_repeat = message["t"] in REPEATS
    if not is_repeat and abs(sent - now) > skew:
        found.append(f"DE 7 is not now: {message['7']!r}")
    if "12" not in message:
        return found
    local = moment(message["13"] + message["12"], sent)
    if local is None:
        found.append(f"DE 13 and 12 are no moment: {message['13']!r} {message['12']!r}")
    elif message["t"] in ("0100", "0200") and not timedelta(hours=-12) <= local - sent <= timedelta(hours=14):
        found.append("DE 13 and 12 are of no time zone")
    return found


def contents(message: Message, mti: str) -> list[str]:
    """What one data element says about another."""
    found = []
    pan = message.get("2", "")
    if pan and not passes_luhn(pan):
        found.append("DE 2 fails its check digit")
    if "43" in message and not message["43"].isascii():
        found.append("DE 43 is not ASCII")
    if mti == "0800" and (message["70"] == CUTOVER) != ("15" in message):
        found.append("DE 15 goes with a cutover, and only with that")
    if message.get("22") in ("810", "812") and message.get("25", "59") != "59":
        found.append("DE 22 is e-commerce and DE 25 is not")
    if message.get("22") in ("010", "012") and message.get("25", "08") != "08":
        found.append("DE 22 is a typed order and DE 25 is not")
    if "90" in message:
        found += original_data(message)
    if mti in ("0400", "0420") and message["39"] not in REVERSAL_REASONS:
        found.append(f"DE 39 is no reason for a reversal: {message['39']!r}")
    if mti in ("0100", "0200") and not is_refund(message):
        found += payment(message, pan)
    return found


def original_data(message: Message) -> list[str]:
    """DE 90: MTI, STAN, DE 7, and DE 32 and 33 filled with zeros on the left."""
    text = message["90"]
    found = []
    if text[:4] not in ("0100", "0120", "0200"):
        found.append(f"DE 90 names an MTI that is not undone: {text[:4]}")
    if text[4:10] == "000000":
        found.append("DE 90 has no STAN")
    if moment(text[10:20], datetime.now(timezone.utc)) is None:
        found.append("DE 90 has no moment")
    if text[20:31] != message["32"].zfill(11):
        found.append("DE 90 has another DE 32")
    if text[31:] != message.get("33", "").zfill(11):
        found.append("DE 90 has another DE 33")
    return found


def payment(message: Message, pan: str) -> list[str]:
    """DE 48, 61 and 126 of an authorisation or a sale."""
    found = []
    mastercards = speaks_mastercard(pan)
    if mastercards and "48" not in message:
        return ["DE 48 is missing for this brand"]
    if mastercards and "61" not in message:
        return ["DE 61 is missing for this brand"]
    if mastercards and "126" in message:
        found.append("DE 126 is not of this brand")
    if "61" in message:
        found += point_of_service(message)
    if "126" in message and tagged(message["126"]) is None:
        found.append("DE 126 is badly formed")
    if "48" in message:
        found += private(message["48"], pan, mastercards, message["22"])
    return found


def point_of_service(message: Message) -> list[str]:
    """DE 61 agrees with the amount and the country."""
    match = POINT_OF_SERVICE.fullmatch(message["61"])
    if not match:
        return [f"DE 61 is not an electronic order: {message['61']!r}"]
    found = []
    if match["country"] != message["19"]:
        found.append("DE 61 has another country than DE 19")
    if (match["status"] == "8") != (int(message["4"]) == 0):
        found.append("DE 61 position 7 does not agree with the amount")
    return found


def tagged(text: str) -> dict[str, str] | None:
    """Tags of two digits, lengths of two digits; none twice and nothing left over."""
    tags: dict[str, str] = {}
    while text:
        match = re.match(r"(\d\d)(\d\d)", text)
        if not match or match[1] in tags or len(text) < 4 + int(match[2]):
            return None
        tags[match[1]] = text[4 : 4 + int(match[2])]
        text = text[4 + int(match[2]) :]
    return tags


def private(text: str, pan: str, mastercards: bool, entry_mode: str) -> list[str]:
    """DE 48: a category, then what was proven about the cardholder."""
    tags = tagged(text[1:])
    if text[:1] != "T" or tags is None:
        return ["DE 48 is badly formed"]
    found = []
    if mastercards:
        found += security_level(tags, pan, entry_mode)
    elif tags.keys() & {"42", "43", "92"}:
        found.append("DE 48 has tags of another brand")
    if "66" in tags and not is_programme_data(tags["66"]):
        found.append("DE 48.66 is badly formed")
    if "92" in tags and not re.fullmatch(r"\d{3}", tags["92"]):
        found.append("DE 48.92 is badly formed")
    return found


def security_level(tags: dict[str, str], pan: str, entry_mode: str) -> list[str]:
    """DE 48.42 and 48.43 for Mastercard and Maestro."""
    level = tags.get("42", "")
    if level[:4] != "0103" or level[4:] not in SECURITY_LEVELS:
        return ["DE 48.42 is missing or unknown"]
    found = []
    proven = level[4:] in ("211", "212")
    if proven and not is_aav(tags.get("43", "")):
        found.append("DE 48.43 is no AAV of 20 bytes")
    if level[4:] == "210" and "43" in tags:
        found.append("DE 48.43 goes with no SLI of 210")
    if level[4:] == "217" and entry_mode not in ("100", "102"):
        found.append("DE 48.42 is a follow-up and DE 22 is no kept card")
    if is_maestro(pan) and level[4:] not in ("211", "212", "217"):
        found.append("Maestro without authentication")
    return found


def is_aav(text: str) -> bool:
    try:
        return len(text) == 28 and len(base64.b64decode(text, validate=True)) == 20
    except (binascii.Error, ValueError):
        return False


def is_programme_data(text: str) -> bool:
    """DE 48.66: protocol 2, and the transaction's id at the directory server."""
    return re.fullmatch(r"010120236[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None
