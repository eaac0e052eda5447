"""What the ACS shows a browser: the Method's hidden page, the challenge, and the way back."""

from collections.abc import Mapping
from html import escape

from threeds_fields import Fields

HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{}</title></head><body>'
NOTHING = HEAD.format("3DS Method") + "</body></html>"


def posting(url: str, fields: Mapping[str, str]) -> str:
    """A form that posts itself; without JavaScript a person does."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return (
        f'{HEAD.format("One moment")}<form id="back" method="post" action="{escape(url)}">{inputs}'
        '<button id="continue" type="submit">Continue</button></form>'
        '<script>document.getElementById("back").submit()</script></body></html>'
    )


def challenge(areq: Fields, wrong: bool) -> str:
    """The page that asks for the code."""
    exponent = int(areq["purchaseExponent"])
    amount = f"{int(areq['purchaseAmount']) / 10**exponent:.{exponent}f}"
    paragraphs = [f"{areq['merchantName']} asks for {amount} (currency {areq['purchaseCurrency']})"]
    paragraphs += [f"with the card that ends in {areq['acctNumber'][-4:]}."]
    paragraphs += ["That code is wrong."] if wrong else []
    said = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    return (
        f'{HEAD.format("Your bank")}<h1>Your bank</h1>{said}<form method="post" action="/acs/answer">'
        f'<input type="hidden" name="transaction" value="{escape(areq["threeDSServerTransID"])}">'
        '<label for="otp">Code</label> <input id="otp" name="otp" autocomplete="one-time-code">'
        '<button id="submit" type="submit">Confirm</button>'
        '<button id="cancel" type="submit" name="cancel" value="1">Cancel</button></form></body></html>'
    )


def refused(why: str) -> str:
    return f"{HEAD.format('Refused')}<h1>Refused</h1><p>{escape(why)}</p></body></html>"
