//! Refusals of the rules, in the words of the API: one table.

use super::error::{self, Error};
use crate::run::RunError;
use payments::decide::Refused;
use payments::ids::OrderId;

/// The public answer to a command about `id` that had no effect.
pub(super) fn refused(error: RunError, id: &OrderId) -> Error {
    let refused = match error {
        RunError::NotFound => return Error::unknown_order(),
        RunError::Failed(error) => return Error::internal(&error),
        RunError::Refused(refused) => refused,
    };
    let conflict = |what: &str| Error::conflict(error::ORDER_ID, format!("Order {id} {what}"));
    let refund = |why: &str| Error::conflict(error::REFUND, format!("Cannot refund order {id}: {why}"));
    match refused {
        Refused::AlreadyPaid => Error::order_taken(id),
        Refused::PaymentInProgress => conflict("has a payment in progress"),
        Refused::SessionExpired => conflict("has expired"),
        Refused::SessionCancelled => conflict("is already cancelled"),
        Refused::TooManyAttempts => conflict("was tried to be paid too often"),
        Refused::SessionReplaced | Refused::OutOfTurn => conflict("cannot be changed now"),
        Refused::UnknownTransaction => Error::unknown_order(),
        Refused::NotAuthorised => conflict("has no authorisation to capture or cancel"),
        // A plugin compares this text, and takes it for a success.
        Refused::FullyCaptured => Error::conflict(error::ORDER_ID, "fullcaptured"),
        Refused::AuthorisationExpired => conflict("has an authorisation whose time is over"),
        Refused::MoreThanAuthorised => {
            Error::invalid(error::AMOUNT, "amount", "is more than what is left of the authorisation")
        }
        Refused::NothingToMove => Error::invalid(error::AMOUNT, "amount", "must be at least 1"),
        Refused::OrderIdTaken => Error::conflict(
            error::ORDER_ID,
            "Invalid new_order_id: a captured part needs an order id of its own",
        ),
        Refused::NothingCollected => refund("nothing was collected under it"),
        Refused::FullyRefunded => refund("everything is refunded already"),
        Refused::MoreThanCollected => refund("the amount is more than what is left of it"),
        Refused::OtherCurrency => {
            Error::invalid(error::CURRENCY, "currency", "must be the currency of the order")
        }
        Refused::RefundRepeated => refund(
            "the same amount was refunded less than 5 minutes ago; an Idempotency-Key says that it is meant",
        ),
        Refused::RefundTooLate => refund("it was completed more than 180 days ago"),
        Refused::ChargedBack => refund("the customer's bank has taken the money back already"),
        Refused::DisputeOver => conflict("has no dispute that is still open"),
        Refused::NotShippable => conflict("is not paid, so it cannot be shipped"),
    }
}
