//! The issuer takes money back, and the shop answers or does not: rows C.

use crate::check_table;

const CHARGED_BACK: &str = "
C1                               | paid chargeback                                   | chargedback/completed told:3 chargeback:1000=reserved/new
C1 a part                        | paid chargeback:300                               | chargedback/completed told:3 chargeback:300=reserved/new
C1 another part                  | paid chargeback:300 chargeback                    | chargedback/completed told:4 chargeback:300=reserved/new chargeback:700=reserved/new
C1 a captured part               | authorised capture:300 chargeback@part-1          | chargedback/completed told:1 chargeback:300=reserved/new
C1 leaves the original           | authorised capture:300 chargeback@part-1 see      | completed/initialized told:3 remain:700 capture:300=completed
C1 captured                      | authorised capture chargeback                     | chargedback/completed told:4 capture:1000=completed chargeback:1000=reserved/new
C1 an own contract               | own-amex paid chargeback                          | chargedback/initialized told:3 chargeback:1000=reserved/new
C1 years later                   | paid +400d chargeback                             | chargedback/completed told:3 chargeback:1000=reserved/new
C2 shipped                       | paid ship chargeback                              | chargedback/completed told:4 chargeback:1000=reserved/new
C2 refunded before               | paid refund send paid-back chargeback:1000        | chargedback/completed told:5 refunded:1000 refund:1000=completed chargeback:1000=reserved/new
C2 a refund is under way         | paid refund:300 send chargeback paid-back         | chargedback/completed told:5 refunded:300 refund:300=completed chargeback:700=reserved/new
C2 a refund rests                | paid refund:300 chargeback                        | chargedback/completed told:4 refund:300=void chargeback:1000=reserved/new
C3 waits                         | paid chargeback +22d due see                      | chargedback/completed told:3 chargeback:1000=reserved/new
C4                               | paid chargeback accept-it                         | chargedback/completed told:4 chargeback:1000=completed/accepted
C4 after evidence                | paid chargeback evidence accept-it                | chargedback/completed told:5 chargeback:1000=completed/accepted
C5                               | paid chargeback evidence                          | chargedback/completed told:4 chargeback:1000=reserved/submitted
C5 again                         | paid chargeback evidence evidence                 | chargedback/completed told:5 chargeback:1000=reserved/submitted
C5 then the time does not matter | paid chargeback evidence +23d due see             | chargedback/completed told:4 chargeback:1000=reserved/submitted
C6                               | paid chargeback evidence more                     | chargedback/completed told:5 chargeback:1000=reserved/ready
C6 answered                      | paid chargeback evidence more evidence            | chargedback/completed told:6 chargeback:1000=reserved/submitted
C6 the date moves                | paid chargeback +20d evidence more +22d due see   | chargedback/completed told:5 chargeback:1000=reserved/ready
C6 the new date passes           | paid chargeback +20d evidence more +23d due see   | chargedback/completed told:6 chargeback:1000=completed/accepted
C7 C10                           | paid chargeback evidence won                      | completed/completed told:5 chargeback:1000=completed/won reverse-chargeback:1000=completed
C7 of one of two                 | paid chargeback:300 chargeback:200 won#1          | chargedback/completed told:5 chargeback:300=completed/won chargeback:200=reserved/new reverse-chargeback:300=completed
C8                               | paid chargeback +23d due see                      | chargedback/completed told:4 chargeback:1000=completed/accepted
C8 Amex                          | amex paid chargeback +20d due see                 | chargedback/completed told:4 chargeback:1000=completed/accepted
C8 Amex, not yet                 | amex paid chargeback +19d due see                 | chargedback/completed told:3 chargeback:1000=reserved/new
C8 too early                     | paid chargeback time-over                         | chargedback/completed told:3 chargeback:1000=reserved/new
C8 evidence came                 | paid chargeback evidence +23d time-over           | chargedback/completed told:4 chargeback:1000=reserved/submitted
C8 after the end                 | paid chargeback lost +23d time-over               | chargedback/completed told:4 chargeback:1000=completed/lost
C9 lost                          | paid chargeback evidence lost                     | chargedback/completed told:5 chargeback:1000=completed/lost
C9 another round                 | paid chargeback evidence won chargeback           | chargedback/completed told:6 chargeback:1000=completed/won reverse-chargeback:1000=completed chargeback:1000=reserved/new
C9 a refund of the rest          | paid chargeback:300 lost refund                   | chargedback/completed told:5 refunded:700 chargeback:300=completed/lost refund:700=reserved
C10 shipped before               | paid ship chargeback won                          | shipped/completed told:5 chargeback:1000=completed/won reverse-chargeback:1000=completed
C10 refunded before              | paid refund:300 send paid-back chargeback:300 won | partial_refunded/completed told:6 refunded:300 refund:300=completed chargeback:300=completed/won reverse-chargeback:300=completed
C10 an own contract              | own-amex paid chargeback won                      | completed/initialized told:4 chargeback:1000=completed/won reverse-chargeback:1000=completed
C10 then a refund                | paid chargeback won refund                        | completed/completed told:5 refunded:1000 chargeback:1000=completed/won reverse-chargeback:1000=completed refund:1000=reserved
C11 lost                         | paid chargeback lost                              | chargedback/completed told:4 chargeback:1000=completed/lost
";

#[test]
fn a_chargeback_is_accepted_or_disputed() {
    check_table(CHARGED_BACK);
}

const NOT_CHARGED_BACK: &str = "
a refund                        | paid chargeback refund                                 | refused:ChargedBack
a refund of more than the rest  | paid chargeback:300 refund:701                         | refused:MoreThanCollected
a refund after all of the rest  | paid chargeback:300 refund:700 +5m refund              | refused:ChargedBack
a refund, accepted              | paid chargeback accept-it refund                       | refused:ChargedBack
a refund, lost                  | paid chargeback lost refund-meant:300                  | refused:ChargedBack
a refund, disputed              | paid chargeback evidence refund                        | refused:ChargedBack
a refund of the part            | authorised capture:300 chargeback@part-1 refund@part-1 | refused:ChargedBack
nothing collected               | place chargeback                                       | refused:NothingCollected
nothing collected: held         | held chargeback                                        | refused:NothingCollected
nothing collected: authorised   | authorised chargeback                                  | refused:NothingCollected
nothing collected: a card check | amount:0 paid chargeback                               | refused:NothingCollected
nothing collected under this id | authorised capture:300 capture chargeback              | refused:NothingCollected
too much                        | paid chargeback:1001                                   | refused:MoreThanCollected
too much of the rest            | paid chargeback:300 chargeback:701                     | refused:MoreThanCollected
all of it again                 | paid chargeback chargeback                             | refused:MoreThanCollected
nothing                         | paid chargeback:0                                      | refused:NothingToMove
accepted twice                  | paid chargeback accept-it accept-it                    | refused:DisputeOver
evidence after the end          | paid chargeback lost evidence                          | refused:DisputeOver
evidence after the date         | paid chargeback +23d due evidence                      | refused:DisputeOver
won after it was lost           | paid chargeback lost won                               | refused:DisputeOver
won twice                       | paid chargeback won won                                | refused:DisputeOver
lost after it was won           | paid chargeback won lost                               | refused:DisputeOver
more after the end              | paid chargeback accept-it more                         | refused:DisputeOver
evidence without a chargeback   | paid evidence                                          | refused:UnknownTransaction
evidence for a refund           | paid refund evidence~                                  | refused:UnknownTransaction
won without a chargeback        | paid won                                               | refused:UnknownTransaction
";

#[test]
fn what_the_issuer_took_back_is_not_paid_back_again() {
    check_table(NOT_CHARGED_BACK);
}
