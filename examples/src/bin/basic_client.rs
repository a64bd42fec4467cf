//! The plain client: every outcome has a name.
//!
//! Speaks to the servers in `MEMCACHED_SERVERS`, or to one on 127.0.0.1:11211.

use std::{error::Error, time::Duration};

use memclient::{CasOutcome, Client, Ttl};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    for (server, version) in client.versions().await {
        println!("{server} runs memcached {}", version?);
    }

    let minute = Duration::from_secs(60);
    println!("set greeting      {:?}", client.set("greeting", "hello", minute).await?);
    println!("add greeting      {:?}", client.add("greeting", "good evening", minute).await?);
    println!("append greeting   {:?}", client.append("greeting", ", world").await?);
    if let Some(value) = client.get("greeting").await? {
        println!("get greeting      {:?}", value.decode::<String>()?);
    }

    println!("set visits        {:?}", client.set("visits", 41, Ttl::Never).await?);
    println!("incr visits       {:?}", client.incr("visits", 1).await?);

    if let Some(item) = client.gets("greeting").await? {
        let outcome = client.cas("greeting", "bonjour", minute, item.cas).await?;
        println!("cas, first        {outcome:?}");
        let outcome = client.cas("greeting", "guten Tag", minute, item.cas).await?;
        println!("cas, second       {outcome:?}");
        assert_eq!(outcome, CasOutcome::Exists);
    }

    let keys = ["greeting", "visits", "nobody"];
    for (key, value) in keys.iter().zip(client.get_many(&keys).await) {
        println!("get_many {key:<9}{:?}", value?.map(|value| value.decode_any()).transpose()?);
    }

    match client.get("two words").await {
        Err(error) => println!(
            "get \"two words\"   {error}: {}",
            error.source().map(ToString::to_string).unwrap_or_default()
        ),
        Ok(_) => unreachable!("a key with a space is refused before anything is sent"),
    }

    println!("delete greeting   {:?}", client.delete("greeting").await?);
    println!("delete greeting   {:?}", client.delete("greeting").await?);
    println!("touch greeting    {:?}", client.touch("greeting", minute).await?);
    client.delete("visits").await?;
    Ok(())
}
