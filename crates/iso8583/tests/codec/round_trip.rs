//! Every message that a profile can write reads back as itself, alone and through a stream.

use crate::property;
use crate::vectors::profiles;
use iso8583::{Deframer, Message, Mti};
use proptest::prelude::*;

/// Longer values make no difference to the codec, and slow the test down.
const LENGTH_MAX: usize = 60;

/// The fields of the standard with a way to draw a value for each, from the notation alone.
fn fields() -> Vec<(u8, BoxedStrategy<Vec<u8>>)> {
    let table: toml::Table = include_str!("../../profiles/fields.toml").parse().unwrap();
    let fields = table.iter().map(|(number, field)| {
        let notation = field["format"].as_str().unwrap();
        (number.parse().unwrap(), values(notation))
    });
    // PIN data is never built.
    fields.filter(|(number, _)| !matches!(number, 52 | 53)).collect()
}

fn values(notation: &str) -> BoxedStrategy<Vec<u8>> {
    let (kind, length) = notation.split_once(' ').unwrap();
    let number: usize = length.trim_start_matches('.').parse().unwrap();
    let lengths = if length.starts_with('.') { 0..=number.min(LENGTH_MAX) } else { number..=number };
    let letters = |set: &str| {
        let set = set.as_bytes().to_vec();
        let letter = move |byte: u8| set[usize::from(byte) % set.len()];
        let bytes = prop::collection::vec(any::<u8>(), lengths.clone());
        bytes.prop_map(move |bytes| bytes.into_iter().map(&letter).collect()).boxed()
    };
    let printable: String = (b' '..=b'~').map(char::from).collect();
    match kind {
        "n" => letters("0123456789"),
        "z" => letters("0123456789="),
        "an" => letters("09AZaz "),
        "ns" => letters("0123456789-/ "),
        "ans" => letters(&printable),
        "x+n" => {
            let digits = prop::collection::vec(b'0'..=b'9', number);
            (prop_oneof![Just(b'C'), Just(b'D')], digits)
                .prop_map(|(sign, digits)| [&[sign], digits.as_slice()].concat())
                .boxed()
        }
        "b" if length.starts_with('.') => prop::collection::vec(any::<u8>(), lengths).boxed(),
        "b" => prop::collection::vec(any::<u8>(), number / 8).boxed(),
        kind => panic!("{kind}"),
    }
}

fn messages() -> impl Strategy<Value = Message> {
    let types = (1..9_u8, 0..5_u8, 0..6_u8).prop_map(|(class, function, origin)| {
        Mti::of_digits([b'0', b'0' + class, b'0' + function, b'0' + origin]).unwrap()
    });
    let fields = fields();
    // In any order, so that messages are also built the way nobody sends them.
    let some = prop::collection::vec(0..fields.len(), 0..25);
    let fields = some.prop_flat_map(move |some| {
        let some = some.iter().map(|at| fields[*at].clone());
        let (numbers, values): (Vec<u8>, Vec<_>) = some.unzip();
        (Just(numbers), values)
    });
    (types, fields).prop_map(|(mti, (numbers, values))| {
        let mut message = Message::new(mti);
        numbers.iter().zip(values).for_each(|(number, value)| {
            message.set(*number, value);
        });
        message
    })
}

#[test]
fn a_message_reads_back_as_itself() {
    let profiles = profiles();
    let tried = property().run(&(messages(), 1..300_usize), |(message, size)| {
        for profile in &profiles {
            let wire = profile.encode(&message).unwrap();
            prop_assert!(profile.decode(&wire).unwrap() == message, "profile {}", profile.name());
            if let Some(pan) = message.text(2).filter(|pan| pan.len() >= 12) {
                prop_assert!(!message.masked(profile).to_string().contains(pan));
            }
            let stream = profile.framing().frame(&wire).unwrap();
            let mut deframer = Deframer::new(profile.framing());
            let mut frames = Vec::new();
            for mut received in stream.chunks(size) {
                while let Some(frame) = deframer.feed(&mut received).unwrap() {
                    frames.push(frame);
                }
            }
            prop_assert!(deframer.is_between_frames());
            prop_assert!(matches!(frames.as_slice(), [frame] if frame.message() == wire));
        }
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_message_is_what_was_set_last() {
    let runner = &mut property();
    let twice = (messages(), messages());
    let tried = runner.run(&twice, |(mut message, other)| {
        let before = message.clone();
        let numbers: Vec<u8> = other.fields().map(|(number, _)| number).collect();
        message.echo(&other, &numbers);
        for (number, value) in before.fields() {
            let expected = other.bytes(number).unwrap_or(value);
            prop_assert!(message.bytes(number) == Some(expected));
        }
        for (number, value) in other.fields() {
            prop_assert!(message.bytes(number) == Some(value));
            message.remove(number);
            prop_assert!(!message.has(number));
        }
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}
