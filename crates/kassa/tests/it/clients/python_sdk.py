"""The official Python SDK against a running Kassa, in named steps.

    python_sdk.py STEP...    run these, one after the other; exit 1 at the first that fails
    python_sdk.py --list     print the name of every step

Environment: KASSA_KEY, the site's API key; KASSA_BINARY, the kassa that plays the customer; KASSA_URL, where it serves,
left out for the host that is built into the SDK; KASSA_CA, the authority that the customer trusts.
"""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests
from multisafepay.api.base.listings.listing_pager import ListingPager
from multisafepay.api.paths.auth.api_token.response.api_token import ApiToken
from multisafepay.api.paths.capture.request.capture_request import CaptureRequest
from multisafepay.api.paths.orders.order_id.capture.request.capture_request import CaptureOrderRequest
from multisafepay.api.paths.orders.order_id.refund.request.refund_request import RefundOrderRequest
from multisafepay.api.paths.orders.order_id.update.request.update_request import UpdateOrderRequest
from multisafepay.api.paths.orders.request.components.checkout_options import CheckoutOptions
from multisafepay.api.paths.orders.request.components.payment_options import PaymentOptions
from multisafepay.api.paths.orders.request.components.plugin import Plugin
from multisafepay.api.paths.orders.request.order_request import OrderRequest
from multisafepay.api.paths.transactions.response.transaction import Transaction
from multisafepay.api.shared.cart.cart_item import CartItem
from multisafepay.api.shared.cart.shopping_cart import ShoppingCart
from multisafepay.api.shared.customer import Customer
from multisafepay.api.shared.description import Description
from multisafepay.sdk import Sdk
from multisafepay.util.webhook import Webhook
from multisafepay.value_object.amount import Amount
from multisafepay.value_object.country import Country
from multisafepay.value_object.currency import Currency
from multisafepay.value_object.email_address import EmailAddress
from multisafepay.value_object.ip_address import IpAddress
from multisafepay.value_object.phone_number import PhoneNumber
from multisafepay.value_object.weight import Weight

KEY = os.environ["KASSA_KEY"]
URL = os.environ.get("KASSA_URL")
PATIENCE_S = 30

STEPS = {}


def step(function):
    STEPS[function.__name__] = function
    return function


# ---- what the steps are made of ---------------------------------------------


def connect(key=KEY):
    """The SDK as a shop makes it; only a run against another address needs more than the key."""
    return Sdk(key, False, base_url=f"{URL}/v1/") if URL else Sdk(key, False)


def new_id(name):
    return f"{name}-{time.time_ns()}"


def customer(reference=None):
    person = (
        Customer()
        .add_locale("nl_NL")
        .add_first_name("Ada")
        .add_last_name("de Vries")
        .add_address1("Kraanspoor")
        .add_house_number("39")
        .add_zip_code("1033SC")
        .add_city("Amsterdam")
        .add_country(Country(code="NL"))
        .add_email(EmailAddress(email_address="ada@example.com"))
        .add_phone(PhoneNumber(phone_number="0208500500"))
        .add_ip_address(IpAddress(ip_address="192.0.2.1"))
        .add_forwarded_ip(IpAddress(ip_address="192.0.2.1"))
        .add_referrer("https://shop.example")
        .add_user_agent("Mozilla/5.0")
    )
    return person.add_reference(reference) if reference else person


def request(order_id, gateway, amount, notification_url="https://shop.example/notification"):
    plugin = Plugin().add_plugin_version("1.0.0").add_shop("A shop").add_shop_version("2.0.0")
    plugin.add_partner("Nobody").add_shop_root_url("https://shop.example")
    options = PaymentOptions().add_notification_url(notification_url).add_close_window(True)
    options.add_redirect_url("https://shop.example/thanks").add_cancel_url("https://shop.example/cart")
    return (
        OrderRequest()
        .add_type("redirect")
        .add_order_id(order_id)
        .add_description(Description(description="An order of the SDK"))
        .add_amount(Amount(amount=amount))
        .add_currency(Currency(currency="EUR"))
        .add_gateway(gateway)
        .add_customer(customer())
        .add_plugin(plugin)
        .add_payment_options(options)
    )


def direct(order_id, amount=1000, gateway="VISA"):
    """An order with the card in it, one that needs no challenge."""
    card = {
        "card_number": "4111111111111111",
        "card_holder_name": "Ada de Vries",
        "card_expiry_date": "3512",
        "card_cvc": "123",
    }
    return request(order_id, gateway, amount).add_type("direct").add_gateway_info(card)


def cart():
    def item(name, price, count, number, tax, weight):
        line = CartItem().add_name(name).add_description(f"{name}, described").add_unit_price(price)
        line.add_quantity(count).add_merchant_item_id(number).add_tax_rate_percentage(tax)
        return line.add_weight(Weight(value=weight, unit="kg"))

    candles, apple = item("Candles", 90, 3, "1111", 21, 1.0), item("Apple", 35, 1, "6666", 9, 20)
    return ShoppingCart().add_items([candles, apple, item("Shipping", 10, 1, "msp-shipping", 0, 0)])


CART_TOTAL = 37485  # 3 × 90.00 + 21 %, 35.00 + 9 %, 10.00


def direct_with_cart(order_id):
    basket = cart()
    options = CheckoutOptions.generate_from_shopping_cart(basket)
    return direct(order_id, CART_TOTAL).add_shopping_cart(basket).add_checkout_options(options)


def create(order):
    response = connect().get_order_manager().create(order)
    assert response.get_body_success() is True, response.body
    assert response.get_data() is not None, (response.body, response.dict().get("warnings"))
    return response.get_data()


def read(order_id):
    response = connect().get_order_manager().get(order_id)
    assert response.get_data() is not None, (response.body, response.dict().get("warnings"))
    return response.get_data()


def update(order_id, change):
    response = connect().get_order_manager().update(order_id, change)
    assert response.get_status_code() == 200 and response.get_body_success() is True, response.body


def pay(link):
    """The customer pays on the page, with a certificate that is checked."""
    command = [os.environ["KASSA_BINARY"], "pay", link]
    if os.environ.get("KASSA_CA"):
        command += ["--ca", os.environ["KASSA_CA"]]
    played = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert played.returncode == 0, (played.stdout, played.stderr)


def refused(call, status, code):
    """The SDK hands a refusal on as the exception of requests, with the answer in it."""
    try:
        answer = call()
    except requests.HTTPError as error:
        body = error.response.json()
        assert error.response.status_code == status, (error.response.status_code, body)
        assert body["success"] is False and body["error_code"] == code, body
        return body["error_info"]
    raise AssertionError(f"not refused: {answer.body}")


class Receiver:
    """A shop's address for notifications: keeps what arrives, and acknowledges it."""

    def __enter__(self):
        heard, arrived = [], threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with arrived:
                    heard.append((self.path, self.headers["Auth"], body))
                    arrived.notify_all()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"OK")

            def log_message(self, *_):
                pass

        self.heard, self.arrived = heard, arrived
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notification?type=notification"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def wait_for(self, status):
        def found():
            return next((letter for letter in self.heard if json.loads(letter[2])["status"] == status), None)

        with self.arrived:
            assert self.arrived.wait_for(found, PATIENCE_S), (status, self.heard)
            return found()


# ---- orders -----------------------------------------------------------------


@step
def create_and_get():
    order_id = new_id("create")
    placed = create(request(order_id, "MAESTRO", 995).add_var1("one").add_var2("two"))
    assert placed.order_id == order_id and placed.session_id, placed
    assert placed.payment_url.startswith(connect().get_client().url.removesuffix("v1/") + "connect/"), placed
    order = read(order_id)
    assert (order.order_id, order.amount, order.currency) == (order_id, 995, "EUR"), order
    assert (order.status, order.financial_status, order.amount_refunded) == ("initialized", "initialized", 0), order
    assert (order.description, order.var1, order.var2) == ("An order of the SDK", "one", "two"), order
    assert (order.customer.first_name, order.customer.email) == ("Ada", "ada@example.com"), order.customer


@step
def order_ids_of_any_spelling():
    for order_id in [new_id("a/b c"), new_id("é+%2F?"), str(time.time_ns()), f"00{time.time_ns()}"]:
        create(request(order_id, "VISA", 100))
        assert read(order_id).order_id == order_id


@step
def pay_and_validate_webhook():
    order_id = new_id("webhook")
    with Receiver() as receiver:
        pay(create(request(order_id, "MAESTRO", 1000, receiver.url)).payment_url)
        path, auth, body = receiver.wait_for("completed")
    assert f"transactionid={order_id}" in path and "timestamp=" in path, path
    assert Webhook.validate(body, auth, KEY) is True
    assert Webhook.validate(body, auth, "another-key") is False
    assert Webhook.validate(body.replace("1000", "1"), auth, KEY) is False
    order = read(order_id)
    assert (order.status, order.financial_status) == ("completed", "completed"), order
    assert order.payment_details.type == "MAESTRO" and order.transaction_id, order.payment_details


@step
def update_to_cancelled():
    order_id = new_id("cancel")
    create(request(order_id, "MAESTRO", 1000))
    update(order_id, UpdateOrderRequest().add_status("cancelled").add_exclude_order(True))
    assert read(order_id).status == "cancelled"


@step
def refusals_keep_their_codes():
    orders = connect().get_order_manager()
    assert refused(lambda: orders.get(new_id("none")), 404, 1006) == "Invalid transaction ID"
    change = UpdateOrderRequest().add_status("cancelled")
    assert refused(lambda: orders.update(new_id("none"), change), 404, 1006) == "Invalid transaction ID"
    refused(lambda: orders.create(request(new_id("gateway"), "BARTER", 1000)), 404, 1023)
    stranger = connect("not-the-key").get_order_manager()
    assert refused(lambda: stranger.get("1"), 401, 1032) == "Invalid API key"


@step
def direct_card_completes_at_once():
    placed = create(direct(new_id("direct")))
    assert (placed.status, placed.financial_status, placed.amount) == ("completed", "completed", 1000), placed
    assert placed.payment_url and placed.transaction_id and placed.amount_refunded == 0, placed
    assert placed.payment_details.type == "VISA", placed.payment_details


@step
def update_to_shipped():
    order_id = new_id("shipped")
    create(direct_with_cart(order_id))
    update(order_id, UpdateOrderRequest().add_status("shipped").add_tracktrace_code("3S123").add_carrier("Post"))
    assert read(order_id).status == "shipped"


# ---- refunds and captures ---------------------------------------------------


def refund(order_id, amount, currency="EUR"):
    ask = RefundOrderRequest().add_amount(Amount(amount=amount)).add_currency(Currency(currency=currency))
    return connect().get_order_manager().refund(order_id, ask.add_description("Sent back"))


def is_refund(response):
    assert response.get_body_success() is True, response.body
    assert response.get_data().refund_id and response.get_data().transaction_id, response.body


@step
def refund_part_and_rest():
    order_id = new_id("refund")
    create(direct(order_id))
    is_refund(refund(order_id, 300))
    assert read(order_id).amount_refunded == 300
    is_refund(refund(order_id, 700))
    assert read(order_id).amount_refunded == 1000


@step
def refund_refusals():
    order_id = new_id("refund-refused")
    create(direct(order_id))
    for amount, currency in [(1001, "EUR"), (100, "USD")]:
        try:
            answer = refund(order_id, amount, currency)
        except requests.HTTPError as error:
            assert 400 <= error.response.status_code < 500, error.response.text
        else:
            raise AssertionError(f"not refused: {answer.body}")
    assert read(order_id).amount_refunded == 0


@step
def refund_by_item():
    placed = create(direct_with_cart(new_id("item")))
    is_refund(connect().get_order_manager().refund_by_item(placed, "1111", 1))


@step
def refund_by_shopping_cart():
    placed = create(direct_with_cart(new_id("cart")))
    orders = connect().get_order_manager()
    is_refund(orders.refund(placed.order_id, orders.create_refund_request(placed)))


def capture(order_id, amount):
    ask = CaptureOrderRequest().add_amount(amount).add_reason("Sent").add_new_order_status("completed")
    response = connect().get_order_manager().capture(order_id, ask.add_new_order_id(f"capture-{order_id}"))
    assert response.get_data() is not None, response.body
    return response.get_data()


@step
def capture_all():
    order_id = new_id("all")
    create(direct(order_id).add_capture("manual"))
    assert capture(order_id, Amount(amount=1000)).order_id == order_id


@step
def capture_part_and_cancel_the_rest():
    order_id = new_id("part")
    create(direct(order_id).add_capture("manual"))
    assert capture(order_id, 10).order_id == f"capture-{order_id}"
    ask = CaptureRequest().add_status("cancelled").add_reason("Sold out")
    response = connect().get_capture_manager().capture_reservation_cancel(order_id, ask)
    assert response.get_status_code() == 200 and response.get_body_success() is True, response.body
    assert (response.get_data().order_id, response.get_data().success) == (order_id, True), response.body


# ---- tokens and lists -------------------------------------------------------


@step
def recurring_tokens():
    reference, sdk = new_id("shopper"), connect()
    order = direct(new_id("token"), gateway="CREDITCARD").add_customer(customer(reference))
    placed = create(order.add_recurring_model("cardOnFile"))
    tokens = sdk.get_recurring_manager().get_list(reference).get_data()
    assert [token.token for token in tokens] == [placed.payment_details.recurring_id], tokens
    token = tokens[0].token
    assert sdk.get_recurring_manager().get(token, reference).get_data().token == token
    removed = sdk.get_recurring_manager().delete(reference, token)
    assert removed.get_body_data()["removed"] is True, removed.body
    refused(lambda: sdk.get_recurring_manager().get_list(reference), 404, 1000)


@step
def transactions():
    placed = create(direct(new_id("listed")))
    listed = connect().get_transaction_manager().get_transactions().get_data()
    assert isinstance(listed, ListingPager), listed
    found = list(listed)
    assert found and all(isinstance(transaction, Transaction) for transaction in found), found
    assert placed.order_id in [transaction.order_id for transaction in found], found


@step
def gateways():
    listed = connect().get_gateway_manager().get_gateways().get_data()
    assert {"MAESTRO", "MASTERCARD", "VISA", "AMEX"} <= {gateway.id for gateway in listed}, listed
    assert connect().get_gateway_manager().get_by_code("MAESTRO").get_data().description == "Maestro"


@step
def payment_methods():
    manager = connect().get_payment_method_manager()
    assert {"MAESTRO", "VISA"} <= {method.id for method in manager.get_payment_methods().get_data()}
    method = manager.get_by_gateway_code("VISA").get_data()
    assert method.id == "VISA" and method.name and method.apps and method.icon_urls, method


@step
def categories():
    listed = connect().get_category_manager().get_categories().get_data()
    assert listed and all(category.code and category.description for category in listed), listed


@step
def me():
    account = connect().get_me_manager().get().get_data()
    assert account.account_id and account.site_id and account.role, account


@step
def api_token():
    token = connect().get_auth_manager().get_api_token().get_data()
    assert isinstance(token, ApiToken) and token.api_token, token


@step
def issuers():
    assert isinstance(connect().get_issuer_manager().get_issuers_by_gateway_code("MYBANK").get_data(), list)


def main(names):
    if names == ["--list"]:
        print("\n".join(STEPS))
        return 0
    for name in names:
        try:
            STEPS[name]()
        except Exception as error:
            traceback.print_exc()
            answer = getattr(error, "response", None)
            print(f"FAILED {name}", "" if answer is None else answer.text, file=sys.stderr)
            return 1
        print(f"ok {name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
