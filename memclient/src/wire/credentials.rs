use std::fmt;

/// What a user and a password may have together, in bytes; memcached's own file allows 256.
const MAX: usize = 1024;

/// A user and a password as text authentication can carry them. Shows the password to nobody.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Credentials {
    user: Box<str>,
    password: Box<str>,
}

impl Credentials {
    /// Returns the credentials.
    ///
    /// The server splits them at spaces and takes the first two words, so a space would cut the
    /// password short.
    ///
    /// # Errors
    /// What is wrong with them, without a quotation.
    pub(crate) fn new(user: &str, password: &str) -> Result<Self, &'static str> {
        let one_word = |text: &str| text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        if user.is_empty() || password.is_empty() {
            return Err("a user and a password are needed, and one is empty");
        }
        if !one_word(user) || !one_word(password) {
            return Err("neither the user nor the password can have spaces or control characters");
        }
        if user.len() + password.len() > MAX {
            return Err("user and password together have more than 1024 bytes");
        }
        Ok(Self { user: user.into(), password: password.into() })
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_more_than_two_words_is_refused() {
        for (user, password) in [
            ("", "p"),
            ("u", ""),
            ("two words", "p"),
            ("u", "two words"),
            ("u\r\nflush_all", "p"),
            ("u", "p\r\nflush_all\r\n"),
            ("u\n", "p"),
            ("u", "p\n"),
            ("u\0", "p"),
            ("u", "p\0"),
            ("u\t", "p"),
            ("u", &"p".repeat(MAX)),
        ] {
            let complaint = Credentials::new(user, password).unwrap_err();
            assert!(password.len() < 2 || !complaint.contains(password));
        }
        for (user, password) in [("u", "p"), ("u:v@w", "p/ß?#%"), ("u", &"p".repeat(MAX - 1))] {
            assert!(Credentials::new(user, password).is_ok(), "{user}");
        }
    }

    #[test]
    fn nobody_is_shown_a_password() {
        let shown = format!("{:?}", Credentials::new("ann", "secret").unwrap());
        assert!(!shown.contains("ann") && !shown.contains("secret"));
    }
}
