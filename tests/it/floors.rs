//! The house rules, held against the sources: who may know whom, and what may stand where.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{
    ItemMod, ItemUse, UseTree,
    visit::{self, Visit},
};

use crate::sources::{root, sources};

/// The modules of `memclient` from the ground up; a module names only those before it.
const FLOORS: [&str; 17] = [
    "join", "chance", "wire", "error", "clock", "runtime", "events", "proto", "net", "conn",
    "pool", "cluster", "client", "blocking", "backend", "tier", "cache",
];

/// Pure cores: no task, no socket, no clock of their own.
const PURE: [&str; 5] = [
    "memclient/src/wire",
    "memclient/src/proto",
    "memclient/src/conn/machine.rs",
    "memclient/src/pool/backoff.rs",
    "memclient-serde/src",
];

/// The paths that a file names from `crate` or `super` on, its tests left out; in `use` trees one
/// per leaf.
fn paths(file: &Path) -> Vec<Vec<String>> {
    struct Paths(Vec<Vec<String>>);

    impl<'ast> Visit<'ast> for Paths {
        fn visit_item_mod(&mut self, module: &'ast ItemMod) {
            if module.ident != "tests" {
                visit::visit_item_mod(self, module);
            }
        }

        fn visit_item_use(&mut self, item: &'ast ItemUse) {
            leaves(&item.tree, &mut Vec::new(), &mut self.0);
        }

        fn visit_path(&mut self, path: &'ast syn::Path) {
            self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
            visit::visit_path(self, path);
        }
    }

    fn leaves(tree: &UseTree, before: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                leaves(&path.tree, before, all);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before, all)),
            UseTree::Name(name) => {
                all.push(before.iter().cloned().chain([name.ident.to_string()]).collect());
            }
            UseTree::Rename(name) => {
                all.push(before.iter().cloned().chain([name.ident.to_string()]).collect());
            }
            UseTree::Glob(_) => all.push(before.clone()),
        }
    }

    let mut paths = Paths(Vec::new());
    paths.visit_file(&syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap());
    paths.0.retain(|path| ["crate", "super"].contains(&&*path[0]));
    paths.0
}

/// The code of a file without its tests and comments, which may name anything.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_floor_knows_only_those_below_it() {
    let source = root().join("memclient/src");
    let mut wrong = Vec::new();
    for path in sources(&source) {
        let inside = path.strip_prefix(&source).unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        if ["lib", "private", "fuzzing", "simulation"].contains(&&*module) {
            continue;
        }
        let floor = FLOORS.iter().position(|floor| *floor == module);
        let Some(floor) = floor else {
            panic!("{} stands on no floor: name it in FLOORS", inside.display())
        };
        let names = paths(&path)
            .into_iter()
            .filter(|path| path[0] == "crate" && path.len() > 1)
            .map(|mut path| path.swap_remove(1));
        for name in names.collect::<BTreeSet<_>>() {
            match FLOORS.iter().position(|floor| *floor == name) {
                Some(other) if other <= floor => {}
                Some(_) => {
                    wrong.push(format!("{} names {name}, which stands above it", inside.display()));
                }
                None => wrong.push(format!(
                    "{} takes {name} through the front door: name its module",
                    inside.display()
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn siblings_do_not_go_in_circles() {
    let mut wrong = Vec::new();
    for folder in FLOORS.iter().copied().chain(["proto/meta", "proto/classic"]) {
        let inside: Vec<&str> = ["crate"].into_iter().chain(folder.split('/')).collect();
        let folder = root().join("memclient/src").join(folder);
        if !folder.is_dir() {
            continue;
        }
        let mut knows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for file in sources(&folder).into_iter().filter(|path| path.parent() == Some(&folder)) {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            if name == "mod" {
                continue;
            }
            let siblings = paths(&file).into_iter().filter_map(|path| match &path[..] {
                [from, sibling, ..] if from == "super" => Some(sibling.clone()),
                path if path.len() > inside.len()
                    && path.iter().zip(&inside).all(|(a, b)| a == b) =>
                {
                    Some(path[inside.len()].clone())
                }
                _ => None,
            });
            knows.insert(name, siblings.collect());
        }
        let names: Vec<String> = knows.keys().cloned().collect();
        for start in &names {
            let (mut seen, mut next) = (BTreeSet::new(), vec![start.clone()]);
            while let Some(name) = next.pop() {
                for other in knows
                    .get(&name)
                    .into_iter()
                    .flatten()
                    .filter(|other| knows.contains_key(*other))
                {
                    if other == start && name != *start {
                        wrong.push(format!(
                            "{}: {start} and {name} know each other",
                            folder.display()
                        ));
                    }
                    if seen.insert(other.clone()) {
                        next.push(other.clone());
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_cores_have_no_clock_task_or_socket() {
    let mut wrong = Vec::new();
    for pure in PURE {
        for path in sources(&root().join(pure)) {
            let code = code(&path);
            for banned in [
                "Instant::now",
                "SystemTime::now",
                "tokio::spawn",
                "tokio::net",
                "tokio::time",
                "std::net::TcpListener",
                "std::net::TcpStream",
                "async fn",
                ".await",
            ] {
                // What goes on is another name: `.awaits_company` waits for nothing.
                let goes_on = |rest: &str| rest.starts_with(char::is_alphanumeric);
                let is_whole = |(at, _)| !code.get(at + banned.len()..).is_some_and(goes_on);
                if code.match_indices(banned).any(is_whole) {
                    wrong.push(format!("{} has {banned}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_two_ground_floors_do_not_know_each_other() {
    for path in sources(&root().join("memclient/src/proto")) {
        assert!(
            !code(&path).contains("memclient_serde"),
            "{} knows how values are encoded",
            path.display()
        );
    }
}

#[test]
fn the_map_names_every_floor() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows: Vec<&str> = map.lines().filter(|line| line.starts_with("| `")).collect();
    let places: Vec<Option<usize>> = FLOORS
        .iter()
        .map(|floor| rows.iter().position(|row| row.starts_with(&format!("| `{floor}`"))))
        .collect();
    let missing: Vec<_> = FLOORS.iter().zip(&places).filter(|(_, place)| place.is_none()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md has no row for {missing:?}");
    assert!(places.is_sorted(), "ARCHITECTURE.md lists the floors from the ground up");
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for member in
        ["memclient", "memclient-derive", "memclient-serde", "tests", "tests/hygiene", "examples"]
    {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{member} does not inherit the lints"
        );
    }
}
