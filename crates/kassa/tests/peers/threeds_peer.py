"""What the foreign directory server and ACS of ds_acs.py do with messages: everything but HTTP and TLS."""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import ssl
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import urlsplit

import threeds_pages as pages
import threeds_wire as wire
from threeds_fields import FORMAT, UUID, Fields, Refused, check, is_231, is_url, unknown_fields
from threeds_wire import ACCESS, BODY_MAX, DATA, JSON_TYPE, SERIAL, TRANSACTION_ID, emit, erro, violation

# First and last number, and what the 3DS Method does. The last two rows are the delta of the second serial number.
RANGES = [
    ("4000000000000000", "4916999999999999", "ok"),
    ("4917000000000000", "4917999999999999", "slow"),
    ("4918000000000000", "4999999999999999", "ok"),
    ("5100000000000000", "5599999999999999", "ok"),
    ("2221000000000000", "2720999999999999", "silent"),
    ("340000000000000", "349999999999999", None),
    ("370000000000000", "379999999999999", None),
    ("6700000000000000", "6799999999999999", "ok"),
    ("6700000000000000000", "6799999999999999999", "ok"),
]
DELETED_LATER = ("5018000000000", "5018009999999", "ok")
ADDED_LATER = ("630400000000000000", "630499999999999999", "ok")


@dataclass
class Transaction:
    """One AReq, and what became of it."""

    areq: Fields
    acs_id: str
    ds_id: str
    version: str
    status: str
    session_data: str | None = None
    creqs: int = 0
    tries: int = 0
    result: str | None = None
    rreqs: int = 0
    timer: threading.Timer | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def printed(self) -> Fields:
        facts = {"pan": wire.masked(self.areq["acctNumber"]), "amount": self.areq["purchaseAmount"]}
        facts |= {"transID": self.areq["threeDSServerTransID"], "version": self.version, "ares": self.status}
        return facts | {"result": self.result, "creqs": self.creqs, "rreqs": self.rreqs}


class Peer:
    """The directory server and the ACS: everything but HTTP."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.serial = 1
        self.ranges_given = False
        self.methods: dict[str, Mapping[str, str]] = {}
        self.transactions: dict[str, Transaction] = {}
        self.browser_url = ""
        self.client_tls: ssl.SSLContext | None = None

    # ---- the directory server ----

    def answer(self, data: bytes, headers: Mapping[str, str]) -> Fields | None:
        """What the 3DS Server is answered; None for nothing at all."""
        fields: Fields = {}
        try:
            fields = wire.parsed(data)
            kind = fields.get("messageType")
            emit(
                "message",
                type=kind,
                version=fields.get("messageVersion"),
                transID=fields.get("threeDSServerTransID"),
            )
            if kind == "Erro":
                violation(f"Erro {fields.get('errorCode')}: {fields.get('errorDetail')}")
                check(fields, "Erro")
                return {}
            if kind not in ("PReq", "AReq"):
                raise Refused("101", "messageType")
            if fields.get("messageVersion") not in self.options.versions:
                raise Refused("102" if fields.get("messageVersion") else "201", "messageVersion")
            if is_231(fields) and not headers.get("X-Request-ID"):
                raise Refused(FORMAT, "X-Request-ID is missing")
            check(fields, kind)
            strangers = unknown_fields(fields, kind)
            if strangers:
                emit("note", why=f"not of this table: {' '.join(strangers)}")
            return self.prepare(fields) if kind == "PReq" else self.authenticate(fields, headers)
        except Refused as refused:
            kind = fields.get("messageType")
            if refused.code == "102" and kind == "PReq":
                # How one finds out which versions are spoken here.
                emit("note", why=str(refused))
            else:
                violation(str(refused), fields.get("threeDSServerTransID"))
            return None if kind == "Erro" else erro(refused, fields, "D")

    def prepare(self, fields: Fields) -> Fields:
        """PReq: every range, or what has changed since the serial number."""
        version = fields["messageVersion"]
        known = fields.get("serialNum")
        if known is not None and known not in [str(serial) for serial in range(1, self.serial + 1)]:
            raise Refused(SERIAL, "serialNum")
        answer = {"messageType": "PRes", "messageVersion": version, "dsTransID": str(uuid.uuid4())}
        answer |= {"threeDSServerTransID": fields["threeDSServerTransID"], "serialNum": str(self.serial)}
        if version == "2.3.1":
            answer["dsProtocolVersions"] = self.options.versions
        else:
            answer |= {"dsStartProtocolVersion": min(self.options.versions)}
            answer |= {"dsEndProtocolVersion": max(self.options.versions)}
        rows = self.rows(None if known is None else int(known))
        if rows:
            answer["cardRangeData"] = [self.card_range(version, action, *row) for action, row in rows]
        self.ranges_given = True
        return answer

    def rows(self, known: int | None) -> list[tuple[str, tuple[str, str, str | None]]]:
        """Ranges with their action."""
        if known is None:
            current = [*RANGES, DELETED_LATER if self.serial == 1 else ADDED_LATER]
            return [("A", row) for row in current]
        return [("D", DELETED_LATER), ("A", ADDED_LATER)] if known == 1 < self.serial else []

    def card_range(self, version: str, action: str, first: str, last: str, method: str | None) -> Fields:
        url = {"threeDSMethodURL": f"{self.browser_url}/method/{method}"} if method else {}
        lowest, highest = min(self.options.versions), max(self.options.versions)
        bounds = {"startRange": first, "endRange": last}
        if version == "2.3.1":
            acs = [{"version": each, "acsInfoInd": ["01", "02"]} | url for each in self.options.versions]
            return {"actionInd": action, "ranges": [bounds], "acsProtocolVersions": acs}
        versions = {"acsStartProtocolVersion": lowest, "acsEndProtocolVersion": highest}
        versions |= {"dsStartProtocolVersion": lowest, "dsEndProtocolVersion": highest}
        return bounds | versions | {"actionInd": action, "acsInfoInd": ["01", "02"]} | url

    def authenticate(self, fields: Fields, headers: Mapping[str, str]) -> Fields | None:
        """AReq: checked against its table already; here against what is known."""
        pan, trans_id = fields["acctNumber"], fields["threeDSServerTransID"]
        if self.options.requestor_id and fields["threeDSRequestorID"] != self.options.requestor_id:
            raise Refused(ACCESS, "threeDSRequestorID")
        if trans_id in self.transactions:
            raise Refused(DATA, "threeDSServerTransID was used before")
        row = next(
            (row for _, row in self.rows(None) if len(row[0]) == len(pan) and row[0] <= pan <= row[1]), None
        )
        if row is None or not wire.passes_luhn(pan):
            raise Refused(DATA, "acctNumber")
        sent = datetime.strptime(fields["purchaseDate"], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
        if abs((datetime.now(timezone.utc) - sent).total_seconds()) > self.options.skew_s:
            raise Refused(DATA, "purchaseDate is not now")
        self.check_method(fields, row[2])
        status = self.status(fields)
        if status == "silent":
            emit("note", why="the AReq is never answered", transID=trans_id)
            time.sleep(self.options.silent_s)
            return None
        if status == "Erro":
            return erro(Refused("403", "as the card number wants"), fields, "A")
        transaction = Transaction(
            fields, str(uuid.uuid4()), str(uuid.uuid4()), fields["messageVersion"], status[0]
        )
        self.transactions[trans_id] = transaction
        return self.ares(transaction)

    def check_method(self, fields: Fields, method: str | None) -> None:
        """threeDSCompInd, and the browser that fetched the Method, are those of this AReq."""
        fetched = self.methods.get(fields["threeDSServerTransID"])
        said = fields["threeDSCompInd"]
        if said == "Y" and fetched is None:
            raise Refused(DATA, "threeDSCompInd is Y, and the Method was not fetched")
        if said == "U" and method and self.ranges_given:
            raise Refused(DATA, "threeDSCompInd is U, and the range has a Method")
        if said != "U" and not method:
            raise Refused(DATA, f"threeDSCompInd is {said}, and the range has no Method")
        if said == "Y" and method == "silent":
            raise Refused(DATA, "threeDSCompInd is Y, and the Method never called back")
        if fetched is not None:
            wire.check_browser(fields, fetched)

    def status(self, fields: Fields) -> str:
        wish = fields.get("threeDSRequestorChallengeInd", "01")
        wishes = wish if isinstance(wish, list) else [wish]
        digit = fields["acctNumber"][-2]
        if digit == "0" and {"04", "13"} & set(wishes):
            return "C"
        if digit == "0" and {"05", "06", "07"} & set(wishes):
            return "I"
        return {
            "0": "Y",
            "1": "C",
            "2": "N",
            "3": "A",
            "4": "R",
            "5": "U",
            "6": "N",
            "7": "C",
            "8": "silent",
        }.get(digit, "Erro")

    def ares(self, transaction: Transaction) -> Fields:
        fields, status = transaction.areq, transaction.status
        answer = self.known(transaction) | {"messageType": "ARes", "transStatus": status}
        answer |= {
            "acsReferenceNumber": "PEER_ACS_0001",
            "dsReferenceNumber": "PEER_DS_0001",
            "acsOperatorID": "peer",
        }
        answer |= self.outcome(transaction, status)
        reason = {"2": "01", "4": "11", "5": "22", "6": "13"}.get(fields["acctNumber"][-2])
        if reason and status in "NUR":
            answer["transStatusReason"] = reason
        if fields["acctNumber"][-2] == "6":
            answer["cardholderInfo"] = "Please call your bank: <b>0800 1234</b> & mention code 13."
        if status == "C":
            answer |= {"acsURL": f"{self.browser_url}/acs/challenge", "acsChallengeMandated": "Y"}
            answer |= {"authenticationMethod": ["02"]} if is_231(fields) else {"authenticationType": "02"}
            self.end_after(transaction, self.options.creq_within_s, "05")
        return answer

    def known(self, transaction: Transaction) -> Fields:
        """What every message about a transaction carries."""
        ids = {
            "threeDSServerTransID": transaction.areq["threeDSServerTransID"],
            "acsTransID": transaction.acs_id,
        }
        return ids | {"dsTransID": transaction.ds_id, "messageVersion": transaction.version}

    def outcome(self, transaction: Transaction, status: str) -> Fields:
        """ECI and AAV: HMAC-SHA-256 over the ds transaction, card, amount and ECI, cut to 20 bytes."""
        pan = transaction.areq["acctNumber"]
        mastercards = pan[0] in "256"
        eci = {"Y": "02" if mastercards else "05", "A": "01" if mastercards else "06"}.get(status)
        if eci is None:
            return {}
        said = transaction.ds_id + pan + str(int(transaction.areq["purchaseAmount"])) + eci
        value = hmac.digest(self.options.aav_key.encode(), said.encode(), hashlib.sha256)[:20]
        return {"eci": eci, "authenticationValue": base64.b64encode(value).decode()}

    # ---- the ACS ----

    def method(self, form: Mapping[str, str], headers: Mapping[str, str], how: str) -> str:
        """The page in the hidden frame."""
        fields = wire.from_form(form, "threeDSMethodData")
        trans_id, url = fields.get("threeDSServerTransID"), fields.get("threeDSMethodNotificationURL")
        if set(form) != {"threeDSMethodData"}:
            raise Refused(FORMAT, "the Method's form has other fields")
        if not UUID(trans_id):
            raise Refused(FORMAT, "threeDSServerTransID")
        if not is_url(url, 256):
            raise Refused(FORMAT, "threeDSMethodNotificationURL")
        if trans_id in self.methods:
            raise Refused(DATA, "the Method was fetched twice")
        wire.check_headers(headers)
        self.methods[trans_id] = headers
        if how == "slow":
            time.sleep(self.options.method_slow_s)
        if how == "silent":
            return pages.NOTHING
        return pages.posting(url, {"threeDSMethodData": wire.unpadded({"threeDSServerTransID": trans_id})})

    def challenge(self, form: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """CReq, as a browser posts it."""
        fields = wire.from_form(form, "creq")
        emit("message", type=fields.get("messageType"), transID=fields.get("threeDSServerTransID"))
        if fields.get("messageType") != "CReq":
            raise Refused("101", "messageType")
        check(fields, "CReq")
        transaction = self.transactions.get(fields["threeDSServerTransID"])
        if transaction is None or transaction.acs_id != fields["acsTransID"] or transaction.status != "C":
            raise Refused(TRANSACTION_ID, "acsTransID")
        if fields.get("messageVersion") != transaction.version:
            raise Refused("102", "messageVersion")
        strangers = set(form) - {"creq", "threeDSSessionData"}
        session_data = form.get("threeDSSessionData")
        if strangers or (session_data is not None and not 1 <= len(session_data) <= 1024):
            raise Refused(FORMAT, "threeDSSessionData")
        wire.check_headers(headers)
        wire.check_browser(transaction.areq, headers)
        transaction.creqs += 1
        if transaction.creqs > 1 or transaction.result is not None:
            raise Refused(TRANSACTION_ID, "a second CReq")
        transaction.session_data = session_data
        if transaction.areq["acctNumber"][-2] == "7":
            time.sleep(self.options.silent_s)
        self.end_after(transaction, self.options.challenge_within_s, "04")
        return pages.challenge(transaction.areq, wrong=False)

    def typed(self, form: Mapping[str, str]) -> str:
        """What the cardholder did on the challenge page."""
        transaction = self.transactions.get(form.get("transaction", ""))
        if transaction is None or transaction.creqs == 0:
            raise Refused(TRANSACTION_ID, "transaction")
        transaction.tries += 1
        if "cancel" in form:
            self.finish(transaction, "N", {"transStatusReason": "01", "challengeCancel": "01"})
        elif form.get("otp") == "1234":
            self.finish(transaction, "Y", {})
        elif transaction.tries >= 3:
            self.finish(transaction, "N", {"transStatusReason": "19"})
        else:
            return pages.challenge(transaction.areq, wrong=True)
        status = "Y" if self.options.forge_cres else transaction.result or "N"
        cres = self.known(transaction) | {"messageType": "CRes", "transStatus": status}
        del cres["dsTransID"]
        fields = {"cres": wire.unpadded(cres)}
        if transaction.session_data is not None:
            fields["threeDSSessionData"] = transaction.session_data
        return pages.posting(transaction.areq["notificationURL"], fields)

    def end_after(self, transaction: Transaction, seconds: float, cancel: str) -> None:
        """The challenge ends by itself when nothing comes in time."""
        if transaction.timer:
            transaction.timer.cancel()
        more = {"transStatusReason": "14", "challengeCancel": cancel}
        transaction.timer = threading.Timer(seconds, self.finish, (transaction, "N", more))
        transaction.timer.daemon = True
        transaction.timer.start()

    def finish(self, transaction: Transaction, status: str, more: Fields) -> None:
        """The result, once, and its RReq as --rreq wants it."""
        with transaction.lock:
            if transaction.result is not None:
                return
            transaction.result = status
            if transaction.timer:
                transaction.timer.cancel()
        how = self.options.rreq
        if how == "after":
            threading.Timer(self.options.rreq_after_s, self.report, (transaction, status, more)).start()
        elif how != "missing":
            self.report(transaction, status, more)
        if how == "twice":
            self.report(transaction, status, more, again=True)

    def report(self, transaction: Transaction, status: str, more: Fields, again: bool = False) -> None:
        """RReq to the 3DS Server, and its RRes."""
        rreq = (
            self.known(transaction)
            | {"messageType": "RReq", "messageCategory": "01", "transStatus": status}
            | more
        )
        rreq |= {"interactionCounter": f"{transaction.tries:02}"} | self.outcome(transaction, status)
        in_231 = transaction.version == "2.3.1"
        rreq |= (
            {"authenticationMethod": ["02"]}
            if in_231
            else {"authenticationMethod": "02", "authenticationType": "02"}
        )
        transaction.rreqs += 1
        trans_id, started = transaction.areq["threeDSServerTransID"], time.monotonic()
        try:
            answer, headers = self.post(transaction.areq["threeDSServerURL"], rreq)
            if time.monotonic() - started > 3:
                violation("RRes took longer than 3 s", trans_id)
            self.check_rres(transaction, answer, headers, again)
        except (OSError, http.client.HTTPException) as error:
            violation(f"RReq could not be delivered: {error}", trans_id)
        except Refused as refused:
            violation(f"RRes: {refused}", trans_id)

    def post(self, url: str, fields: Fields) -> tuple[Fields, Mapping[str, str]]:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            link: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=5, context=self.client_tls
            )
        else:
            link = http.client.HTTPConnection(host, port, timeout=5)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": JSON_TYPE}
        if is_231(fields):
            headers["X-Request-ID"] = str(uuid.uuid4())
        try:
            link.request("POST", path, json.dumps(fields), headers)
            response = link.getresponse()
            data = response.read(BODY_MAX)
            if response.status != 200:
                raise Refused("101", f"HTTP {response.status}")
            return wire.parsed(data), response.headers
        finally:
            link.close()

    def check_rres(
        self, transaction: Transaction, answer: Fields, headers: Mapping[str, str], again: bool
    ) -> None:
        kind = answer.get("messageType")
        emit("message", type=kind, transID=transaction.areq["threeDSServerTransID"])
        if not wire.is_json(headers.get("Content-Type")):
            raise Refused(FORMAT, "Content-Type")
        if kind == "Erro":
            check(answer, "Erro")
            if not again:
                raise Refused(answer["errorCode"], answer["errorDetail"])
            return
        if kind != "RRes" or again:
            raise Refused("101", "a second RReq is answered with Erro" if again else "messageType")
        check(answer, "RRes")
        for name, value in self.known(transaction).items():
            if answer.get(name) != value:
                raise Refused(TRANSACTION_ID, name)

    def printed(self) -> Fields:
        return {"transactions": [transaction.printed() for transaction in self.transactions.values()]}
