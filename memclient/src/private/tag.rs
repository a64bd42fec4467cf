//! What a tag may be.

use std::borrow::Cow;

/// The text of a tag.
#[diagnostic::on_unimplemented(
    message = "a tag is a text, and `{Self}` is none",
    note = "put it into one: `\"name:{{value}}\"`"
)]
pub trait TagText {
    fn text(&self) -> &str;
}

impl TagText for str {
    fn text(&self) -> &str {
        self
    }
}

impl TagText for String {
    fn text(&self) -> &str {
        self
    }
}

impl TagText for Cow<'_, str> {
    fn text(&self) -> &str {
        self
    }
}

impl<T: TagText + ?Sized> TagText for &T {
    fn text(&self) -> &str {
        (**self).text()
    }
}

/// Returns the text of a tag.
pub fn tag(text: &(impl TagText + ?Sized)) -> &str {
    text.text()
}
