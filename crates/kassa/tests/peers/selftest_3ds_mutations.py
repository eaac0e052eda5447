"""An AReq as it has to be, and what is done to it in selftest_3ds.py, with the code that each has to be refused with."""

import uuid
from datetime import datetime, timezone
from typing import Any

Fields = dict[str, Any]
GONE = object()
BROWSER = {
    "User-Agent": "Mozilla/5.0 (selftest)",
    "Accept": "text/html,*/*;q=0.8",
    "Accept-Language": "nl-NL,nl;q=0.9",
}


def base_areq(results_url: str, pan: str) -> Fields:
    return {
        "messageType": "AReq",
        "messageVersion": "2.2.0",
        "messageCategory": "01",
        "deviceChannel": "02",
        "threeDSServerTransID": str(uuid.uuid4()),
        "threeDSServerRefNumber": "KASSA_UNCERTIFIED",
        "threeDSServerURL": results_url,
        "threeDSRequestorID": "kassa",
        "threeDSRequestorName": "Kassa",
        "threeDSRequestorURL": "https://shop.example",
        "threeDSRequestorAuthenticationInd": "01",
        "threeDSCompInd": "Y",
        "notificationURL": "http://127.0.0.1:1/back",
        "browserAcceptHeader": BROWSER["Accept"],
        "browserUserAgent": BROWSER["User-Agent"],
        "browserJavascriptEnabled": True,
        "browserJavaEnabled": False,
        "browserLanguage": "nl-NL",
        "browserColorDepth": "24",
        "browserScreenHeight": "1080",
        "browserScreenWidth": "1920",
        "browserTZ": "-60",
        "browserIP": "127.0.0.1",
        "acctNumber": pan,
        "cardExpiryDate": "3012",
        "purchaseAmount": "3798",
        "purchaseCurrency": "978",
        "purchaseExponent": "2",
        "purchaseDate": datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S"),
        "acquirerBIN": "525000",
        "acquirerMerchantID": "MERCHANT0000001",
        "mcc": "5732",
        "merchantCountryCode": "528",
        "merchantName": "Webshop BV",
        "email": "jan@example.org",
        "mobilePhone": {"cc": "31", "subscriber": "612345678"},
    }


# What is changed in an AReq, and the code and the field that the Erro has to name.
MUTATIONS: list[tuple[Fields, str, str]] = [
    *(
        ({name: GONE}, "201", name)
        for name in ("threeDSServerRefNumber threeDSServerURL threeDSRequestorID").split()
    ),
    *(
        ({name: GONE}, "201", name)
        for name in "threeDSRequestorName threeDSRequestorURL threeDSCompInd".split()
    ),
    *(({name: GONE}, "201", name) for name in "notificationURL browserAcceptHeader browserUserAgent".split()),
    *(
        ({name: GONE}, "201", name)
        for name in "browserLanguage browserJavascriptEnabled browserColorDepth".split()
    ),
    *(
        ({name: GONE}, "201", name)
        for name in "browserTZ acctNumber purchaseAmount purchaseCurrency mcc".split()
    ),
    *(({name: ""}, "201", name) for name in "purchaseExponent purchaseDate acquirerBIN merchantName".split()),
    ({"merchantCountryCode": None}, "201", "merchantCountryCode"),
    ({"messageType": "BReq"}, "101", "messageType"),
    ({"messageVersion": "2.1.0"}, "102", "messageVersion"),
    ({"messageVersion": GONE}, "201", "messageVersion"),
    ({"threeDSServerTransID": "1234"}, "203", "threeDSServerTransID"),
    ({"deviceChannel": "01"}, "203", "deviceChannel"),
    ({"threeDSServerURL": "ftp://127.0.0.1/"}, "203", "threeDSServerURL"),
    ({"threeDSServerURL": "http://shop.example/results"}, "203", "threeDSServerURL"),
    ({"notificationURL": "https://shop.example/" + "x" * 256}, "203", "notificationURL"),
    ({"browserJavascriptEnabled": "true"}, "203", "browserJavascriptEnabled"),
    ({"browserJavaEnabled": "false"}, "203", "browserJavaEnabled"),
    ({"browserColorDepth": "30"}, "203", "browserColorDepth"),
    ({"browserScreenHeight": 1080}, "203", "browserScreenHeight"),
    ({"browserTZ": "+2:00"}, "203", "browserTZ"),
    ({"browserIP": "shop"}, "203", "browserIP"),
    ({"acctNumber": "679999000004"}, "203", "acctNumber"),
    ({"cardExpiryDate": "1230"}, "203", "cardExpiryDate"),
    ({"cardholderName": "J"}, "203", "cardholderName"),
    ({"purchaseAmount": 3798}, "203", "purchaseAmount"),
    ({"purchaseAmount": "37.98"}, "203", "purchaseAmount"),
    ({"purchaseDate": "20261322000000"}, "203", "purchaseDate"),
    ({"email": ""}, "203", "email"),
    ({"mobilePhone": {"cc": "+31", "subscriber": "612345678"}}, "203", "mobilePhone"),
    ({"mobilePhone": {"cc": "31"}}, "203", "mobilePhone"),
    ({"merchantName": "x" * 41}, "203", "merchantName"),
    ({"threeDSRequestorChallengeInd": ["01"]}, "203", "threeDSRequestorChallengeInd"),
    ({"billAddrState": "NH"}, "201", "billAddrCountry"),
    ({"threeDSRequestorAuthenticationInd": "02"}, "201", "recurringExpiry"),
    ({"messageExtension": [{"name": "x"}]}, "203", "messageExtension"),
    (
        {"messageExtension": [{"name": "x", "id": "y", "criticalityIndicator": True, "data": {"z": "1"}}]},
        "202",
        "y",
    ),
    ({"purchaseCurrency": "000"}, "304", "purchaseCurrency"),
    ({"merchantCountryCode": "999"}, "304", "merchantCountryCode"),
    ({"mcc": "0000"}, "306", "mcc"),
    ({"threeDSRequestorID": "somebody"}, "303", "threeDSRequestorID"),
    ({"acctNumber": "9999990000000000"}, "305", "acctNumber"),
    ({"acctNumber": "6799990000000000004"}, "305", "acctNumber"),
    ({"purchaseDate": "20200101000000"}, "305", "purchaseDate"),
    ({"threeDSCompInd": "U"}, "305", "threeDSCompInd"),
    ({"browserUserAgent": "Mozilla/5.0 (another)"}, "305", "browserUserAgent"),
    ({"browserLanguage": "en-US"}, "305", "browserLanguage"),
]

MUTATIONS_231: list[tuple[Fields, str, str]] = [
    ({"acceptLanguage": GONE}, "201", "acceptLanguage"),
    ({"acquirerCountryCode": GONE}, "201", "acquirerCountryCode"),
    ({"acceptLanguage": "nl-NL"}, "203", "acceptLanguage"),
    ({"acquirerCountryCodeSource": "03"}, "203", "acquirerCountryCodeSource"),
    ({"threeDSRequestorChallengeInd": "01"}, "203", "threeDSRequestorChallengeInd"),
]
