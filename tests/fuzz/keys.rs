//! The bytes of a terminal: however they are cut into pieces, they are the same inputs, and none stays behind.

#![no_main]

use gradtui::ui::terminal::keys::Parser;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let read = |piece: usize| {
        let (mut parser, mut inputs) = (Parser::default(), Vec::new());
        bytes.chunks(piece).for_each(|bytes| parser.feed(bytes, &mut inputs));
        parser.pause(&mut inputs);
        assert!(!parser.waits());
        inputs
    };
    assert_eq!(read(1), read(bytes.len().max(1)));
});
