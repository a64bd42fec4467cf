//! Every operation by its name, for what has to hold for all of them.

use memclient::{CasToken, Client, Dialect, ReplyEnd, Result, Ttl};

pub(super) const META: Dialect = Dialect::Meta;
pub(super) const CLASSIC: Dialect = Dialect::Classic;

/// What of a command decides whether the stream goes on after an error line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A line, in the dialect of the connection.
    Line,
    /// With a data block, which the server may take for commands.
    Data,
    /// A line that is the same in both dialects.
    Server,
    /// On a connection of its own, which ends with it.
    Alone,
}

const COMMANDS: [(&str, Kind); 31] = [
    ("get", Kind::Line),
    ("gets", Kind::Line),
    ("gat", Kind::Line),
    ("gats", Kind::Line),
    ("get_many", Kind::Line),
    ("gets_many", Kind::Line),
    ("gat_many", Kind::Line),
    ("gats_many", Kind::Line),
    ("delete", Kind::Line),
    ("delete_if", Kind::Line),
    ("delete_many", Kind::Line),
    ("touch", Kind::Line),
    ("touch_many", Kind::Line),
    ("incr", Kind::Line),
    ("incr_or_init", Kind::Line),
    ("decr", Kind::Line),
    ("set", Kind::Data),
    ("set_many", Kind::Data),
    ("add", Kind::Data),
    ("replace", Kind::Data),
    ("append", Kind::Data),
    ("prepend", Kind::Data),
    ("cas", Kind::Data),
    ("meta_of", Kind::Server),
    ("stats", Kind::Server),
    ("version", Kind::Server),
    ("flush_all", Kind::Server),
    ("cache_memlimit", Kind::Server),
    ("verbosity", Kind::Server),
    ("shutdown", Kind::Alone),
    ("raw_command", Kind::Alone),
];

/// The commands that the classic dialect has no word for.
const META_ONLY: [&str; 3] = ["delete_if", "incr_or_init", "meta_of"];

/// The writes that can go out without being waited for.
pub(super) const UNCONFIRMED: [(&str, Kind); 9] = [
    ("set", Kind::Data),
    ("add", Kind::Data),
    ("replace", Kind::Data),
    ("append", Kind::Data),
    ("prepend", Kind::Data),
    ("delete", Kind::Line),
    ("touch", Kind::Line),
    ("incr", Kind::Line),
    ("decr", Kind::Line),
];

/// Returns each command in each dialect that has it.
pub(super) fn commands() -> impl Iterator<Item = (Dialect, &'static str, Kind)> {
    let both = [META, CLASSIC].into_iter();
    both.flat_map(|dialect| COMMANDS.map(|(command, kind)| (dialect, command, kind)))
        .filter(|(dialect, command, _)| *dialect == META || !META_ONLY.contains(command))
}

/// Calls the operation with this name.
pub(super) async fn call(client: &Client, command: &str) -> Result<()> {
    let (ttl, cas) = (Ttl::Never, CasToken::new(1));
    match command {
        "get" => client.get("k").await.map(drop),
        "gets" => client.gets("k").await.map(drop),
        "gat" => client.gat("k", ttl).await.map(drop),
        "gats" => client.gats("k", ttl).await.map(drop),
        "get_many" => client.get_many(&["k"]).await.remove(0).map(drop),
        "gets_many" => client.gets_many(&["k"]).await.remove(0).map(drop),
        "gat_many" => client.gat_many(&["k"], ttl).await.remove(0).map(drop),
        "gats_many" => client.gats_many(&["k"], ttl).await.remove(0).map(drop),
        "delete" => client.delete("k").await.map(drop),
        "delete_if" => client.delete_if("k", cas).await.map(drop),
        "delete_many" => client.delete_many(&["k"]).await.remove(0).map(drop),
        "touch" => client.touch("k", ttl).await.map(drop),
        "touch_many" => client.touch_many(&["k"], ttl).await.remove(0).map(drop),
        "incr" => client.incr("k", 1).await.map(drop),
        "incr_or_init" => client.incr_or_init("k", 1, 0, ttl).await.map(drop),
        "decr" => client.decr("k", 1).await.map(drop),
        "set" => client.set("k", "v", ttl).await.map(drop),
        "set_many" => client.set_many([("k", "v")], ttl).await.remove(0).map(drop),
        "add" => client.add("k", "v", ttl).await.map(drop),
        "replace" => client.replace("k", "v", ttl).await.map(drop),
        "append" => client.append("k", "v").await.map(drop),
        "prepend" => client.prepend("k", "v").await.map(drop),
        "cas" => client.cas("k", "v", ttl, cas).await.map(drop),
        "meta_of" => client.meta_of("k").await.map(drop),
        "stats" => client.stats().await.remove(0).1.map(drop),
        "version" => client.version().await.map(drop),
        "flush_all" => client.flush_all().await,
        "cache_memlimit" => client.cache_memlimit(64).await,
        "verbosity" => client.verbosity(1).await,
        "shutdown" => client.shutdown().await,
        "raw_command" => client.raw_command("mn", ReplyEnd::End).await.map(drop),
        other => panic!("no such command: {other}"),
    }
}

/// Sends the write with this name and does not wait for its answer.
pub(super) async fn send(client: &Client, command: &str) -> Result<()> {
    let (client, ttl) = (client.unconfirmed(), Ttl::Never);
    match command {
        "set" => client.set("k", "v", ttl).await,
        "add" => client.add("k", "v", ttl).await,
        "replace" => client.replace("k", "v", ttl).await,
        "append" => client.append("k", "v").await,
        "prepend" => client.prepend("k", "v").await,
        "delete" => client.delete("k").await,
        "touch" => client.touch("k", ttl).await,
        "incr" => client.incr("k", 1).await,
        "decr" => client.decr("k", 1).await,
        other => panic!("no such command: {other}"),
    }
}
