"""What a schema cannot say about a request, for Schemathesis."""

import itertools
import os
import re

import requests
import schemathesis
from hypothesis import strategies as st

# The last digit of a card number checks the others, so numbers cannot be made from their pattern. These are paid at
# once, or ask for their customer.
CARDS = ["4111111111111111", "5500000000000004", "374200000000004", "6799990000000000011", "679999000004"]
schemathesis.openapi.format("card-number", st.sampled_from(CARDS))


@schemathesis.hook
def filter_body(context, body):
    """Leaves out carts whose numbers or names have to fit each other by calculation."""
    if not isinstance(body, dict) or not isinstance(body.get("shopping_cart"), dict):
        return True
    items = body["shopping_cart"].get("items")
    if not isinstance(items, list) or not items:
        return True
    return all(is_simple(item, body.get("currency")) for item in items) and not is_compared(body)


def is_simple(item, currency):
    """Whether it can be added up exactly, in the order's currency, at the default rate."""
    if not isinstance(item, dict):
        return True
    numbers = [item.get("unit_price"), item.get("quantity")]
    return (
        all(not isinstance(number, float) and len(str(number)) < 9 for number in numbers)
        and item.get("currency") in (None, "", currency)
        and item.get("tax_table_selector") in (None, "")
    )


def is_compared(body):
    """Whether the cart has to cost what the order costs, or its taxes have many digits."""
    options = body.get("checkout_options")
    if not isinstance(options, dict):
        return False
    return options.get("validate_cart") not in (None, "", False, 0, "false", "0") or len(str(options)) > 300


FAULTS = [
    "no_answer", "late", "duplicate", "reorder", "garbage", "half_frame", "drop_before", "drop_after", "held",
    "refuse_sign_on", "latency",
]
names = itertools.count()
# Those that an order may be in.
document = requests.get(os.environ["KASSA_URL"] + "/openapi.json", timeout=20).json()
CURRENCIES = document["components"]["schemas"]["Currency"]["enum"]


@schemathesis.hook
def before_call(context, case, **kwargs):
    """Gives every request a name of its own, and an order that it can be about."""
    # The same name for another request is refused, and should be.
    name = (case.headers or {}).get("Idempotency-Key")
    if isinstance(name, str) and re.fullmatch("[!-~]{1,255}", name):
        case.headers["Idempotency-Key"] = f"{next(names)}-{name}"[:255]
    # As an order that is paid already.
    body = case.body if isinstance(case.body, dict) else {}
    for key in {"order_id", "new_order_id"} & body.keys():
        if isinstance(body[key], str) and re.fullmatch("[!-~]{1,30}", body[key]):
            body[key] = f"{next(names)}-{body[key]}"
    # The other requests need an acquirer that answers.
    if context.operation.label == "POST /v1/json/simulator/faults":
        make_harmless(body)
    # Most of these can be done once.
    path = case.path_parameters or {}
    if path.get("id") == "fresh":
        path["id"], movement = fresh(context.operation.label, body.get("currency"))
        for key in {"refund", "chargeback"} & path.keys():
            path[key] = movement


def make_harmless(plan):
    """Whatever is to go wrong, answers only come twice."""
    if str(plan.get("amount_rules")).lower() in {"true", "1", "1.0"}:
        plan["amount_rules"] = False
    faults = plan.get("faults")
    for fault in faults if isinstance(faults, list) else []:
        kind = fault.get("kind") if isinstance(fault, dict) else None
        if isinstance(kind, str) and kind.lower() in FAULTS:
            fault["kind"] = "duplicate"


def fresh(operation, currency):
    """An order in the state that the operation is about, and the last movement of its money."""
    order_id = f"fresh-{next(names)}"
    card = {
        "card_number": "4111111111111111",
        "card_holder_name": "A. Customer",
        "card_expiry_date": "3512",
        "card_cvc": "123",
    }
    # So much that hardly a random amount is more than what is left.
    order = {"type": "direct", "order_id": order_id, "currency": "EUR", "amount": 99_999_999_999, "gateway_info": card}
    order["description"] = operation
    if isinstance(currency, str) and currency in CURRENCIES:
        order["currency"] = currency
    if "capture" in operation:
        order["capture"] = "manual"
    post("/orders", order)
    if operation.startswith("PATCH") and "refunds" in operation:
        return order_id, str(post(f"/orders/{order_id}/refunds", {})["refund_id"])
    if any(word in operation for word in ["files", "chargebacks", "dispute"]):
        return order_id, str(post(f"/simulator/orders/{order_id}/chargeback", {})["chargeback_id"])
    return order_id, ""


def post(path, body):
    """Does what has to succeed."""
    headers = {"api_key": os.environ["KASSA_API_KEY"]}
    answer = requests.post(os.environ["KASSA_URL"] + "/v1/json" + path, json=body, headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]
