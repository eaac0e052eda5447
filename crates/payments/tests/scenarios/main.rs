//! Every way an order can go, a line each: what happens, and how the order then stands.
//!
//! The row names are those of the lifecycle tables: S for the session, T for the transaction, M for captures, H for
//! shipping, R for refunds, C for chargebacks. [`words`] says what a script can say, [`play`] plays it on orders,
//! and after each word [`always`] checks what must hold whatever the line is about. [`any_sequence`] does so for
//! scripts that nobody wrote.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod always;
mod any_sequence;
mod captures;
mod chargebacks;
mod payments;
mod play;
mod refunds;
mod tokens;
mod words;

use ::payments::order::Order;
use ::payments::status;
use ::payments::transaction::Transaction;
use play::Scenario;

/// Runs every line of a table of `row | script | how it ends`.
#[track_caller]
fn check_table(table: &str) {
    for line in table.lines().filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [row, script, expected] = cells[..] else { panic!("three cells: {line}") };
        check_line(row, script, expected);
    }
}

#[track_caller]
fn check<const N: usize>(lines: [(&str, &str, &str); N]) {
    for (row, script, expected) in lines {
        check_line(row, script, expected);
    }
}

/// Runs a script and compares how it ends: `refused:Why` when its last word was refused, else as [`standing`] says
/// it of the order that the last word was about.
#[track_caller]
fn check_line(row: &str, script: &str, expected: &str) {
    let mut scenario = Scenario::new();
    let words: Vec<&str> = script.split_whitespace().collect();
    let (last, before) = words.split_last().expect("a script has words");
    for word in before {
        scenario.step(word).unwrap_or_else(|refused| panic!("{row}: {word} was refused: {refused:?}"));
    }
    let seen = match scenario.step(last) {
        Err(refused) => format!("refused:{refused:?}"),
        Ok(()) => standing(scenario.order_of(last), scenario.told_about(last)),
    };
    assert_eq!(seen, expected, "{row}: {script}");
}

/// `status/financial told:N`, then what there is of: `remain:N` to capture, `refunded:N`, and each movement as
/// `kind:amount=status`, a dispute with its stage. `uncollected`: the acquirer has yet to acknowledge a completion.
fn standing(order: &Order, told: u32) -> String {
    let pair = status::of_order(order);
    let mut seen = format!("{}/{} told:{told}", pair.order, pair.financial.unwrap_or("null"));
    for (word, minor) in [("remain", order.capturable()), ("refunded", order.refunded())] {
        if minor > 0 {
            seen.push_str(&format!(" {word}:{minor}"));
        }
    }
    if order.transactions.iter().any(Transaction::is_completion_due) {
        seen.push_str(" uncollected");
    }
    for movement in &order.movements {
        let stage =
            movement.dispute().map(|dispute| format!("/{}", dispute.stage.word())).unwrap_or_default();
        let (kind, minor) = (words::kind(movement), movement.amount.minor);
        seen.push_str(&format!(" {kind}:{minor}={}{stage}", status::of_movement(movement).order));
    }
    seen
}
