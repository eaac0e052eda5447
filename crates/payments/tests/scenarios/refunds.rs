//! Money goes back to the customer: rows R.

use crate::check_table;

const REFUNDED: &str = "
R1                         | paid refund                                                        | completed/completed told:3 refunded:1000 refund:1000=reserved
R1 a part                  | paid refund:300                                                    | completed/completed told:3 refunded:300 refund:300=reserved
R1 the rest                | paid refund:300 refund                                             | completed/completed told:4 refunded:1000 refund:300=reserved refund:700=reserved
R1 after review            | held accept refund                                                 | completed/completed told:4 refunded:1000 refund:1000=reserved
R1 shipped                 | paid ship refund                                                   | shipped/completed told:4 refunded:1000 refund:1000=reserved
R1 the session's end       | paid refund +30d due see                                           | completed/completed told:3 refunded:1000 refund:1000=reserved
R1 an own contract         | own-amex paid refund                                               | completed/initialized told:3 refunded:1000 refund:1000=reserved
R2                         | paid refund send paid-back                                         | refunded/completed told:4 refunded:1000 refund:1000=completed
R2 a part                  | paid refund:300 send paid-back                                     | partial_refunded/completed told:4 refunded:300 refund:300=completed
R2 the rest is on its way  | paid refund:300 send paid-back refund                              | partial_refunded/completed told:5 refunded:1000 refund:300=completed refund:700=reserved
R2 all in parts            | paid refund:300 send paid-back refund send paid-back               | refunded/completed told:6 refunded:1000 refund:300=completed refund:700=completed
R2 the second first        | paid refund:300 refund:200 send send#1 paid-back                   | partial_refunded/completed told:5 refunded:500 refund:300=reserved refund:200=completed
R2 an own contract         | own-amex paid refund send paid-back                                | refunded/initialized told:4 refunded:1000 refund:1000=completed
R2 an own contract, a part | own-amex paid refund:300 send paid-back                            | partial_refunded/initialized told:4 refunded:300 refund:300=completed
R3 being sent              | paid refund send                                                   | completed/completed told:3 refunded:1000 refund:1000=reserved
R3 no answer               | paid refund send refund-silence                                    | completed/completed told:3 refunded:1000 refund:1000=reserved
R3 no answer for long      | paid refund send refund-silence refund-silence +30d refund-silence | completed/completed told:3 refunded:1000 refund:1000=reserved
R3 an answer at last       | paid refund send refund-silence refund-silence paid-back           | refunded/completed told:4 refunded:1000 refund:1000=completed
R3 refused at last         | paid refund send refund-silence refund-refused                     | completed/completed told:4 refund:1000=declined
R4                         | paid refund take-back                                              | completed/completed told:4 refund:1000=void
R4 one of two              | paid refund:300 refund:200 take-back#1                             | completed/completed told:5 refunded:200 refund:300=void refund:200=reserved
R4 and again, at once      | paid refund take-back refund                                       | completed/completed told:5 refunded:1000 refund:1000=void refund:1000=reserved
R4 after a part was paid   | paid refund:300 send paid-back refund take-back                    | partial_refunded/completed told:6 refunded:300 refund:300=completed refund:700=void
R5                         | paid refund send refund-refused                                    | completed/completed told:4 refund:1000=declined
R5 and again, at once      | paid refund send refund-refused refund                             | completed/completed told:5 refunded:1000 refund:1000=declined refund:1000=reserved
R5 shipped                 | paid ship refund send refund-refused                               | shipped/completed told:5 refund:1000=declined
R6 the same day            | paid refund send paid-back                                         | refunded/completed told:4 refunded:1000 refund:1000=completed
R7 nothing moves by itself | paid refund +1d due see                                            | completed/completed told:3 refunded:1000 refund:1000=reserved
";

#[test]
fn a_refund_is_set_aside_sent_and_paid() {
    check_table(REFUNDED);
}

const IN_TIME: &str = "
the same in five minutes              | paid refund:300 refund:300                     | refused:RefundRepeated
the same in less than five minutes    | paid refund:300 +299997ms refund:300           | refused:RefundRepeated
the same after five minutes           | paid refund:300 +299998ms refund:300           | completed/completed told:4 refunded:600 refund:300=reserved refund:300=reserved
the same, meant                       | paid refund:300 refund-meant:300               | completed/completed told:4 refunded:600 refund:300=reserved refund:300=reserved
the same, paid meanwhile              | paid refund:300 send paid-back refund:300      | refused:RefundRepeated
the rest, and it is the same          | paid refund:500 refund                         | refused:RefundRepeated
the same, and too much                | paid refund:600 refund:600                     | refused:RefundRepeated
the same, after the first was refused | paid refund:300 send refund-refused refund:300 | completed/completed told:5 refunded:300 refund:300=declined refund:300=reserved
on the last day                       | paid +179d refund                              | completed/completed told:3 refunded:1000 refund:1000=reserved
in the last moment                    | paid +15551999998ms refund                     | completed/completed told:3 refunded:1000 refund:1000=reserved
a moment too late                     | paid +15551999999ms refund                     | refused:RefundTooLate
too late                              | paid +181d refund:300                          | refused:RefundTooLate
from the capture on                   | authorised +29d capture +170d refund           | completed/completed told:4 refunded:1000 capture:1000=completed refund:1000=reserved
too late after the part's capture     | authorised capture:300 +181d refund@part-1     | refused:RefundTooLate
sent, though late                     | paid +179d refund +2d send paid-back           | refunded/completed told:4 refunded:1000 refund:1000=completed
";

#[test]
fn a_refund_is_asked_for_once_and_in_time() {
    check_table(IN_TIME);
}

const NOT_REFUNDED: &str = "
nothing yet                          | place refund                              | refused:NothingCollected
nothing: declined                    | place submit N refund                     | refused:NothingCollected
nothing: held                        | held refund                               | refused:NothingCollected
nothing: rejected                    | held reject released refund               | refused:NothingCollected
nothing: authorised                  | authorised refund                         | refused:NothingCollected
nothing: given back                  | authorised cancel-rest refund             | refused:NothingCollected
nothing: a card check                | amount:0 paid refund                      | refused:NothingCollected
nothing under this id                | authorised capture:300 refund             | refused:NothingCollected
all refunded                         | paid refund send paid-back refund         | refused:FullyRefunded
all on its way                       | paid refund refund:300                    | refused:FullyRefunded
all in parts                         | paid refund:300 refund:700 refund:1       | refused:FullyRefunded
too much                             | paid refund:1001                          | refused:MoreThanCollected
too much of the rest                 | paid refund:300 refund:701                | refused:MoreThanCollected
too much, meant                      | paid refund:600 refund-meant:600          | refused:MoreThanCollected
no amount                            | paid refund:0                             | refused:NothingToMove
less than nothing                    | paid refund:-1                            | refused:NothingToMove
another currency                     | paid refund-usd:300                       | refused:OtherCurrency
another currency, all                | paid refund-usd                           | refused:OtherCurrency
taken back twice                     | paid refund take-back take-back           | refused:OutOfTurn
taken back too late                  | paid refund send take-back                | refused:OutOfTurn
taken back, nobody knows where it is | paid refund send refund-silence take-back | refused:OutOfTurn
taken back, paid                     | paid refund send paid-back take-back      | refused:OutOfTurn
taken back, refused                  | paid refund send refund-refused take-back | refused:OutOfTurn
taken back, a capture                | authorised capture take-back~             | refused:UnknownTransaction
taken back, none                     | paid take-back                            | refused:UnknownTransaction
sent twice                           | paid refund send send                     | refused:OutOfTurn
sent after it was taken back         | paid refund take-back send                | refused:OutOfTurn
sent, a capture                      | authorised capture send~                  | refused:OutOfTurn
sent, none                           | paid send                                 | refused:UnknownTransaction
answered before it was sent          | paid refund paid-back                     | refused:OutOfTurn
answered twice                       | paid refund send paid-back paid-back      | refused:OutOfTurn
refused after it was paid            | paid refund send paid-back refund-refused | refused:OutOfTurn
paid after it was refused            | paid refund send refund-refused paid-back | refused:OutOfTurn
answered, none                       | paid paid-back                            | refused:UnknownTransaction
";

#[test]
fn nothing_is_refunded_but_what_was_collected() {
    check_table(NOT_REFUNDED);
}
