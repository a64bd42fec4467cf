//! What holds of the macros, whatever is written between their parentheses; `tests/fuzz` looks for
//! texts of which it does not, and the corpus that it has found is replayed here.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    calls, expand,
    model::{self, writer::Task},
    parse::duration::{Resolution, millis},
};

/// Nested deeper than this a text exhausts the stack of syn, and before that the compiler's.
const DEEPEST: usize = 32;

/// Reads a text as the arguments of a macro, as a type with options, or as a time; the first byte
/// says which. What comes of it are items, and a time is what its parts come to.
pub(crate) fn options(input: &[u8]) {
    let [choice, text @ ..] = input else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match choice % 10 {
        8 => return time(text, Resolution::Seconds),
        9 => return time(text, Resolution::Milliseconds),
        _ => {}
    }
    if text.matches(['(', '[', '{', '<', '-', '!', '*', '&', '|']).count() > DEEPEST {
        return;
    }
    let Ok(tokens) = text.parse::<TokenStream>() else { return };
    let written = match choice % 10 {
        0 => calls::cached(
            tokens,
            &quote!(
                async fn user(id: u64, name: &str) -> Result<Option<User>, Down> {
                    load(id, name).await
                }
            ),
        ),
        1 => calls::cached(
            tokens,
            &quote!(
                pub fn sum<T: Into<u64>>(of: Vec<T>) -> u64 {
                    0
                }
            ),
        ),
        2 => calls::cached(tokens, &method()),
        3 => calls::written(tokens, &method(), Task::Invalidate),
        4 => calls::written(tokens, &method(), Task::Put),
        5 => calls::derived(tokens, model::key::check, expand::derive_key::expand),
        6 => calls::derived(tokens, model::value::check, expand::derive_value::expand),
        _ => calls::cached(quote!(ttl = "1m"), &tokens),
    };
    // What comes back unchanged beside the error needs not to be an item.
    if choice % 10 == 7 {
        return;
    }
    let in_impl = (2..=4).contains(&(choice % 10));
    let whole = if in_impl { quote!(impl Shop { #written }) } else { written };
    if let Err(error) = syn::parse2::<syn::File>(whole.clone()) {
        panic!("`{text}` comes to what is no item: {error}\n{whole}");
    }
}

fn method() -> TokenStream {
    quote!(
        async fn price(&self, article: &str, count: Option<u32>) -> Result<u64, Down> {
            self.ask(article, count).await
        }
    )
}

fn time(text: &str, resolution: Resolution) {
    let Ok(total) = millis(text, resolution) else { return };
    assert!(total > 0 && total <= 3_650 * 86_400_000, "{text:?} is {total} ms");
    assert!(resolution == Resolution::Milliseconds || total % 1000 == 0);
    // The same, added up from the right and without a table.
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (mut sum, mut rest) = (0, &dense[..]);
    while !rest.is_empty() {
        let letters = rest.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let before = letters.trim_end_matches(|c: char| c.is_ascii_digit());
        let number: u64 = match letters[before.len()..].parse() {
            Ok(number) => number,
            Err(error) => panic!("{text:?} is {total} ms: {error}"),
        };
        sum += number
            * match &rest[letters.len()..] {
                "w" => 7 * 86_400_000,
                "d" => 86_400_000,
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1000,
                _ => 1,
            };
        rest = before;
    }
    assert_eq!(sum, total, "{text:?}");
}

#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{options, replay::replay};

    #[test]
    fn the_corpus_of_options_holds() {
        replay("options", options);
    }
}
