/// A reply of one line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Line {
    /// `VERSION …`
    Version,
    /// `OK`
    Ok,
    /// `STORED`
    Stored,
}

impl Line {
    pub(in crate::proto) fn accepts(self, line: &[u8]) -> bool {
        match self {
            Self::Version => {
                line.strip_prefix(b"VERSION ").is_some_and(|version| !version.is_empty())
            }
            Self::Ok => line == b"OK",
            Self::Stored => line == b"STORED",
        }
    }

    pub(in crate::proto) const fn complaint(self) -> &'static str {
        match self {
            Self::Version => "version is answered with VERSION",
            Self::Ok => "this command is answered with OK",
            Self::Stored => "credentials are answered with STORED",
        }
    }
}
