use crate::proto::answer::{Answer, Status};

/// A meta command, as far as its replies differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    /// `mg` that asks for the value.
    Get,
    /// `mg` that asks for the value, and to be the one who loads or refreshes it.
    Lease,
    /// `mg` that only changes the time to live.
    Touch,
    /// `ms`
    Set,
    /// `md`
    Delete,
    /// `ma` that asks for the new value.
    Count,
}

impl Verb {
    /// Says whether the command carries a data block.
    pub(in crate::proto) const fn has_data(self) -> bool {
        matches!(self, Self::Set)
    }

    /// Returns what the code at the head of a reply means to this command, if it may stand there.
    pub(super) const fn status(self, code: [u8; 2]) -> Option<Status> {
        Some(match (self, &code) {
            (Self::Get | Self::Lease | Self::Count, b"VA") => Status::Value,
            (Self::Get | Self::Lease | Self::Touch, b"EN") => Status::Miss,
            (Self::Touch | Self::Set | Self::Delete, b"HD") => Status::Done,
            (Self::Set | Self::Count, b"NS") => Status::NotStored,
            (Self::Set | Self::Delete | Self::Count, b"EX") => Status::Exists,
            (Self::Set | Self::Delete | Self::Count, b"NF") => Status::NotFound,
            _ => return None,
        })
    }

    /// Says whether a reply may tell this of who is to refresh the item.
    ///
    /// A server offers every reader the refresh of a stale item, wanted or not; that of another only
    /// to who asked for it. Of an item that is not there it says nothing.
    pub(super) fn allows(self, reply: &Answer) -> bool {
        if reply.status == Status::Miss {
            return !reply.stale && reply.win.is_none();
        }
        self == Self::Lease || reply.stale || !reply.is_won()
    }

    pub(in crate::proto) const fn complaint(self) -> &'static str {
        match self {
            Self::Get | Self::Lease => "mg for a value is answered with VA or EN",
            Self::Touch => "mg for a touch is answered with HD or EN",
            Self::Set => "ms is answered with HD, NS, EX or NF",
            Self::Delete => "md is answered with HD, EX or NF",
            Self::Count => "ma for a value is answered with VA, NS, EX or NF",
        }
    }
}
