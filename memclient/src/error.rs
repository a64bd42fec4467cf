use std::{error::Error as StdError, fmt, io, sync::Arc};

use memclient_serde::{DecodeError, EncodeError};

use crate::wire::{KeyError, TtlError};

/// What every fallible call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed, at which node, and whether it may have changed something there.
///
/// The text is for people and may change at any time; programs branch on the questions. Cheap to
/// clone.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    delivery: Delivery,
    node: Option<Arc<str>>,
    command: Option<&'static str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Whether the command behind an error may have taken effect.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Delivery {
    /// Certainly not: no byte of the command left this process.
    NotSent,
    /// Certainly not: the server answered that it refuses.
    Refused,
    /// Perhaps: the command was under way when the answer became unreachable.
    Unknown,
    /// The command took effect and its answer arrived; what failed came after.
    Answered,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Kind {
    Key,
    Ttl,
    Encode,
    Decode,
    Address(Box<str>),
    Config(Box<str>),
    Connect,
    #[cfg_attr(not(feature = "__tls"), expect(dead_code, reason = "there is no TLS to fail"))]
    Tls(Box<str>),
    Auth(Box<str>),
    Unfit(Box<str>),
    Unsupported(Box<str>),
    Timeout(Step),
    Closed,
    Protocol(Box<str>),
    TooLarge(Box<str>),
    Server(Box<str>),
    Client(Box<str>),
    Thread,
    Backend,
}

/// The step of a call that ran out of time.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Opening a connection.
    Connect,
    /// Agreeing on TLS with a server that was reached.
    Tls,
    /// Waiting for room on a connection that has as much under way as it may.
    Queue,
    /// Waiting for the server's answer.
    Reply,
}

impl Error {
    /// Returns an error of a backend that is not memclient's own.
    pub fn backend(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Backend, Delivery::Unknown).because(source.into())
    }

    /// Returns whether the command may have taken effect.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// Returns the address of the node that the command was for, if one was chosen.
    pub fn node(&self) -> Option<&str> {
        self.0.node.as_deref()
    }

    /// Returns the name of the command that failed, if one was begun.
    pub fn command(&self) -> Option<&'static str> {
        self.0.command
    }

    /// Returns the server's own words, if the server refused.
    pub fn server_message(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::TooLarge(text) | Kind::Server(text) | Kind::Client(text) => Some(text),
            _ => None,
        }
    }

    /// Returns true when the caller's input is at fault: a key, a TTL, a value, an address or an
    /// option. Nothing was sent, and repeating the call cannot help.
    pub fn is_input(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Key | Kind::Ttl | Kind::Encode | Kind::Address(_) | Kind::Config(_)
        )
    }

    /// Returns why the key is none, if that is what failed.
    pub fn as_key_error(&self) -> Option<&KeyError> {
        self.source_as()
    }

    /// Returns why the stored bytes are not the type asked for, if that is what failed.
    pub fn as_decode_error(&self) -> Option<&DecodeError> {
        self.source_as()
    }

    /// Returns true when the deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::Timeout(_))
    }

    /// Returns the step that ran out of time, if the deadline passed.
    pub fn timed_out_step(&self) -> Option<Step> {
        match self.0.kind {
            Kind::Timeout(step) => Some(step),
            _ => None,
        }
    }

    /// Returns true when no connection could be opened, TLS could not be agreed on over it, or the
    /// server there is not one that this client may speak with.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect | Kind::Unfit(_) | Kind::Timeout(Step::Connect))
            || self.is_tls()
    }

    /// Returns true when TLS could not be agreed on with the server: it did not prove to be who it
    /// should be, wants to know who the client is, or speaks no TLS. The text says what to do.
    pub fn is_tls(&self) -> bool {
        matches!(self.0.kind, Kind::Tls(_) | Kind::Timeout(Step::Tls))
    }

    /// Returns true when the server wants credentials and got none, or others than it knows.
    ///
    /// See [`ClientBuilder::credentials`](crate::ClientBuilder::credentials).
    pub fn is_auth(&self) -> bool {
        matches!(self.0.kind, Kind::Auth(_))
    }

    /// Returns true when the server, or the dialect that is spoken with it, has no words for the
    /// operation; the text says what it needs. Nothing was sent, and repeating the call cannot help.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.0.kind, Kind::Unsupported(_))
    }

    /// Returns true when the connection ended while the call was under way.
    pub fn is_closed(&self) -> bool {
        matches!(self.0.kind, Kind::Closed)
    }

    /// Returns true when the server sent what the protocol does not allow; the connection was
    /// closed.
    pub fn is_protocol(&self) -> bool {
        matches!(self.0.kind, Kind::Protocol(_))
    }

    /// Returns true when the value is larger than the server, or the client's own limit, allows.
    ///
    /// A `set` that the server refuses for its size has removed the item that was there before.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0.kind, Kind::TooLarge(_))
    }

    /// Returns true when the server answered with an error.
    pub fn is_server_error(&self) -> bool {
        self.0.delivery == Delivery::Refused
    }

    /// Returns true when the item's bytes could not be read as the type asked for.
    pub fn is_decode(&self) -> bool {
        matches!(self.0.kind, Kind::Decode)
    }

    /// Returns true when the system refused the thread that drives the connections of synchronous
    /// callers. Nothing was sent; a later attempt may succeed.
    pub fn is_thread(&self) -> bool {
        matches!(self.0.kind, Kind::Thread)
    }

    /// Returns true when the command certainly had no effect and may be repeated as it is.
    pub fn is_retryable(&self) -> bool {
        self.0.delivery == Delivery::NotSent && !self.is_input() && !self.is_unsupported()
    }

    pub(crate) fn address(text: &str, complaint: &str) -> Self {
        Self::new(
            Kind::Address(format!("'{text}' is no server address: {complaint}").into()),
            Delivery::NotSent,
        )
    }

    pub(crate) fn config(text: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Config(text.into()), Delivery::NotSent)
    }

    pub(crate) fn connect(source: io::Error) -> Self {
        Self::new(Kind::Connect, Delivery::NotSent).because(Box::new(source))
    }

    pub(crate) fn thread(source: io::Error) -> Self {
        Self::new(Kind::Thread, Delivery::NotSent).because(Box::new(source))
    }

    #[cfg(feature = "__tls")]
    pub(crate) fn tls(advice: Box<str>, source: io::Error) -> Self {
        Self::new(Kind::Tls(advice), Delivery::NotSent).because(Box::new(source))
    }

    pub(crate) fn auth(text: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Auth(text.into()), Delivery::Refused)
    }

    pub(crate) fn unfit(text: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Unfit(text.into()), Delivery::NotSent)
    }

    pub(crate) fn unsupported(text: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Unsupported(text.into()), Delivery::NotSent)
    }

    pub(crate) fn timeout(step: Step, delivery: Delivery) -> Self {
        Self::new(Kind::Timeout(step), delivery)
    }

    pub(crate) fn closed(delivery: Delivery, source: Option<io::Error>) -> Self {
        let error = Self::new(Kind::Closed, delivery);
        match source {
            Some(source) => error.because(Box::new(source)),
            None => error,
        }
    }

    pub(crate) fn protocol(text: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Protocol(text.into()), Delivery::Unknown)
    }

    pub(crate) fn too_large(text: impl Into<Box<str>>, delivery: Delivery) -> Self {
        Self::new(Kind::TooLarge(text.into()), delivery)
    }

    pub(crate) fn server(text: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Server(text.into()), Delivery::Refused)
    }

    pub(crate) fn client(text: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Client(text.into()), Delivery::Refused)
    }

    /// Says which command failed, unless that is known.
    pub(crate) fn during(self, command: &'static str) -> Self {
        self.with(|inner| {
            inner.command.get_or_insert(command);
        })
    }

    /// Says at which node, unless that is known.
    pub(crate) fn at(self, node: &Arc<str>) -> Self {
        self.with(|inner| {
            inner.node.get_or_insert_with(|| Arc::clone(node));
        })
    }

    /// Says whether the command may have taken effect.
    pub(crate) fn delivered(self, delivery: Delivery) -> Self {
        self.with(|inner| inner.delivery = delivery)
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    #[cold]
    fn new(kind: Kind, delivery: Delivery) -> Self {
        Self(Arc::new(Inner { kind, delivery, node: None, command: None, source: None }))
    }

    fn because(self, source: Box<dyn StdError + Send + Sync>) -> Self {
        self.with(|inner| inner.source = Some(source.into()))
    }

    fn source_as<T: StdError + 'static>(&self) -> Option<&T> {
        self.0.source.as_deref().and_then(|source| source.downcast_ref())
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::new(Kind::Key, Delivery::NotSent).because(Box::new(error))
    }
}

impl From<TtlError> for Error {
    fn from(error: TtlError) -> Self {
        Self::new(Kind::Ttl, Delivery::NotSent).because(Box::new(error))
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::new(Kind::Encode, Delivery::NotSent).because(Box::new(error))
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(Kind::Decode, Delivery::Answered).because(Box::new(error))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, delivery, node, command, .. } = &*self.0;
        if let Some(command) = command {
            write!(f, "{command} ")?;
        }
        if let Some(node) = node {
            write!(f, "at {node} ")?;
        }
        if command.is_some() || node.is_some() {
            f.write_str("failed: ")?;
        }
        match kind {
            Kind::Key => f.write_str("invalid key"),
            Kind::Ttl => f.write_str("invalid time to live"),
            Kind::Encode => f.write_str("the value could not be encoded"),
            Kind::Decode => {
                f.write_str("the stored item could not be decoded as the type asked for")
            }
            Kind::Address(text)
            | Kind::Config(text)
            | Kind::Auth(text)
            | Kind::Unfit(text)
            | Kind::Unsupported(text) => f.write_str(text),
            Kind::Connect => f.write_str("no connection: is memcached running there?"),
            Kind::Timeout(Step::Connect) => f.write_str("the deadline passed while connecting"),
            Kind::Tls(text) => write!(f, "no TLS with the server: {text}"),
            Kind::Timeout(Step::Tls) => f.write_str(
                "the deadline passed during the TLS handshake: does this port speak TLS?",
            ),
            Kind::Timeout(Step::Queue) => {
                f.write_str("the deadline passed while waiting for room on a connection")
            }
            Kind::Timeout(Step::Reply) => {
                f.write_str("the deadline passed while waiting for the answer")
            }
            Kind::Closed => f.write_str("the connection was closed"),
            Kind::Protocol(text) => write!(f, "the server broke the protocol: {text}"),
            Kind::TooLarge(text) => write!(f, "the value is too large: {text}"),
            Kind::Server(text) => write!(f, "the server refused: {text}"),
            Kind::Client(text) => write!(f, "the server did not accept the command: {text}"),
            Kind::Thread => f.write_str(
                "the system refused the thread for blocking calls: is there room for one more?",
            ),
            Kind::Backend => f.write_str("the backend failed"),
        }?;
        match delivery {
            Delivery::Unknown => f.write_str(" (it may have taken effect)"),
            Delivery::NotSent | Delivery::Refused | Delivery::Answered => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, delivery, node, command, source } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("delivery", delivery)
            .field("node", node)
            .field("command", command)
            .field("source", source)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn the_text_names_command_node_and_cause() {
        let error = Error::server("out of memory storing object")
            .during("set")
            .at(&"10.0.0.1:11211".into());
        assert_eq!(
            error.to_string(),
            "set at 10.0.0.1:11211 failed: the server refused: out of memory storing object"
        );
        assert_eq!(error.server_message(), Some("out of memory storing object"));
    }

    #[test]
    fn what_first_named_the_command_is_kept() {
        assert_eq!(Error::protocol("x").during("get").during("set").command(), Some("get"));
    }
}
