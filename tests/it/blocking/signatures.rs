//! The two clients have the same operations, down to the names of their arguments.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use quote::ToTokens;
use syn::{ImplItem, Item, Type, Visibility};

/// What only one of the two can have.
const ONE_SIDED: [&str; 5] = ["builder", "into_async", "into_blocking", "new", "from_env"];

#[test]
fn every_operation_of_the_client_is_one_of_the_blocking_client_too() {
    for holder in ["Client", "Unconfirmed"] {
        let (theirs, ours) = (signatures("client", holder), signatures("blocking", holder));
        assert!(theirs.len() > 8, "{holder} has only {theirs:?}");
        for (name, signature) in &theirs {
            let twin = ours.get(name);
            assert_eq!(twin, Some(signature), "blocking::{holder} lacks {name}, or has another");
        }
        for name in ours.keys() {
            assert!(theirs.contains_key(name), "{holder} lacks {name}");
        }
    }
}

/// The public methods of a type in a folder, by name, without their being async.
fn signatures(folder: &str, holder: &str) -> BTreeMap<String, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../memclient/src").join(folder);
    let files = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file());
    let methods = files.flat_map(|file| methods(file, holder));
    methods.filter(|(name, _)| !ONE_SIDED.contains(&name.as_str())).collect()
}

fn methods(file: PathBuf, holder: &str) -> Vec<(String, String)> {
    let items = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap().items;
    let implementations = items.into_iter().filter_map(|item| match item {
        Item::Impl(block) if block.trait_.is_none() && names(&block.self_ty, holder) => {
            Some(block.items)
        }
        _ => None,
    });
    let public = implementations.flatten().filter_map(|item| match item {
        ImplItem::Fn(method) if matches!(method.vis, Visibility::Public(_)) => Some(method.sig),
        _ => None,
    });
    let signature = |mut signature: syn::Signature| {
        signature.asyncness = None;
        // A longer line may end in a comma that a shorter one has not.
        let text = signature.to_token_stream().to_string().replace(" ,)", ")");
        (signature.ident.to_string(), text)
    };
    public.map(signature).collect()
}

/// Says whether a type is the one of this name in its own folder, with lifetimes or without.
fn names(ty: &Type, holder: &str) -> bool {
    matches!(ty, Type::Path(ty) if ty.path.segments.len() == 1 && ty.path.segments[0].ident == holder)
}
