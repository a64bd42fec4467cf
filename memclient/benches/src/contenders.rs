//! Who takes part: names, roles, and how each is run.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    drive,
    floors::{PingPong, Pipeline, Style},
    measure::Sample,
    peers::{
        Outcome, async_memcached::AsyncMemcached, bb8_memcached::Bb8Memcached,
        deadpool_memcached::DeadpoolMemcached, memcache, memcache_async::MemcacheAsync,
        memcache_exp::MemcacheExp, memclient::Memclient, mtop::Mtop, redis::Redis,
    },
    server::Kind,
    workload::{Data, Operation, Workload},
};

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Contender {
    Memclient,
    AsyncMemcached,
    DeadpoolMemcached,
    Bb8Memcached,
    MemcacheAsync,
    Mtop,
    MemcacheExp,
    Memcache,
    Redis,
    PingPong,
    Pipeline,
    Gathered,
}

/// What a row is compared as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Ours,
    /// Another memcached client of Rust; the best of them is what we compare with.
    Peer,
    /// A peer whose sets nobody confirms: shown, but not compared with.
    Unconfirmed,
    /// A client of something else.
    Other,
    Floor,
}

/// What every cell of a run shares.
pub(crate) struct Setting {
    pub(crate) time: Duration,
    pub(crate) pool: usize,
}

impl Contender {
    pub(crate) const ALL: [Self; 12] = [
        Self::Memclient,
        Self::AsyncMemcached,
        Self::DeadpoolMemcached,
        Self::Bb8Memcached,
        Self::MemcacheAsync,
        Self::Mtop,
        Self::MemcacheExp,
        Self::Memcache,
        Self::Redis,
        Self::PingPong,
        Self::Pipeline,
        Self::Gathered,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memclient => "memclient",
            Self::AsyncMemcached => "async-memcached",
            Self::DeadpoolMemcached => "deadpool-memcached",
            Self::Bb8Memcached => "bb8-memcached",
            Self::MemcacheAsync => "memcache-async",
            Self::Mtop => "mtop-client",
            Self::MemcacheExp => "memcache-exp",
            Self::Memcache => "memcache",
            Self::Redis => "redis",
            Self::PingPong => "floor-ping-pong",
            Self::Pipeline => "floor-pipeline",
            Self::Gathered => "floor-gathered",
        }
    }

    pub(crate) fn role(self, workload: Workload) -> Role {
        match self {
            Self::Memclient => Role::Ours,
            Self::Bb8Memcached | Self::MemcacheAsync if workload.operation == Operation::Set => {
                Role::Unconfirmed
            }
            Self::AsyncMemcached
            | Self::DeadpoolMemcached
            | Self::Bb8Memcached
            | Self::MemcacheAsync
            | Self::Mtop
            | Self::MemcacheExp
            | Self::Memcache => Role::Peer,
            Self::Redis => Role::Other,
            Self::PingPong | Self::Pipeline | Self::Gathered => Role::Floor,
        }
    }

    pub(crate) fn server(self) -> Kind {
        if self == Self::Redis { Kind::Redis } else { Kind::Memcached }
    }

    /// Returns true when this row has a cell under the workload.
    pub(crate) fn applies(self, workload: Workload) -> bool {
        match self {
            Self::Memcache => workload.tasks <= memcache::MAX_THREADS,
            Self::Pipeline => Pipeline::applies(Style::Single, workload),
            Self::Gathered => Pipeline::applies(Style::Gathered, workload),
            _ => true,
        }
    }

    /// Measures one cell.
    pub(crate) fn run(
        self,
        server: SocketAddr,
        workload: Workload,
        data: &Arc<Data>,
        setting: &Setting,
    ) -> Outcome<Sample> {
        match self {
            Self::Memclient => drive::tasks::<Memclient>(server, workload, data, setting),
            Self::AsyncMemcached => drive::tasks::<AsyncMemcached>(server, workload, data, setting),
            Self::DeadpoolMemcached => {
                drive::tasks::<DeadpoolMemcached>(server, workload, data, setting)
            }
            Self::Bb8Memcached => drive::tasks::<Bb8Memcached>(server, workload, data, setting),
            Self::MemcacheAsync => drive::tasks::<MemcacheAsync>(server, workload, data, setting),
            Self::Mtop => drive::tasks::<Mtop>(server, workload, data, setting),
            Self::MemcacheExp => drive::tasks::<MemcacheExp>(server, workload, data, setting),
            Self::Memcache => drive::threads(server, workload, data, setting),
            Self::Redis => drive::tasks::<Redis>(server, workload, data, setting),
            Self::PingPong => drive::tasks::<PingPong>(server, workload, data, setting),
            Self::Pipeline => drive::pipeline(server, Style::Single, workload, data, setting),
            Self::Gathered => drive::pipeline(server, Style::Gathered, workload, data, setting),
        }
    }
}
