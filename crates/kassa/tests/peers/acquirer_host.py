"""A foreign acquirer's host: PyPI's pyiso8583 behind a TCP port on the loopback, strict about everything it reads.

It speaks profile B: two bytes of length, ASCII, a raw bitmap. It is written from the documentation of the messages,
shares no code with Kassa, and exists to disagree with it. The port is the first line it prints; then one JSON object
a line: `request`, `answer`, `violation` (which fails the test), `note`, and `book`, printed for the line `book` on
standard input and before it ends. Other lines on standard input: `drop` ends every connection, `cutover` sends an
0800/201 on each. Card numbers are printed masked.

Answers by the last two digits of an authorisation's or refund's amount (DE 4), after the book has decided:

    05 14 51 54 57 61 62 65 91 96 …   declined with that code (all of them: DECLINES in acquirer_book.py)
    66   approved for half of it (DE 39 = 10)
    76   approved; the first 0220, 0400 or 0420 about it is never answered, its repeat is
    77   never answered         78   the link drops after reading      79   answered late (--late-s)
    80   answered twice         81   garbage in a frame, then the answer
    82   half of the answer's frame, then the link drops
    83   answered after the answer to the next message on the same link
"""

import argparse
import asyncio
import json
import signal
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import iso8583
from iso8583.specs import default as PROFILE_B

from acquirer_book import APPROVED, FORMAT_ERROR, PARTLY_APPROVED, Book, Decision
from acquirer_fields import CUTOVER, REPEATS, RESPONSES, SIGN_OFF, SIGN_ON, Message, original_mti, problems

FRAME_MAX = 8 * 1024
ECHOED = "2 3 4 7 11 12 13 15 18 32 33 37 41 42 49 70 90 95".split()
GARBAGE = b"\x00\x0c" + bytes(range(0xF0, 0xFC))

Emit = Callable[..., None]


def emit(event: str, **facts: object) -> None:
    """One event, as one line."""
    print(json.dumps({"event": event} | facts), flush=True)


def framed(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


@dataclass(eq=False)
class Link:
    """One connection, and what is owed on it."""

    writer: asyncio.StreamWriter
    signed_on: bool = False
    held: list[bytes] = field(default_factory=list)
    stans: set[str] = field(default_factory=set)
    cutovers: dict[str, str] = field(default_factory=dict)

    def send(self, frame: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(frame)

    def send_held(self) -> None:
        held, self.held = self.held, []
        for frame in held:
            self.send(frame)


@dataclass
class Seen:
    """A message that came once: its body but for the MTI, and what was answered."""

    mti: str
    body: Message
    answer: Message


class Host:
    """Reads, checks, decides, answers."""

    def __init__(self, book: Book, late_s: float, skew: timedelta, emit: Emit = emit) -> None:
        self.book = book
        self.late_s = late_s
        self.skew = skew
        self.emit = emit
        self.seen: dict[tuple[str, str, str], Seen] = {}
        self.links: set[Link] = set()
        self.cutover_stan = 900_000

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer)
        self.links.add(link)
        try:
            while not writer.is_closing():
                (length,) = struct.unpack(">H", await reader.readexactly(2))
                if length > FRAME_MAX:
                    self.violation(f"a frame of {length} bytes")
                    break
                if length:
                    await self.hear(link, await reader.readexactly(length))
                    await writer.drain()
        except asyncio.IncompleteReadError as ended:
            if ended.partial:
                self.violation("the link ended in the middle of a frame")
        except (ConnectionError, asyncio.CancelledError):
            pass  # the link dropped, or the host ends
        finally:
            self.links.discard(link)
            writer.close()

    async def hear(self, link: Link, data: bytes) -> None:
        try:
            message, _ = iso8583.decode(data, PROFILE_B)
        except (iso8583.DecodeError, UnicodeDecodeError) as error:
            self.violation(
                f"unreadable: {getattr(error, 'msg', error)}, field {getattr(error, 'field', '?')}"
            )
            return
        self.emit(
            "request",
            mti=message["t"],
            stan=message.get("11"),
            amount=message.get("4"),
            rrn=message.get("37"),
        )
        if message["t"] == "0810":
            self.heard_cutover(link, message)
            return
        faults = self.refusals(link, message)
        if faults:
            self.refuse(link, message, faults)
            return
        if message["t"] == "0800":
            self.manage(link, message)
        else:
            await self.transact(link, message)

    def refusals(self, link: Link, message: Message) -> list[str]:
        faults = problems(message, datetime.now(timezone.utc), self.skew)
        if not faults and message.get("70") != SIGN_ON and not link.signed_on:
            faults = ["it is not signed on"]
        return faults

    def refuse(self, link: Link, message: Message, faults: list[str]) -> None:
        for fault in faults:
            self.violation(fault, message)
        if original_mti(message["t"]) in RESPONSES and "11" in message:
            self.answer(link, self.response(message, Decision(FORMAT_ERROR)))

    def manage(self, link: Link, message: Message) -> None:
        """0800: sign-on, sign-off, echo, cutover."""
        if message["11"] in link.stans:
            self.violation("DE 11 was used before on this link", message)
        link.stans.add(message["11"])
        if message["70"] == SIGN_ON:
            link.signed_on = True
        elif message["70"] == SIGN_OFF:
            link.signed_on = False
        self.answer(link, self.response(message, Decision(APPROVED)))

    async def transact(self, link: Link, message: Message) -> None:
        day = (message["41"], message["11"], message["7"][:4])
        body = {key: value for key, value in message.items() if key != "t"}
        seen = self.seen.get(day)
        if seen is not None:
            self.hear_again(link, message, body, seen)
            return
        decision = self.book.decide(message)
        answer = self.response(message, decision)
        self.seen[day] = Seen(message["t"], body, answer)
        for why in decision.violations:
            self.violation(why, message)
        if decision.note:
            self.emit("note", why=decision.note, stan=message["11"])
        await self.answer_by_amount(link, message, answer, decision)

    def hear_again(self, link: Link, message: Message, body: Message, seen: Seen) -> None:
        """The same STAN of the same terminal and day: a repeat, or a mistake."""
        is_other = original_mti(message["t"]) != original_mti(seen.mti) or body["7"] != seen.body["7"]
        if is_other or (body != seen.body and message["t"] not in REPEATS):
            self.refuse(link, message, ["DE 11 was used before for something else"])
            return
        if body != seen.body:
            keys = sorted(
                (k for k in body.keys() | seen.body.keys() if body.get(k) != seen.body.get(k)), key=str
            )
            self.refuse(link, message, [f"a repeat differs from its original in DE {' '.join(keys)}"])
            return
        if message["t"] not in REPEATS:
            self.violation(f"{message['t']} came again without the repeat digit", message)
        self.emit("note", why="a repeat", stan=message["11"])
        self.answer(link, seen.answer)

    async def answer_by_amount(
        self, link: Link, message: Message, answer: Message, decision: Decision
    ) -> None:
        cents = message["4"][-2:]
        if original_mti(message["t"]) not in ("0100", "0200"):
            is_first = message["t"] not in REPEATS and message["t"] != "0600"
            if cents != "76" or not is_first:
                self.answer(link, answer)
            return
        frame = self.encoded(answer)
        match cents:
            case "77":
                self.emit("note", why="never answered", stan=message["11"])
            case "78":
                link.writer.close()
            case "79":
                asyncio.get_running_loop().call_later(self.late_s, self.answer, link, answer)
            case "80":
                self.answer(link, answer)
                link.send(frame)
            case "81":
                link.send(GARBAGE)
                self.answer(link, answer)
            case "82":
                link.send(frame[: len(frame) // 2])
                await link.writer.drain()
                link.writer.close()
            case "83":
                link.held.append(frame)
            case _:
                self.answer(link, answer)

    def response(self, message: Message, decision: Decision) -> Message:
        answer = {key: message[key] for key in ECHOED if key in message}
        answer |= {"t": RESPONSES[original_mti(message["t"])], "39": decision.code}
        if decision.approval is not None and decision.code in (APPROVED, PARTLY_APPROVED):
            answer["38"] = decision.approval.code.ljust(6)
        if decision.partial is not None:
            answer["54"] = f"0057{message['49']}D{message['4']}"
            answer["4"] = f"{decision.partial:012}"
        return answer

    def answer(self, link: Link, answer: Message) -> None:
        self.emit("answer", mti=answer["t"], stan=answer["11"], code=answer["39"])
        link.send(self.encoded(answer))
        link.send_held()

    def encoded(self, message: Message) -> bytes:
        raw, _ = iso8583.encode(dict(message), PROFILE_B)
        return framed(bytes(raw))

    # What the test asks for on standard input.

    def drop_links(self) -> None:
        for link in self.links:
            link.writer.close()

    def cut_over(self) -> None:
        now = datetime.now(timezone.utc)
        for link in self.links:
            self.cutover_stan += 1
            stan = str(self.cutover_stan)
            link.cutovers[stan] = now.strftime("%m%d%H%M%S")
            message = {
                "t": "0800",
                "7": link.cutovers[stan],
                "11": stan,
                "15": now.strftime("%m%d"),
                "70": CUTOVER,
            }
            link.send(self.encoded(message))

    def heard_cutover(self, link: Link, message: Message) -> None:
        is_answer = link.cutovers.pop(message.get("11", ""), None) == message.get("7", "?")
        if not is_answer or message.get("39") != APPROVED or message.get("70") != CUTOVER:
            self.violation("0810 answers nothing that was asked", message)

    def violation(self, why: str, message: Message | None = None) -> None:
        facts = {"mti": message["t"], "stan": message.get("11")} if message else {}
        self.emit("violation", why=why, **facts)


def listen_to_stdin(host: Host, loop: asyncio.AbstractEventLoop, ended: asyncio.Event, stops: bool) -> None:
    """Obeys standard input from a thread of its own; what it says is done on the loop."""
    orders = {
        "book": lambda: emit(**host.book.printed()),
        "drop": host.drop_links,
        "cutover": host.cut_over,
    }

    def read() -> None:
        for line in sys.stdin:
            order = orders.get(line.strip())
            loop.call_soon_threadsafe(order or (lambda: emit("note", why="no such order")))
        if stops:
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()


async def run(options: argparse.Namespace) -> None:
    book = Book(options.aav_key.encode() if options.aav_key else None)
    host = Host(book, options.late_s, timedelta(seconds=options.skew_s))
    server = await asyncio.start_server(host.serve, "127.0.0.1", options.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    listen_to_stdin(host, loop, ended, options.stop_with_stdin)
    await ended.wait()
    server.close()
    emit(**book.printed())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--late-s", type=float, default=1.5, help="how late an amount of .79 is answered")
    parser.add_argument("--skew-s", type=float, default=900, help="how far DE 7 may be from now")
    parser.add_argument("--aav-key", help="check every AAV with the key that ds_acs.py was started with")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input does")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
