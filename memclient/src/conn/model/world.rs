use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use shuttle::future::{self, JoinHandle};

use super::{caller::Caller, server::Server};
use crate::{
    conn::{
        handle::Connection,
        shared::{ConnectionOptions, Shared},
        watch::Watch,
    },
    net::{Pipe, Stream},
};

/// A connection to a scripted server, and the tasks behind it.
pub(super) struct World {
    connection: Connection,
    watch: &'static Watch,
    shared: Arc<Shared>,
    driver: JoinHandle<()>,
    server: JoinHandle<()>,
}

impl World {
    pub(super) fn new(server: Server) -> Self {
        Self::build(server, 1 << 20, 1 << 10)
    }

    /// With room for one small request at a time.
    pub(super) fn narrow(server: Server) -> Self {
        Self::build(server, 100, 1 << 10)
    }

    /// With a socket that takes so many bytes before the other side has read some.
    pub(super) fn with_socket(server: Server, bytes: usize) -> Self {
        Self::build(server, 1 << 20, bytes)
    }

    fn build(server: Server, max_in_flight: usize, socket: usize) -> Self {
        let (near, far) = Pipe::pair(socket);
        let options = ConnectionOptions { max_value: 1024, max_in_flight };
        // It outlives every connection, as the one of a process does.
        let watch: &'static Watch = Box::leak(Box::default());
        let (connection, driver) = Connection::new(Stream::Pipe(near), options, watch);
        let shared = Arc::clone(&connection.shared);
        let (driver, server) = (future::spawn(driver.run()), future::spawn(server.run(far)));
        Self { connection, watch, shared, driver, server }
    }

    pub(super) fn caller(&self) -> Caller {
        let deadline = Instant::now() + Duration::from_secs(3600);
        Caller { connection: self.connection.clone(), deadline }
    }

    /// Runs what a caller does as a task.
    pub(super) fn spawn<F>(&self, calls: impl FnOnce(Caller) -> F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + 'static,
    {
        future::spawn_local(calls(self.caller()))
    }

    /// Runs the watch until the connection is closed, without its pauses.
    pub(super) fn spawn_watch(&self) -> JoinHandle<()> {
        let (watch, shared) = (self.watch, Arc::clone(&self.shared));
        future::spawn(async move {
            let mut watched = Vec::new();
            while !shared.is_closed() {
                watch.look(&mut watched, Instant::now());
                future::yield_now().await;
            }
        })
    }

    /// Drops the driver, as a runtime does that shuts down.
    pub(super) fn abort_driver(&self) {
        self.driver.abort();
    }

    /// Ends a world whose connection works: once the callers are through, nothing may be under way
    /// or held; and without handles the driver ends, and with it the connection.
    pub(super) async fn end<const N: usize>(self, callers: [JoinHandle<()>; N]) {
        join(callers).await;
        // What those who left had asked for is answered by itself.
        while !self.shared.state().machine.is_settled() {
            assert!(!self.shared.is_closed(), "the connection was lost");
            future::yield_now().await;
        }
        self.end_unused([]).await;
    }

    /// Ends a world whose last handle may go while something is under way.
    pub(super) async fn end_unused<const N: usize>(self, callers: [JoinHandle<()>; N]) {
        let Self { connection, shared, driver, server, .. } = self;
        drop(connection);
        join(callers).await;
        driver.await.unwrap();
        assert_nothing_is_left(&shared);
        drop(shared);
        server.await.unwrap();
    }

    /// Ends a world whose connection is lost.
    pub(super) async fn end_lost<const N: usize>(self, callers: [JoinHandle<()>; N]) {
        join(callers).await;
        // What ends it may not have come yet, if the callers were quick.
        while self.caller().try_get("z").await.is_ok() {
            future::yield_now().await;
        }
        let Self { connection, shared, driver, server, .. } = self;
        drop(connection);
        // Aborted in one of the checks.
        let _ = driver.await;
        assert!(shared.is_closed());
        assert_nothing_is_left(&shared);
        drop(shared);
        server.await.unwrap();
    }
}

fn assert_nothing_is_left(shared: &Shared) {
    assert!(shared.state().machine.is_settled(), "{shared:?}");
    assert_eq!(shared.load(), 0, "calls that nobody awaits are counted");
    assert_eq!(shared.waiting.load(Ordering::Relaxed), 0, "nobody waits for room");
}

async fn join<const N: usize>(callers: [JoinHandle<()>; N]) {
    for caller in callers {
        caller.await.unwrap();
    }
}
