//! Authorised money is captured, whole or in parts, or given back, and what is paid is shipped: rows M and H.

use crate::check_table;

const CAPTURED: &str = "
M1                               | authorised                                                            | completed/initialized told:2 remain:1000
M1 after review                  | manual held accept                                                    | completed/initialized told:3 remain:1000
M1 held                          | manual held                                                           | uncleared/uncleared told:2
M1 rejected                      | manual held reject                                                    | void/void told:3
M1 nothing to capture            | manual amount:0 place submit Y approve                                | completed/completed told:2
M1 asked                         | manual place submit Y silence ask:approved                            | completed/initialized told:2 remain:1000
M1 again                         | authorised approve                                                    | refused:OutOfTurn
M1 ordered again                 | authorised place                                                      | refused:AlreadyPaid
M1 another card                  | authorised submit                                                     | refused:AlreadyPaid
M1 cancelled as an order         | authorised shop-cancels                                               | refused:AlreadyPaid
M1 the session's end             | mastercard authorised +29d due see                                    | completed/initialized told:2 remain:1000
M2                               | authorised capture                                                    | completed/completed told:3 capture:1000=completed
M2 after review                  | manual held accept capture                                            | completed/completed told:4 capture:1000=completed
M2 the exact amount              | authorised capture:1000                                               | completed/completed told:3 capture:1000=completed
M2 acknowledged                  | authorised capture captured                                           | completed/completed told:3 capture:1000=completed
M2 nobody's own id               | authorised capture-under-own-id                                       | completed/completed told:3 capture:1000=completed
M2 the rest                      | authorised capture:300 capture                                        | completed/completed told:4 capture:300=completed capture:700=completed
M2 the rest is an order          | authorised capture:300 capture see@part-2                             | completed/completed told:0
M3                               | authorised capture:300                                                | completed/initialized told:3 remain:700 capture:300=completed
M3 the part                      | authorised capture:300 see@part-1                                     | completed/completed told:0
M3 again                         | authorised capture:300 capture:300                                    | completed/initialized told:4 remain:400 capture:300=completed capture:300=completed
M3 three parts                   | authorised capture:300 capture:300 capture:400                        | completed/completed told:5 capture:300=completed capture:300=completed capture:400=completed
M3 acknowledged in another order | authorised capture:300 capture captured captured#1                    | completed/completed told:4 capture:300=completed capture:700=completed
M4                               | authorised cancel-rest                                                | void/void told:3 cancellation:1000=completed
M4 released                      | authorised cancel-rest released                                       | void/void told:3 cancellation:1000=completed
M4 the rest                      | authorised capture:300 cancel-rest                                    | void/void told:4 capture:300=completed cancellation:700=completed
M4 leaves the part               | authorised capture:300 cancel-rest released see@part-1                | completed/completed told:0
M4 acknowledged after            | authorised capture:300 cancel-rest released captured                  | void/void told:4 capture:300=completed cancellation:700=completed
M5 Visa                          | visa authorised +7d due see                                           | void/void told:3
M5 Visa, not yet                 | visa authorised +6d due see                                           | completed/initialized told:2 remain:1000
M5 Mastercard                    | mastercard authorised +30d due see                                    | void/void told:3
M5 Mastercard, not yet           | mastercard authorised +29d due see                                    | completed/initialized told:2 remain:1000
M5 Maestro                       | authorised +30d expire-authorisation                                  | void/void told:3
M5 the rest                      | visa authorised capture:300 +7d due see                               | void/void told:4 capture:300=completed
M5 captured before               | visa authorised capture +7d due see                                   | completed/completed told:3 capture:1000=completed
M5 twice                         | visa authorised +7d due released expire-authorisation                 | void/void told:3
M5 captured in the last moment   | visa authorised +604799997ms capture                                  | completed/completed told:3 capture:1000=completed
M6                               | authorised capture:300 refund@part-1                                  | completed/completed told:1 refunded:300 refund:300=reserved
M6 whole                         | authorised capture refund send paid-back                              | refunded/completed told:5 refunded:1000 capture:1000=completed refund:1000=completed
M6 the part                      | authorised capture:300 refund:100@part-1 send@part-1 paid-back@part-1 | partial_refunded/completed told:2 refunded:100 refund:100=completed
M6 leaves the original           | authorised capture:300 refund@part-1 send@part-1 paid-back@part-1 see | completed/initialized told:3 remain:700 capture:300=completed
M6 of the original               | authorised capture:300 capture refund                                 | refused:NothingCollected
M6 more than the part            | authorised capture:300 refund:301@part-1                              | refused:MoreThanCollected
";

#[test]
fn what_is_authorised_is_captured_or_given_back() {
    check_table(CAPTURED);
}

/// An acquirer that collects nothing by itself is told to, once for each payment that is collected at once.
const COMPLETED: &str = "
approved                   | by-advice paid                                             | completed/completed told:2 uncollected
acknowledged               | by-advice paid collects                                    | completed/completed told:2
acknowledged twice         | by-advice paid collects collects                           | refused:OutOfTurn
found by asking            | by-advice place submit Y silence ask:approved              | completed/completed told:2 uncollected
held                       | by-advice held                                             | uncleared/uncleared told:2
not before a hold is over  | by-advice held collects                                    | refused:OutOfTurn
accepted after review      | by-advice held accept                                      | completed/completed told:3 uncollected
rejected after review      | by-advice held reject released                             | void/void told:3
declined                   | by-advice place submit Y refuse                            | declined/declined told:2
reversed                   | by-advice place submit Y silence ask:never-seen undo:done  | declined/declined told:2
nothing to collect         | by-advice amount:0 paid                                    | completed/completed told:2
captured by the shop       | by-advice authorised capture                               | completed/completed told:3 capture:1000=completed
a part                     | by-advice authorised capture:300 see@part-1                | completed/completed told:0
refunded before            | by-advice paid refund                                      | completed/completed told:3 refunded:1000 uncollected refund:1000=reserved
refunded after             | by-advice paid collects refund send paid-back              | refunded/completed told:4 refunded:1000 refund:1000=completed
charged back before        | by-advice paid chargeback                                  | chargedback/completed told:3 uncollected chargeback:1000=reserved/new
not cancelled meanwhile    | by-advice paid shop-cancels                                | refused:AlreadyPaid
an acquirer that collects  | paid collects                                              | refused:OutOfTurn
";

#[test]
fn what_is_paid_at_once_is_collected_by_an_advice_where_it_has_to_be() {
    check_table(COMPLETED);
}

const NOT_CAPTURED: &str = "
not authorised                       | place capture                                            | refused:NotAuthorised
not authorised: paid                 | paid capture                                             | refused:NotAuthorised
not authorised: held                 | manual held capture                                      | refused:NotAuthorised
not authorised: declined             | manual place submit N capture                            | refused:NotAuthorised
not authorised: given back           | authorised cancel-rest capture                           | refused:NotAuthorised
not authorised: nothing to give back | paid cancel-rest                                         | refused:NotAuthorised
not authorised: given back twice     | authorised cancel-rest cancel-rest                       | refused:NotAuthorised
not authorised: the part             | authorised capture:300 capture@part-1                    | refused:NotAuthorised
captured                             | authorised capture capture                               | refused:FullyCaptured
captured in parts                    | authorised capture:300 capture:700 capture:1             | refused:FullyCaptured
captured: nothing to give back       | authorised capture cancel-rest                           | refused:FullyCaptured
over, Visa                           | visa authorised +7d capture                              | refused:AuthorisationExpired
over, Visa to the millisecond        | visa authorised +604799998ms capture                     | refused:AuthorisationExpired
over, Maestro                        | authorised +30d capture:300                              | refused:AuthorisationExpired
too much                             | authorised capture:1001                                  | refused:MoreThanAuthorised
too much of the rest                 | authorised capture:300 capture:701                       | refused:MoreThanAuthorised
nothing                              | authorised capture:0                                     | refused:NothingToMove
less than nothing                    | authorised capture:-1                                    | refused:NothingToMove
a part under the order's id          | authorised capture-under-own-id:300                      | refused:OrderIdTaken
the rest under the order's id        | authorised capture:300 capture-under-own-id              | refused:OrderIdTaken
no capture to acknowledge            | authorised captured                                      | refused:UnknownTransaction
acknowledged twice                   | authorised capture captured captured                     | refused:OutOfTurn
acknowledged, a refund               | paid refund captured~                                    | refused:OutOfTurn
released twice                       | authorised cancel-rest released released                 | refused:OutOfTurn
released too early                   | authorised released                                      | refused:OutOfTurn
ordered again, parts captured        | authorised capture:300 cancel-rest released place        | refused:AlreadyPaid
a card, parts captured               | authorised capture:300 cancel-rest released submit       | refused:AlreadyPaid
cancelled, parts captured            | authorised capture:300 cancel-rest released shop-cancels | refused:AlreadyPaid
";

#[test]
fn what_is_not_authorised_is_not_captured() {
    check_table(NOT_CAPTURED);
}

const PAID_AGAIN: &str = "
at once                                    | authorised cancel-rest place-other                       | refused:PaymentInProgress
a card at once                             | authorised cancel-rest submit                            | refused:SessionExpired
a card                                     | authorised cancel-rest released submit                   | refused:SessionExpired
a card, ordered anew                       | authorised cancel-rest released place submit             | initialized/initialized told:4 cancellation:1000=completed
authorised again                           | authorised cancel-rest released place submit Y approve   | completed/initialized told:5 remain:1000 cancellation:1000=completed
captured in parts after a rejected attempt | manual held reject released submit Y approve capture:300 | completed/initialized told:6 remain:700 capture:300=completed
given back twice                           | authorised cancel-rest released place submit Y approve capture:300 cancel-rest | void/void told:7 cancellation:1000=completed capture:300=completed cancellation:700=completed
ordered anew                               | authorised cancel-rest released place-other              | void/void told:3 cancellation:1000=completed
cancelled                                  | authorised cancel-rest released shop-cancels             | refused:SessionExpired
cancelled, ordered anew                    | authorised cancel-rest released place shop-cancels       | void/cancelled told:4 cancellation:1000=completed
";

/// An order whose authorisation was given back untouched can be paid again.
#[test]
fn a_void_order_can_be_paid_again() {
    check_table(PAID_AGAIN);
}

const SHIPPED: &str = "
H1                           | paid ship                           | shipped/completed told:3
H1 captured                  | authorised capture ship             | shipped/completed told:4 capture:1000=completed
H1 an own contract           | own-amex paid ship                  | shipped/initialized told:3
H1 nothing paid for          | amount:0 paid ship                  | shipped/completed told:3
H1 a part                    | authorised capture:300 ship@part-1  | shipped/completed told:1
H1 then refunded             | paid ship refund send paid-back     | refunded/completed told:5 refunded:1000 refund:1000=completed
H1 after a part was refunded | paid refund:300 send paid-back ship | partial_refunded/completed told:5 refunded:300 refund:300=completed
H2                           | paid note                           | completed/completed told:2
H2 before it is paid         | place note                          | initialized/initialized told:0
H2 the same again            | paid note note-again                | completed/completed told:2
H2 after shipping            | paid ship note                      | shipped/completed told:3
H3 once                      | paid ship ship                      | shipped/completed told:3
H3 the same again            | paid ship ship-same-note            | shipped/completed told:3
not paid                     | place ship                          | refused:NotShippable
not paid: declined           | place submit N ship                 | refused:NotShippable
not paid: held               | held ship                           | refused:NotShippable
not paid: authorised         | authorised ship                     | refused:NotShippable
not paid: given back         | authorised cancel-rest ship         | refused:NotShippable
";

#[test]
fn what_is_paid_is_shipped_and_annotated() {
    check_table(SHIPPED);
}
