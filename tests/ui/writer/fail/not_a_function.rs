use memclient::invalidates;

#[invalidates(double(7))]
struct User;

fn main() {}
