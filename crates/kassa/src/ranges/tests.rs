//! The built-in table against published card numbers, and an operator's file with its mistakes.

use super::*;
use Brand::{Amex, Maestro, Mastercard, Visa};
use payments::card::Pan;

/// Numbers that gateways and schemes publish for tests, and what they are published as.
const PUBLISHED: &[(&str, &[Brand], Option<&str>)] = &[
    ("6799990000000000011", &[Maestro], None),
    ("5500000000000004", &[Mastercard], None),
    ("4111111111111111", &[Visa], None),
    ("4761340000000019", &[Visa], None),
    ("374500000000015", &[Amex], None),
    ("4917300000000008", &[Visa], None),
    ("4462000000000003", &[Visa], None),
    ("378734493671000", &[Amex], None),
    ("374200000000004", &[Amex], None),
    ("4012001037461114", &[Visa], None),
    ("4012001038488884", &[Visa], None),
    ("4012001038443335", &[Visa], None),
    ("67034500054620008", &[Maestro], Some("Bancontact")),
    ("67039902990000045", &[Maestro], Some("Bancontact")),
    ("67039902990000011", &[Maestro], Some("Bancontact")),
    ("67034500054610009", &[Maestro], Some("Bancontact")),
    // Maestro from 12 to 19 digits.
    ("679999000004", &[Maestro], None),
    ("6759000000005", &[Maestro], None),
    ("6799990000000000029", &[Maestro], None),
    ("6799990000000000045", &[Maestro], None),
    ("6799990000000000052", &[Maestro], None),
    ("6799990000000000060", &[Maestro], None),
    ("6759649826438453", &[Maestro], None),
    ("6799990100000000019", &[Maestro], None),
    ("6304000000000000", &[Maestro], None),
    ("6771798021000008", &[Maestro], None),
    ("6771830999991239", &[Maestro], None),
    ("5641820000000005", &[Maestro], None),
    ("4242424242424242", &[Visa], None),
    ("4917610000000000003", &[Visa], None),
    ("5555555555554444", &[Mastercard], None),
    ("5105105105105100", &[Mastercard], None),
    ("2223003122003222", &[Mastercard], None),
    ("2221000000000009", &[Mastercard], None),
    ("2720992593319364", &[Mastercard], None),
    ("378282246310005", &[Amex], None),
    ("371449635398431", &[Amex], None),
    ("5747906991001442", &[Maestro], None),
    // Not taken.
    ("6011111111111117", &[], Some("Discover")),
    ("36006666333344", &[], Some("Diners Club")),
    ("3530111333300000", &[], Some("JCB")),
    ("6212345678901232", &[], Some("UnionPay")),
    ("5066991111111118", &[], Some("Elo")),
    ("6062826786276634", &[], Some("Hipercard")),
    ("5019717010103742", &[], Some("Dankort")),
];

#[test]
fn published_numbers_are_what_they_are_published_as() {
    let ranges = built_in();
    for (number, brands, scheme) in PUBLISHED {
        let range = ranges.of(&Pan::parse(number).expect(number)).expect(number);
        assert_eq!((&*range.brands, range.scheme.as_deref()), (*brands, *scheme), "{number}");
        assert!(range.lengths.contains(number.len()), "{number}");
    }
}

/// A prefix, and what is known by it.
#[test]
fn the_edges_of_the_table_are_where_they_should_be() {
    let ranges = built_in();
    for (prefix, expected) in [
        ("2220", "-"),
        ("2221", "MASTERCARD"),
        ("2720", "MASTERCARD"),
        ("2721", "-"),
        ("50", "MAESTRO"),
        ("5018", "MAESTRO"),
        ("5019", "Dankort"),
        ("5020", "MAESTRO"),
        ("55", "MASTERCARD"),
        ("56", "MAESTRO"),
        ("58", "MAESTRO"),
        ("59", "-"),
        ("5893", "MAESTRO"),
        ("6", "MAESTRO"),
        ("6390", "MAESTRO"),
        ("637", "MAESTRO"),
        ("6706", "MAESTRO"),
        ("672", "MAESTRO"),
        ("676770", "MAESTRO"),
        ("493697", "VISA"),
        ("493698", "MAESTRO"),
        ("493699", "VISA"),
        ("60400099", "MAESTRO"),
        ("60400100", "UkrCard"),
        ("60420099", "UkrCard"),
        ("60420100", "MAESTRO"),
        ("622125", "UnionPay"),
        ("622126", "Discover"),
        ("622926", "UnionPay"),
        ("643", "MAESTRO"),
        ("644", "Discover"),
        ("66", "MAESTRO"),
        ("7", "-"),
        ("0", "-"),
    ] {
        let found = ranges.find(prefix).map(|range| match range.brands.first() {
            Some(brand) => brand.id(),
            None => range.scheme.as_deref().unwrap(),
        });
        assert_eq!(found.unwrap_or("-"), expected, "{prefix}");
    }
}

#[test]
fn right_brands_have_right_lengths() {
    let ranges = built_in();
    let lengths = |prefix: &str| {
        let range = ranges.find(prefix).unwrap();
        (0..30).filter(|digits| range.lengths.contains(*digits)).collect::<Vec<_>>()
    };
    assert_eq!(lengths("34"), [15]);
    assert_eq!(lengths("4"), [13, 16, 18, 19]);
    assert_eq!(lengths("2221"), [16]);
    for prefix in ["50", "56", "6", "6703", "672", "493698"] {
        assert_eq!(lengths(prefix), [12, 13, 14, 15, 16, 17, 18, 19], "{prefix}");
    }
}

/// A row after a good one, and what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    ("{ low = \"x\", scheme = \"A\" }", LOW),
    ("{ low = \"12\", high = \"11\", scheme = \"A\" }", LOW),
    ("{ low = \"12\", high = \"123\", scheme = \"A\" }", LOW),
    ("{ low = \"\", scheme = \"A\" }", LOW),
    ("{ low = 12, scheme = \"A\" }", "invalid type: integer `12`, expected a string"),
    ("{ scheme = \"A\" }", "missing field `low`"),
    ("{ low = \"1\" }", "must have brands, or a scheme whose cards are not taken"),
    ("{ low = \"1\", brands = [\"VISA\"] }", "must have digits: how long the numbers are"),
    (
        "{ low = \"1\", brands = [\"visa\"], digits = \"16\" }",
        "brands must be of MAESTRO, MASTERCARD, VISA and AMEX",
    ),
    (
        "{ low = \"1\", brands = [\"VISA\", \"MAESTRO\", \"VISA\"], digits = \"16\" }",
        "brands has one of them twice",
    ),
    ("{ low = \"1\", brands = [\"VISA\"], digits = \"6\" }", "digits must be like \"16\" or \"13,16,18-19\""),
    ("{ low = \"1\", scheme = \"A\", funding = \"X\" }", "funding must be C, D, P, R or H"),
    ("{ low = \"1\", scheme = \"A\", country = \"XX\" }", "country must be two letters, like NL"),
    ("{ low = \"1\", scheme = \" \" }", "scheme must be 1 to 40 printable ASCII characters"),
    (
        "{ low = \"1\", scheme = \"A\", product = \"é\" }",
        "product must be 1 to 40 printable ASCII characters",
    ),
    (
        "{ low = \"1\", schema = \"A\" }",
        "unknown field `schema`, expected one of `low`, `high`, `brands`, `scheme`, `digits`, `country`, `funding`, `product`",
    ),
    (
        "{ low = \"40\", high = \"49\", brands = [\"VISA\"], digits = \"16\" }",
        "overlaps the range of line 2, and neither has longer prefixes",
    ),
];

const LOW: &str = "low and high must have 1 to 12 digits, both as many, and low be the lower one";

#[test]
fn a_mistake_is_named_with_its_file_and_line() {
    let good = "ranges = [\n  { low = \"45\", brands = [\"VISA\"], digits = \"16\", country = \"NL\" },\n";
    for (row, message) in MISTAKES {
        let error = with("own.toml", &format!("{good}  # A note.\n  {row},\n]")).unwrap_err();
        assert_eq!(format!("{error:#}"), format!("own.toml, line 4: {message}"), "{row}");
    }
    let error = with("own.toml", "ranges = [\n\n  {").unwrap_err().to_string();
    assert!(error.starts_with("own.toml, line 3: "), "{error}");
    let missing = load(Some(Path::new("/nowhere/own.toml"))).unwrap_err();
    assert!(
        format!("{missing:#}").starts_with("cannot read the card ranges /nowhere/own.toml: "),
        "{missing:#}"
    );
}

#[test]
fn an_operators_rows_come_before_the_built_in_ones() {
    let own = "ranges = [
        { low = \"637568\", brands = [\"MAESTRO\"], digits = \"16\" },
        { low = \"6375\", scheme = \"Ours\" },
        { low = \"400000\", high = \"400001\", brands = [\"VISA\"], digits = \"16\", country = \"BE\", funding = \"D\", product = \"F\" },
    ]";
    let ranges = with("own.toml", own).unwrap();
    assert_eq!(ranges.find("637568").unwrap().brands, [Maestro], "as long");
    assert_eq!(ranges.find("637500").unwrap().scheme.as_deref(), Some("Ours"), "longer");
    assert_eq!(ranges.find("637599").unwrap().scheme.as_deref(), Some("Hiper"), "shorter");
    let issued = &ranges.find("4000011111111111").unwrap().issued;
    let expected = Issued {
        country: Some("BE".to_owned()),
        funding: Some(Funding::Debit),
        product: Some("F".to_owned()),
    };
    assert_eq!(*issued, expected);
    assert_eq!(ranges.find("4000021111111111").unwrap().issued, Issued::default());
    assert_eq!(for_script(&ranges), for_script(&with("", "ranges = [{ low = \"637568\", brands = [\"MAESTRO\"], digits = \"16\" }, { low = \"6375\", scheme = \"Ours\" }]").unwrap()), "what does not matter to the page is not on it");
}

#[test]
fn the_script_is_told_the_brands_and_nothing_else() {
    let text = for_script(&built_in());
    let steps: Vec<&str> = text.split(';').map(|step| step.split_once('=').unwrap().0).collect();
    assert_eq!(steps, ["4", "6", "8"]);
    assert!(text.starts_with("4=2221-2720mastercard,3400-3499amex,3700-3799amex,4000-4999visa,"), "{text}");
    assert!(text.contains(",493698-493698maestro,504175-504175,"), "{text}");
    assert!(text.len() < 2_000, "{} bytes on every page", text.len());
    let both = "ranges = [{ low = \"67999910\", brands = [\"MASTERCARD\", \"MAESTRO\"], digits = \"16\" }]";
    let text = for_script(&with("own.toml", both).unwrap());
    assert!(text.contains(",67999910-67999910mastercard+maestro"), "{text}");
}
