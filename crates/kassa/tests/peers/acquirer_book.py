"""The book of the acquirer's host: what was approved, reversed, captured and refunded, and what may still be.

One approval per (DE 41, DE 11, DE 7). A decision is a response code, and whatever Kassa should never have asked for
as a list of violations. Amounts are in the currency's smallest unit.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from acquirer_fields import Message, is_refund, masked, original_mti, tagged

# The last two digits of an amount that are a response code. See acquirer_host.py for the other rules.
DECLINES = set("05 14 34 41 43 51 54 57 58 59 61 62 63 65 70 75 91 92 93 96".split())
PARTLY = "66"

APPROVED, PARTLY_APPROVED, NOT_FOUND = "00", "10", "25"
INVALID_TRANSACTION, INVALID_AMOUNT, SECURITY, FORMAT_ERROR = "12", "13", "63", "30"

Key = tuple[str, str, str]


@dataclass
class Approval:
    """One authorisation or sale that was approved, and what became of it."""

    terminal: str
    stan: str
    de7: str
    rrn: str
    pan: str
    currency: str
    amount: int
    approved: int
    code: str
    is_sale: bool
    reversed: int = 0
    captured: int = 0
    refunded: int = 0

    @property
    def open(self) -> int:
        """What can still be captured."""
        return self.approved - self.reversed - (0 if self.is_sale else self.captured)

    def printed(self) -> dict[str, object]:
        names = "terminal stan de7 rrn currency amount approved reversed captured refunded".split()
        return {"pan": masked(self.pan)} | {name: getattr(self, name) for name in names}


@dataclass
class Decision:
    """What the host answers, and what should not have been asked."""

    code: str
    violations: list[str] = field(default_factory=list)
    approval: Approval | None = None
    partial: int | None = None
    note: str | None = None


def key_of(message: Message) -> Key:
    return (message.get("41", ""), message["11"], message["7"])


def original_key(message: Message) -> Key:
    """Of the message that DE 90 names."""
    return (message["41"], message["90"][4:10], message["90"][10:20])


class Book:
    """Everything the host decided. It forgets nothing."""

    def __init__(self, aav_key: bytes | None = None) -> None:
        self.aav_key = aav_key
        self.approvals: dict[Key, Approval] = {}
        self.declined: set[Key] = set()
        self.reversed_early: set[Key] = set()

    def decide(self, message: Message) -> Decision:
        match original_mti(message["t"]):
            case "0100" | "0120" | "0200" if is_refund(message):
                return self.refund(message)
            case "0100" | "0200" | "0120":
                return self.authorise(message)
            case "0220":
                return self.capture(message)
            case "0400" | "0420":
                return self.reverse(message)
            case "0600":
                return self.inquire(message)
        return Decision(APPROVED)

    def authorise(self, message: Message) -> Decision:
        key, amount = key_of(message), int(message["4"])
        if key in self.reversed_early:
            return Decision(INVALID_TRANSACTION, note="refused: it was reversed before it came")
        violations = []
        if any(known.rrn == message["37"] for known in self.approvals.values()):
            violations.append("DE 37 was used for another authorisation")
        if self.aav_key and not self.is_proven(message):
            violations.append("DE 48.43 is not the AAV that was given out")
        if violations:
            return Decision(SECURITY, violations)
        is_advice = original_mti(message["t"]) == "0120"
        cents = message["4"][-2:]
        if cents in DECLINES and not is_advice:
            self.declined.add(key)
            return Decision(cents)
        partial = amount // 2 if cents == PARTLY and not is_advice else None
        approval = self.approve(message, amount, amount if partial is None else partial)
        return Decision(APPROVED if partial is None else PARTLY_APPROVED, [], approval, partial)

    def approve(self, message: Message, amount: int, approved: int) -> Approval:
        terminal, stan, de7 = key_of(message)
        is_sale = original_mti(message["t"]) == "0200"
        code = message.get("38", "P" + stan[-5:])
        captured = approved if is_sale else 0
        approval = Approval(
            terminal,
            stan,
            de7,
            message["37"],
            message["2"],
            message["49"],
            amount,
            approved,
            code,
            is_sale,
            0,
            captured,
        )
        self.approvals[key_of(message)] = approval
        return approval

    def is_proven(self, message: Message) -> bool:
        """The AAV is the one that the peer's ACS gave out for this card, amount and transaction."""
        tags = tagged(message.get("48", "T")[1:]) or {}
        if "43" not in tags:
            return True
        if "66" not in tags or self.aav_key is None:
            return False
        eci = {"212": "02", "211": "01"}.get(tags.get("42", "")[4:], "")
        text = tags["66"][-36:] + message["2"] + str(int(message["4"])) + eci
        value = hmac.digest(self.aav_key, text.encode(), hashlib.sha256)[:20]
        return hmac.compare_digest(base64.b64encode(value).decode(), tags["43"])

    def capture(self, message: Message) -> Decision:
        approval = self.approvals.get(original_key(message))
        if approval is None:
            return Decision(NOT_FOUND, ["captures what was never approved"])
        amount = int(message["4"])
        violations = self.differences(message, approval)
        if amount == 0:
            violations.append("captures nothing")
        if amount > approval.open:
            violations.append(f"captures {amount} of {approval.open} that are left")
        if violations:
            return Decision(INVALID_AMOUNT, violations, approval)
        approval.captured += amount
        return Decision(APPROVED, [], approval)

    def reverse(self, message: Message) -> Decision:
        key = original_key(message)
        approval = self.approvals.get(key)
        if approval is None:
            is_known = key in self.declined
            self.reversed_early.add(key)
            note = None if is_known else "the original is not known, and will be refused"
            return Decision(APPROVED if is_known else NOT_FOUND, note=note)
        violations = self.differences(message, approval)
        if int(message["4"]) not in (approval.amount, approval.approved):
            violations.append("DE 4 is not the original's")
        stays = int(message["95"][:12]) if "95" in message else 0
        captured = 0 if approval.is_sale else approval.captured
        if stays < captured:
            violations.append(f"leaves {stays} although {captured} are captured")
        if stays >= approval.approved - approval.reversed:
            violations.append("reverses what is reversed already, or nothing")
        if violations:
            return Decision(INVALID_TRANSACTION, violations, approval)
        approval.reversed = approval.approved - stays
        if approval.is_sale:
            approval.captured = stays
        return Decision(APPROVED, [], approval)

    def refund(self, message: Message) -> Decision:
        amount = int(message["4"])
        approval = self.refunded_original(message, amount)
        if approval is None:
            return Decision(INVALID_TRANSACTION, ["refunds what was never captured"])
        violations = self.differences(message, approval) if "90" in message else []
        left = approval.captured - approval.refunded
        if amount == 0:
            violations.append("refunds nothing")
        if amount > left:
            violations.append(f"refunds {amount} of {left} that are left")
        if violations:
            return Decision(INVALID_AMOUNT, violations)
        cents = message["4"][-2:]
        if cents in DECLINES:
            return Decision(cents)
        approval.refunded += amount
        return Decision(APPROVED, [], approval)

    def refunded_original(self, message: Message, amount: int) -> Approval | None:
        """By DE 90, or else the first of the same card that has enough left."""
        if "90" in message:
            return self.approvals.get(original_key(message))
        same_card = [known for known in self.approvals.values() if known.pan == message.get("2")]
        return next((known for known in same_card if known.captured - known.refunded >= amount), None)

    def inquire(self, message: Message) -> Decision:
        key = original_key(message)
        approval = self.approvals.get(key)
        if approval is not None:
            return Decision(APPROVED, self.differences(message, approval), approval)
        return Decision("05" if key in self.declined else NOT_FOUND)

    def differences(self, message: Message, approval: Approval) -> list[str]:
        """A later message carries the original's numbers where it carries them at all."""
        refund = is_refund(message)
        found = []
        if message.get("2", approval.pan) != approval.pan:
            found.append("DE 2 is not the original's")
        if not refund and message["37"] != approval.rrn:
            found.append("DE 37 is not the original's")
        if message["49"] != approval.currency:
            found.append("DE 49 is not the original's")
        if message.get("38", approval.code).rstrip() != approval.code.rstrip():
            found.append("DE 38 is not the original's")
        return found

    def printed(self) -> dict[str, object]:
        approvals = [approval.printed() for approval in self.approvals.values()]
        totals = {
            name: sum(getattr(a, name) for a in self.approvals.values())
            for name in ("approved", "reversed", "captured", "refunded")
        }
        return {"event": "book", "approvals": approvals, "totals": totals, "declined": len(self.declined)}
