//! Message types.

use iso8583::{Class, Function, Mti, Origin, Version};

fn mti(digits: &str) -> Mti {
    Mti::parse(digits).unwrap()
}

#[test]
fn every_type_of_1987_parses_and_prints_and_no_other() {
    let mut known = 0;
    for number in 0..10_000 {
        let digits = format!("{number:04}");
        if let Some(mti) = Mti::parse(&digits) {
            assert_eq!(mti.to_string(), digits);
            known += 1;
        }
    }
    assert_eq!(known, 8 * 5 * 6);
    for digits in ["", "010", "01000", "01X0", "1100", "2100", "0900", "0000", "0150", "0106", "٠١٠٠"] {
        assert_eq!(Mti::parse(digits), None, "{digits}");
    }
}

/// Request, its repeat, its answer.
const EXCHANGES: &[(&str, &str, &str)] = &[
    ("0100", "0101", "0110"),
    ("0120", "0121", "0130"),
    ("0200", "0201", "0210"),
    ("0220", "0221", "0230"),
    ("0400", "0401", "0410"),
    ("0420", "0421", "0430"),
    ("0800", "0801", "0810"),
    ("0102", "0103", "0112"),
];

#[test]
fn requests_repeats_and_answers_belong_together() {
    for (request, repeat, answer) in EXCHANGES {
        let (request, repeat, answer) = (mti(request), mti(repeat), mti(answer));
        assert!(request.is_request() && !request.is_response() && !request.is_repeat());
        assert!(repeat.is_request() && repeat.is_repeat());
        assert!(answer.is_response() && !answer.is_request());
        assert_eq!((request.repeat(), repeat.repeat(), repeat.first()), (repeat, repeat, request));
        assert_eq!((request.response(), repeat.response()), (Some(answer), Some(answer)));
        assert_eq!((answer.request(), answer.response()), (Some(request), None));
        assert!(answer.is_response_to(request) && answer.is_response_to(repeat));
        assert!(answer.repeat().is_response_to(request), "some hosts answer so");
        for (other, _, _) in EXCHANGES {
            assert_eq!(answer.is_response_to(mti(other)), mti(other) == request);
        }
    }
    assert_eq!((mti("0140").response(), mti("0140").request()), (None, None));
}

#[test]
fn a_type_says_what_it_is() {
    let advice = mti("0421");
    assert_eq!(advice.version(), Version::Iso1987);
    assert_eq!(advice.class(), Class::Reversal);
    assert_eq!(advice.function(), Function::Advice);
    assert_eq!(advice.origin(), Origin::AcquirerRepeat);
    assert_eq!(advice.meaning(), "reversal advice, repeated");
    assert_eq!(Mti::NETWORK_MANAGEMENT_REQUEST.meaning(), "network management request");
    assert_eq!(Mti::REVERSAL_ADVICE.to_string(), "0420");
    assert_eq!(Mti::FINANCIAL_ADVICE.to_string(), "0220");
}
