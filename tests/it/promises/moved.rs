//! A name that comes to mean another server: the client looks it up again at every dial.

use std::{fs, process::Command};

use memclient_tests::{Fleet, Heard, Memcached};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use super::{patient, put, within};

const WORKER: &str = env!("CARGO_BIN_EXE_memclient-worker");

/// Runs the rest with the first word in the place of `/etc/hosts`, for itself alone.
const WITH_HOSTS: &str = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;

#[tokio::test]
async fn a_server_whose_name_moves_is_found_where_it_is() {
    let may_unshare = Command::new("unshare").args(["-rm", "true"]).output();
    if !may_unshare.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: this system does not let a test have names of its own (unshare -rm)");
        return;
    }
    let mut before = Memcached::start().await.unwrap();
    let after = Memcached::start().await.unwrap();
    for (server, size) in [(&before, 6), (&after, 60)] {
        put(&patient(&server.address()).build().unwrap(), "k", size).await;
    }
    let port = before.port().unwrap();
    serve_at("127.0.0.2", port, after.address()).await;
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    fs::write(&hosts, "127.0.0.1 cache.test\n").unwrap();
    let (names, address) = (hosts.to_str().unwrap(), format!("cache.test:{port}"));
    let command = ["-rm", "sh", "-c", WITH_HOSTS, "sh", names, WORKER, "moves", &address];
    let mut worker = Fleet::start("unshare", &command, 1).unwrap();
    assert_eq!(said(&mut worker).await, "ready");

    worker.tell(0, "k").unwrap();
    assert_eq!(said(&mut worker).await.len(), 6);

    fs::write(&hosts, "127.0.0.2 cache.test\n").unwrap();
    before.stop().unwrap();
    worker.tell(0, "k").unwrap();
    assert_eq!(said(&mut worker).await.len(), 60);
}

async fn said(worker: &mut Fleet) -> String {
    match within(worker.hear()).await {
        Some((_, Heard::Line(line))) => line,
        other => panic!("the worker is gone: {other:?}"),
    }
}

/// Has whoever comes to this address speak with the server.
async fn serve_at(host: &str, port: u16, server: String) {
    let listener = TcpListener::bind((host, port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(server).await {
                    _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
}
