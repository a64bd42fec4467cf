//! A client that is told when to ask a server whose name may have moved.

use std::time::Duration;

use memclient::Client;
use tokio::time::sleep;

use crate::{Arguments, say, told};

/// Arguments: the server. For each line that it is told, asks for the key of that name until there is
/// an answer, and says it.
pub(crate) async fn run(mut arguments: Arguments) {
    let client = Client::new(arguments.take::<String>()).unwrap();
    let mut told = told();
    say("ready");
    while let Some(key) = told.recv().await {
        let value = loop {
            match client.get(&key).await {
                Ok(value) => break value,
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        };
        let value = value.map(|value| String::from_utf8_lossy(value.data()).into_owned());
        say(&value.unwrap_or_else(|| "nothing".to_owned()));
    }
}
