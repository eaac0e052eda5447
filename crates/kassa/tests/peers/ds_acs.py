"""A foreign directory server and ACS for EMV 3-D Secure 2.2.0 and 2.3.1, strict about everything it reads.

It is written from the documentation of the messages, shares no code with Kassa, and exists to disagree with it. What is
off the field tables (threeds_fields.py) is answered with Erro and told as a violation, which fails the test. The port is
the first line it prints; then one JSON object a line: `listening`, `message`, `violation`, `note`, and `state`, printed
for the line `state` on standard input and before it ends. `next-serial` on standard input moves the card ranges on by
one delta. Card numbers are printed masked.

    POST /ds                      PReq, AReq and Erro of a 3DS Server
    POST /method/{ok,slow,silent} the 3DS Method: at once, after --method-slow-s, or never called back
    POST /acs/challenge           CReq of a browser; the page asks for the code 1234
    POST /acs/answer              what was typed: 1234 is Y, three others are N (reason 19), cancel is N (cancel 01)

The last digit but one of the card number decides the ARes:

    0  Y without a challenge; C where a challenge is mandated (ind 04, 13), I where none is wanted (05, 06, 07)
    1  C                       2  N, reason 01            3  A, attempted
    4  R, reason 11            5  U, reason 22            6  N, reason 13, with a text for the cardholder
    7  C, and no CReq is ever answered                    8  the AReq is never answered      9  Erro 403

The card ranges decide the 3DS Method: 4917 slow, 2221–2720 silent, American Express none, all others at once.

With --tls-cert, --tls-key and --client-ca the link with the 3DS Server is mutual TLS both ways, and browsers are served
in plain HTTP on a second port (event `listening`). --make-test-ca makes the certificates, and ends.
"""

import argparse
import json
import signal
import ssl
import sys
import threading
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import threeds_pages as pages
from threeds_fields import FORMAT, VERSIONS, Refused
from threeds_peer import Peer
from threeds_wire import BODY_MAX, DUPLICATE, JSON_TYPE, emit, is_json, violation


class Handler(BaseHTTPRequestHandler):
    """HTTP for both: the 3DS Server on /ds, browsers on the rest."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if length > BODY_MAX:
            self.send_error(413)
            return
        data = self.rfile.read(length)
        path = urlsplit(self.path).path
        if path == "/ds" and "ds" in self.server.serves:
            self.answer_server(data)
        elif "browsers" in self.server.serves:
            self.answer_browser(path, data)
        else:
            self.send_error(404)

    def do_GET(self) -> None:
        """Nothing is fetched here but the icon that every browser looks for."""
        if self.path != "/favicon.ico":
            violation(f"GET {self.path}")
        self.send_error(404)

    def answer_server(self, data: bytes) -> None:
        if not is_json(self.headers.get("Content-Type")):
            violation(f"Content-Type is {self.headers.get('Content-Type')!r}")
            self.send_error(415)
            return
        answer = self.server.peer.answer(data, self.headers)
        if answer is None:
            self.close_connection = True
            return
        request_id = self.headers.get("X-Request-ID")
        more = {"X-Response-ID": str(uuid.uuid4()), "X-Request-ID": request_id} if request_id else {}
        self.reply(200, json.dumps(answer) if answer else "", JSON_TYPE, more)

    def answer_browser(self, path: str, data: bytes) -> None:
        try:
            if self.headers.get_content_type() != "application/x-www-form-urlencoded":
                raise Refused(FORMAT, "not a form")
            pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True)
            form = dict(pairs)
            if len(form) != len(pairs):
                raise Refused(DUPLICATE, "a field of the form")
            self.reply(200, self.page(path, form), "text/html; charset=utf-8", {})
        except (Refused, UnicodeDecodeError) as refused:
            violation(f"{path}: {refused}")
            self.reply(400, pages.refused(str(refused)), "text/html; charset=utf-8", {})

    def page(self, path: str, form: Mapping[str, str]) -> str:
        peer = self.server.peer
        match path.split("/")[1:]:
            case ["method", ("ok" | "slow" | "silent") as how]:
                return peer.method(form, self.headers, how)
            case ["acs", "challenge"]:
                return peer.challenge(form, self.headers)
            case ["acs", "answer"]:
                return peer.typed(form)
        raise Refused("101", "no such page")

    def reply(self, status: int, body: str, content_type: str, more: Mapping[str, str]) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(data)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: events are the log."""


class Server(ThreadingHTTPServer):
    """One port; with a context, every connection shows a certificate."""

    daemon_threads = True

    def __init__(self, port: int, peer: Peer, serves: tuple[str, ...], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.peer = peer
        self.serves = serves
        self.tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        try:
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except ssl.SSLError as error:
            violation(f"TLS: {error.reason}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            violation(f"the peer itself failed: {sys.exc_info()[1]!r}")


def contexts(options: argparse.Namespace) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """As server and as client; both show a certificate and want one."""
    if not options.tls_cert:
        return None, None
    made = []
    for purpose in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
        context = ssl.SSLContext(purpose)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
        context.load_cert_chain(options.tls_cert, options.tls_key)
        made.append(context)
    return made[0], made[1]


def run(options: argparse.Namespace) -> None:
    peer = Peer(options)
    server_tls, peer.client_tls = contexts(options)
    both = ("ds", "browsers")
    directory = Server(options.port, peer, ("ds",) if server_tls else both, server_tls)
    servers = [directory] + ([Server(0, peer, ("browsers",), None)] if server_tls else [])
    peer.browser_url = f"http://127.0.0.1:{servers[-1].server_address[1]}"
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(directory.server_address[1], flush=True)
    emit("listening", ds=directory.server_address[1], browsers=servers[-1].server_address[1])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    threading.Thread(target=obey_stdin, args=(peer, ended), daemon=True).start()
    while not ended.wait(0.2):
        pass
    emit("state", **peer.printed())


def obey_stdin(peer: Peer, ended: threading.Event) -> None:
    for line in sys.stdin:
        match line.strip():
            case "state":
                emit("state", **peer.printed())
            case "next-serial":
                peer.serial = 2
            case _:
                emit("note", why="no such order")
    if peer.options.stop_with_stdin:
        ended.set()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--versions", type=lambda text: text.split(","), default=list(VERSIONS))
    parser.add_argument(
        "--rreq", choices=("before", "after", "twice", "missing"), default="before", help="the CRes"
    )
    parser.add_argument("--rreq-after-s", type=float, default=1.0)
    parser.add_argument("--forge-cres", action="store_true", help="the CRes says Y, whatever the result is")
    parser.add_argument("--method-slow-s", type=float, default=12.0)
    parser.add_argument("--silent-s", type=float, default=30.0, help="how long what is never answered hangs")
    parser.add_argument("--creq-within-s", type=float, default=30.0)
    parser.add_argument("--challenge-within-s", type=float, default=600.0)
    parser.add_argument("--skew-s", type=float, default=900, help="how far purchaseDate may be from now")
    parser.add_argument("--requestor-id", help="any other threeDSRequestorID is answered with 303")
    parser.add_argument(
        "--aav-key", default="peer", help="the key of the AAVs; acquirer_host.py checks them with it"
    )
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--client-ca")
    parser.add_argument("--make-test-ca", type=Path, metavar="DIR")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input does")
    options = parser.parse_args()
    if options.make_test_ca:
        import certificates  # only here: it needs the cryptography package

        certificates.make(options.make_test_ca)
    else:
        run(options)


if __name__ == "__main__":
    main()
