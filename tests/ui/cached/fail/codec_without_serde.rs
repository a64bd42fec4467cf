use memclient::cached;

#[cached(codec = "json")]
fn bytes(number: u32) -> Shared {
    Shared(number)
}

#[derive(Clone)]
struct Shared(u32);

impl memclient::Schema for Shared {
    fn describe(_: &mut memclient_serde::SchemaWriter) {}
}

impl memclient::CacheValue for Shared {
    fn encode(&self) -> Result<memclient::Payload, memclient::EncodeError> {
        self.0.encode()
    }

    fn decode(payload: &memclient::Payload) -> Result<Self, memclient::DecodeError> {
        u32::decode(payload).map(Self)
    }
}

fn main() {}
