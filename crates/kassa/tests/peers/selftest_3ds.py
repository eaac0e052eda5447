"""Proves the strictness of ds_acs.py: correct conversations pass, every mutated message is refused with its code.

This file plays the 3DS Server and the browser, by hand.
"""

import base64
import html
import json
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from selftest_acquirer import HERE, Peer
from selftest_3ds_mutations import BROWSER, GONE, MUTATIONS, MUTATIONS_231, base_areq

Fields = dict[str, Any]
FRICTIONLESS, CHALLENGED = "6799990000000000003", "6799990000000000011"
JSON_TYPE = "application/json; charset=utf-8"


class ThreeDSServer(ThreadingHTTPServer):
    """Takes RReqs, and answers them well or as `spoil` wants."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), RReqHandler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.rreqs: list[Fields] = []
        self.spoil: Fields = {}
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server_address[1]}/3ds/results"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class RReqHandler(BaseHTTPRequestHandler):
    server: ThreeDSServer

    def do_POST(self) -> None:
        rreq = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_second = any(known["acsTransID"] == rreq["acsTransID"] for known in self.server.rreqs)
        self.server.rreqs.append(rreq)
        names = ("threeDSServerTransID", "acsTransID", "dsTransID", "messageVersion")
        answer = {name: rreq[name] for name in names} | {"messageType": "RRes", "resultsStatus": "01"}
        if is_second:
            answer = {
                "messageType": "Erro",
                "errorCode": "301",
                "errorComponent": "S",
                "errorDetail": "acsTransID",
            }
            answer |= {"errorDescription": "known already", "messageVersion": rreq["messageVersion"]}
        answer = edited(answer, self.server.spoil)
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", JSON_TYPE)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def edited(fields: Fields, changes: Fields) -> Fields:
    return {name: value for name, value in (fields | changes).items() if value is not GONE}


def unpadded(fields: Fields) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


class Conversation:
    """One peer, and a 3DS Server with a browser that talk to it."""

    def __init__(self, *options: str, tls: Path | None = None) -> None:
        self.peer = Peer([sys.executable, str(HERE / "ds_acs.py"), *options])
        self.browser_port = self.peer.wait_for("listening")["browsers"]
        self.tls = client_context(tls, "server") if tls else None
        self.server = ThreeDSServer(server_context(tls) if tls else None)

    def tell(self, message: Fields | bytes, headers: dict[str, str] | None = None) -> Fields:
        body = message if isinstance(message, bytes) else json.dumps(message)
        headers = (
            headers if headers is not None else {"Content-Type": JSON_TYPE, "X-Request-ID": str(uuid.uuid4())}
        )
        if self.tls:
            link: HTTPConnection = HTTPSConnection("127.0.0.1", self.peer.port, timeout=5, context=self.tls)
        else:
            link = HTTPConnection("127.0.0.1", self.peer.port, timeout=5)
        link.request("POST", "/ds", body, headers)
        response = link.getresponse()
        data = response.read()
        return json.loads(data) if response.status == 200 and data else {"status": response.status}

    def browse(self, url: str, form: Fields, headers: dict[str, str] = BROWSER) -> str:
        link = HTTPConnection("127.0.0.1", self.browser_port, timeout=5)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        link.request("POST", urlsplit(url).path, urlencode(form), headers)
        return link.getresponse().read().decode()

    def method(self, trans_id: str, url: str = "/method/ok") -> str:
        data = {"threeDSServerTransID": trans_id, "threeDSMethodNotificationURL": "http://127.0.0.1:1/method"}
        return self.browse(url, {"threeDSMethodData": unpadded(data)})

    def areq(self, version: str = "2.2.0", pan: str = FRICTIONLESS, with_method: bool = True) -> Fields:
        """An AReq as it has to be, its Method done."""
        fields = base_areq(self.server.url, pan)
        if version == "2.3.1":
            fields |= {"messageVersion": version, "acceptLanguage": ["nl-NL"]}
            fields |= {"acquirerCountryCode": "528", "acquirerCountryCodeSource": "01"}
        if with_method:
            assert "threeDSMethodData" in self.method(fields["threeDSServerTransID"])
        return fields

    def creq(self, areq: Fields, ares: Fields, size: str = "05") -> Fields:
        ids = {"threeDSServerTransID": areq["threeDSServerTransID"], "acsTransID": ares["acsTransID"]}
        return ids | {
            "messageType": "CReq",
            "messageVersion": areq["messageVersion"],
            "challengeWindowSize": size,
        }

    def challenged(self, version: str = "2.2.0") -> tuple[Fields, Fields]:
        areq = self.areq(version, CHALLENGED)
        ares = self.tell(areq)
        assert ares["transStatus"] == "C", ares
        return areq, ares

    def is_content(self) -> None:
        time.sleep(0.1)
        found = self.peer.violations()
        assert not found, f"a correct message was refused: {found}"

    def complains(self, name: str, why: str) -> None:
        found = [self.peer.wait_for("violation")["why"]]
        assert any(why in each for each in found), f"{name}: {found}, not {why!r}"


def card_ranges(talk: Conversation) -> None:
    preq = {"messageType": "PReq", "messageVersion": "2.2.0", "threeDSServerTransID": str(uuid.uuid4())}
    preq["threeDSServerRefNumber"] = "KASSA_UNCERTIFIED"
    everything = talk.tell(preq)
    firsts = [row["startRange"] for row in everything["cardRangeData"]]
    assert everything["serialNum"] == "1" and "6700000000000000000" in firsts and "5018000000000" in firsts
    assert "cardRangeData" not in talk.tell(preq | {"serialNum": "1"})
    newer = talk.tell(preq | {"messageVersion": "2.3.1"})["cardRangeData"][0]
    assert newer["ranges"][0]["startRange"] and newer["acsProtocolVersions"][0]["version"] == "2.2.0"
    talk.peer.order("next-serial")
    time.sleep(0.1)
    delta = talk.tell(preq | {"serialNum": "1"})
    assert [row["actionInd"] for row in delta["cardRangeData"]] == ["D", "A"] and delta["serialNum"] == "2"
    talk.is_content()


def outcomes(talk: Conversation) -> None:
    expected = {"3": "Y", "29": "N", "37": "A", "45": "R", "52": "U", "60": "N"}
    for tail, status in expected.items():
        pan = "6799990000000000000"[: -len(tail)] + tail
        ares = talk.tell(talk.areq(pan=with_check_digit(pan)))
        assert ares["messageType"] == "ARes" and ares["transStatus"] == status, ares
        assert ("authenticationValue" in ares) == (status in "YA")
        assert ("transStatusReason" in ares) == (status in "NUR")
    wished = talk.areq() | {"threeDSRequestorChallengeInd": "04"}
    assert talk.tell(wished)["transStatus"] == "C"
    wished = talk.areq("2.3.1") | {"threeDSRequestorChallengeInd": ["13"]}
    assert talk.tell(wished)["transStatus"] == "C"
    assert talk.tell(talk.areq("2.3.1"))["transStatus"] == "Y"
    amex = talk.areq(pan="374500000000007", with_method=False) | {"threeDSCompInd": "U"}
    assert talk.tell(amex)["eci"] == "05"
    no_script = talk.areq() | {"browserJavascriptEnabled": False}
    scripted = "browserJavaEnabled browserColorDepth browserScreenHeight browserScreenWidth browserTZ".split()
    assert talk.tell(edited(no_script, dict.fromkeys(scripted, GONE)))["transStatus"] == "Y"
    talk.is_content()


def with_check_digit(pan: str) -> str:
    digits = [int(digit) for digit in reversed(pan[:-1])]
    total = sum(digits[1::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    return pan[:-1] + str(-total % 10)


def challenges(talk: Conversation) -> None:
    for version in ("2.2.0", "2.3.1"):
        for typed, status, cancel in (("1234", "Y", None), ("cancel", "N", "01"), ("wrong", "N", None)):
            areq, ares = talk.challenged(version)
            form = {"creq": unpadded(talk.creq(areq, ares)), "threeDSSessionData": "c2Vzc2lvbg"}
            page = talk.browse(ares["acsURL"], form)
            assert 'name="otp"' in page and "37.98" in page, page
            answer = {"transaction": areq["threeDSServerTransID"], "otp": typed}
            answer |= {"cancel": "1"} if typed == "cancel" else {}
            for _ in range(3 if typed == "wrong" else 1):
                page = talk.browse("/acs/answer", answer)
            cres = re.search(r'name="cres" value="([^"]*)"', page)
            fields = json.loads(base64.urlsafe_b64decode(html.unescape(cres[1]) + "=="))
            assert fields["transStatus"] == status and 'value="c2Vzc2lvbg"' in page
            rreq = talk.server.rreqs[-1]
            assert rreq["transStatus"] == status and rreq.get("challengeCancel") == cancel
            assert ("authenticationValue" in rreq) == (status == "Y")
    talk.is_content()


def refused_areqs(talk: Conversation) -> int:
    cases = [("2.2.0", *case) for case in MUTATIONS] + [("2.3.1", *case) for case in MUTATIONS_231]
    for version, changes, code, detail in cases:
        message = edited(talk.areq(version), changes)
        erro = talk.tell(message)
        assert erro.get("messageType") == "Erro", f"{changes}: {erro}"
        assert erro["errorCode"] == code and detail in erro["errorDetail"], f"{changes}: {erro}"
        talk.complains(str(changes), f"{code} ")
    return len(cases) + refused_envelopes(talk)


def refused_envelopes(talk: Conversation) -> int:
    """What is wrong around the fields."""
    areq = talk.areq()
    preq = {"messageType": "PReq", "messageVersion": "2.2.0", "threeDSServerTransID": str(uuid.uuid4())}
    twice = json.dumps(areq)[:-1] + ', "mcc": "5732"}'
    cases: list[tuple[str, Callable[[], Fields], str]] = [
        ("not JSON", lambda: talk.tell(b"<AReq/>"), "101"),
        ("a list", lambda: talk.tell(b"[]"), "101"),
        ("a name twice", lambda: talk.tell(twice.encode()), "204"),
        ("as text", lambda: talk.tell(areq, {"Content-Type": "text/plain"}), "Content-Type"),
        ("without charset", lambda: talk.tell(areq, {"Content-Type": "application/json"}), "Content-Type"),
        (
            "no X-Request-ID",
            lambda: talk.tell(talk.areq("2.3.1"), {"Content-Type": JSON_TYPE}),
            "X-Request-ID",
        ),
        ("Y without Method", lambda: talk.tell(talk.areq(with_method=False)), "305"),
        ("no reference number", lambda: talk.tell(preq), "201"),
        ("serial", lambda: talk.tell(preq | {"threeDSServerRefNumber": "K", "serialNum": "99"}), "307"),
    ]
    for name, send, why in cases:
        send()
        talk.complains(name, why)
    assert talk.tell(areq)["transStatus"] == "Y"
    talk.tell(areq)
    talk.complains("the same AReq twice", "305")
    erro = {"messageType": "Erro", "messageVersion": "2.2.0", "errorCode": "203", "errorComponent": "S"}
    assert talk.tell(erro | {"errorDescription": "x", "errorDetail": "y"}) == {"status": 200}
    talk.complains("an Erro of the 3DS Server", "Erro 203")
    return len(cases) + 2


def refused_browsers(talk: Conversation) -> int:
    """What is wrong with what a browser brings."""
    areq, ares = talk.challenged()
    good = talk.creq(areq, ares)
    url = ares["acsURL"]
    method = {
        "threeDSServerTransID": str(uuid.uuid4()),
        "threeDSMethodNotificationURL": "http://127.0.0.1:1/m",
    }
    padded = base64.urlsafe_b64encode(
        json.dumps(good).encode() + b" " * (-len(json.dumps(good)) % 3 + 1)
    ).decode()
    no_accept = {name: value for name, value in BROWSER.items() if name != "Accept"}
    cases: list[tuple[str, str, Fields, dict[str, str], str]] = [
        ("padded", url, {"creq": padded}, BROWSER, "base64url"),
        ("plain base64", url, {"creq": "ey+/"}, BROWSER, "base64url"),
        ("no creq", url, {}, BROWSER, "base64url"),
        ("another ACS id", url, {"creq": unpadded(good | {"acsTransID": str(uuid.uuid4())})}, BROWSER, "301"),
        ("another version", url, {"creq": unpadded(good | {"messageVersion": "2.3.1"})}, BROWSER, "102"),
        ("another type", url, {"creq": unpadded(good | {"messageType": "AReq"})}, BROWSER, "101"),
        ("window size 6", url, {"creq": unpadded(good | {"challengeWindowSize": "06"})}, BROWSER, "203"),
        (
            "no window size",
            url,
            {"creq": unpadded(edited(good, {"challengeWindowSize": GONE}))},
            BROWSER,
            "201",
        ),
        ("long session", url, {"creq": unpadded(good), "threeDSSessionData": "x" * 1025}, BROWSER, "203"),
        ("another field", url, {"creq": unpadded(good), "TermUrl": "x"}, BROWSER, "203"),
        ("another browser", url, {"creq": unpadded(good)}, BROWSER | {"User-Agent": "curl"}, "305"),
        ("no Accept", url, {"creq": unpadded(good)}, no_accept, "203"),
        ("Method without id", "/method/ok", {"threeDSMethodData": unpadded({})}, BROWSER, "203"),
        ("Method padded", "/method/ok", {"threeDSMethodData": unpadded(method) + "="}, BROWSER, "base64url"),
        (
            "Method to nowhere",
            "/method/ok",
            {"threeDSMethodData": unpadded(method | {"threeDSMethodNotificationURL": "x"})},
            BROWSER,
            "203",
        ),
        ("answer to nothing", "/acs/answer", {"transaction": "x"}, BROWSER, "301"),
        ("no such page", "/acs", {}, BROWSER, "101"),
    ]
    for name, where, form, headers, why in cases:
        talk.browse(where, form, headers)
        talk.complains(name, why)
    talk.browse(url, {"creq": unpadded(good)})
    talk.is_content()
    talk.browse(url, {"creq": unpadded(good)})
    talk.complains("a second CReq", "301")
    talk.method(areq["threeDSServerTransID"])
    talk.complains("the Method twice", "305")
    return len(cases) + 2


def refused_results(talk: Conversation) -> int:
    cases: list[tuple[Fields, str]] = [
        ({"messageType": "ARes"}, "101"),
        ({"resultsStatus": GONE}, "201"),
        ({"resultsStatus": "1"}, "203"),
        ({"acsTransID": str(uuid.uuid4())}, "301"),
        ({"dsTransID": GONE}, "201"),
        ({"messageVersion": "2.3.1"}, "301"),
    ]
    for spoil, why in cases:
        talk.server.spoil = spoil
        areq, ares = talk.challenged()
        talk.browse(ares["acsURL"], {"creq": unpadded(talk.creq(areq, ares))})
        talk.browse("/acs/answer", {"transaction": areq["threeDSServerTransID"], "otp": "1234"})
        talk.complains(str(spoil), why)
    return len(cases)


def options() -> None:
    """RReq twice, missing or after; nobody comes to the challenge; the version is limited."""
    for how, count in (("twice", 2), ("missing", 0), ("after", 0)):
        talk = Conversation("--rreq", how, "--rreq-after-s", "0.2", "--forge-cres", "--versions", "2.2.0")
        areq, ares = talk.challenged()
        talk.browse(ares["acsURL"], {"creq": unpadded(talk.creq(areq, ares))})
        talk.browse("/acs/answer", {"transaction": areq["threeDSServerTransID"], "cancel": "1"})
        assert len(talk.server.rreqs) == count, how
        time.sleep(0.5)
        assert len(talk.server.rreqs) == (1 if how == "after" else count), how
        talk.is_content()
        talk.peer.process.terminate()
        assert talk.peer.wait_for("state")["transactions"][0]["result"] == "N"
    talk = Conversation("--creq-within-s", "0.1")
    talk.challenged()
    time.sleep(0.4)
    assert talk.server.rreqs[0]["challengeCancel"] == "05"
    talk.peer.process.terminate()


def server_context(folder: Path) -> ssl.SSLContext:
    return loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), folder, "server")


def client_context(folder: Path, name: str) -> ssl.SSLContext:
    return loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), folder, name)


def loaded(context: ssl.SSLContext, folder: Path, name: str) -> ssl.SSLContext:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "ca.pem")
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def mutual_tls() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, str(HERE / "ds_acs.py"), "--make-test-ca", name], check=True)
        files = [
            "--tls-cert",
            f"{name}/ds.pem",
            "--tls-key",
            f"{name}/ds.key",
            "--client-ca",
            f"{name}/ca.pem",
        ]
        talk = Conversation(*files, tls=folder)
        areq, ares = talk.challenged()
        talk.browse(ares["acsURL"], {"creq": unpadded(talk.creq(areq, ares))})
        talk.browse("/acs/answer", {"transaction": areq["threeDSServerTransID"], "otp": "1234"})
        assert talk.server.rreqs[0]["transStatus"] == "Y"
        talk.is_content()
        nobody = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        for context in (nobody, client_context(folder, "stranger")):
            talk.tls = context
            try:
                talk.tell({})
                raise AssertionError("a stranger was served")
            except (ssl.SSLError, RemoteDisconnected, ConnectionError):
                talk.complains("a stranger", "TLS")
        talk.peer.process.terminate()
    return 2


def main() -> None:
    talk = Conversation("--requestor-id", "kassa")
    card_ranges(talk)
    outcomes(talk)
    challenges(talk)
    refused = refused_areqs(talk) + refused_browsers(talk) + refused_results(talk)
    talk.peer.process.terminate()
    assert CHALLENGED not in json.dumps(talk.peer.wait_for("state"))
    options()
    refused += mutual_tls()
    print(f"ds_acs.py: ok, {refused} mutated messages refused", flush=True)


if __name__ == "__main__":
    main()
