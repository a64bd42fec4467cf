//! The pages for those who come from pymemcache, held against what pymemcache has and against the
//! tests that they name.

use std::{collections::BTreeSet, fs, path::Path};

use syn::{
    Ident, ItemFn, ItemMod, Macro,
    parse::ParseStream,
    visit::{self, Visit},
};

use crate::sources::{root, sources};

/// The methods of pymemcache's `Client` and `PooledClient`, and the arguments that several have.
const OPERATIONS: [&str; 38] = [
    "set",
    "set_many",
    "set_multi",
    "add",
    "replace",
    "append",
    "prepend",
    "cas",
    "get",
    "get_many",
    "get_multi",
    "gets",
    "gets_many",
    "gat",
    "gats",
    "delete",
    "delete_many",
    "delete_multi",
    "incr",
    "decr",
    "touch",
    "stats",
    "cache_memlimit",
    "version",
    "flush_all",
    "shutdown",
    "raw_command",
    "check_key",
    "check_key_helper",
    "quit",
    "close",
    "disconnect_all",
    "client[key]",
    "expire",
    "noreply",
    "flags",
    "default",
    "cas_default",
];

/// The options of all its clients.
const OPTIONS: [&str; 25] = [
    "server",
    "serde",
    "serializer",
    "deserializer",
    "connect_timeout",
    "timeout",
    "no_delay",
    "ignore_exc",
    "socket_module",
    "socket_keepalive",
    "key_prefix",
    "default_noreply",
    "allow_unicode_keys",
    "encoding",
    "tls_context",
    "max_pool_size",
    "pool_idle_timeout",
    "lock_generator",
    "servers",
    "hasher",
    "retry_attempts",
    "retry_timeout",
    "dead_timeout",
    "use_pooling",
    "use_vpc",
];

/// How many defects were found in it.
const DEFECTS: usize = 24;

/// Where the tests are, and how the page names their crate.
const SUITES: [(&str, &str); 4] = [
    ("tests/it", ""),
    ("memclient/src", "memclient "),
    ("memclient-serde/src", "memclient-serde "),
    ("memclient-serde/tests/it", "memclient-serde::it "),
];

#[test]
fn every_operation_option_and_defect_has_a_row() {
    let defects: Vec<String> = (1..=DEFECTS).map(|number| format!("D{number}")).collect();
    let defects: Vec<&str> = defects.iter().map(String::as_str).collect();
    for (title, names) in
        [("Operations", &OPERATIONS[..]), ("Options", &OPTIONS), ("Defects", &defects)]
    {
        let rows: BTreeSet<String> = rows(title).into_iter().map(|row| row.subject).collect();
        let missing: Vec<_> = names.iter().filter(|name| !rows.contains(**name)).collect();
        assert!(missing.is_empty(), "docs/coverage.md has no row under {title} for {missing:?}");
    }
}

#[test]
fn every_row_names_tests_that_exist() {
    let tests: BTreeSet<String> =
        SUITES.iter().flat_map(|(folder, name)| tests(&root().join(folder), name)).collect();
    assert!(tests.len() > 500, "only {} tests were found", tests.len());
    let mut wrong = Vec::new();
    for row in ["Operations", "Options", "Defects"].into_iter().flat_map(rows) {
        if row.tests.is_empty() {
            wrong.push(format!("{} names no test", row.subject));
        }
        for name in row.tests {
            let group = format!("{name}::");
            let group =
                tests.range(group.clone()..).next().is_some_and(|it| it.starts_with(&group));
            if !group && !tests.contains(&name) {
                wrong.push(format!("{}: there is no test {name}", row.subject));
            }
        }
    }
    assert!(wrong.is_empty(), "docs/coverage.md:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_for_those_who_come_from_pymemcache_names_all_that_it_has() {
    let page = fs::read_to_string(root().join("docs/pymemcache.md")).unwrap();
    for name in OPERATIONS.iter().chain(&OPTIONS) {
        assert!(page.contains(&format!("`{name}`")), "docs/pymemcache.md does not name {name}");
    }
}

/// A row of a table: what it is about, and the tests that it names.
struct Row {
    subject: String,
    tests: Vec<String>,
}

/// Returns the rows of the tables under a title of the second order.
fn rows(title: &str) -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/coverage.md")).unwrap();
    let heading = format!("\n## {title}\n");
    let (_, text) = page.split_once(&heading).expect(title);
    let text = text.split("\n## ").next().unwrap();
    text.lines().filter(|line| line.starts_with("| `")).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
    let [subject, .., tests] = &cells[..] else { panic!("not a row: {line}") };
    let subject = quoted(subject).next().unwrap().to_owned();
    Row { subject, tests: quoted(tests).map(str::to_owned).collect() }
}

/// Returns what stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the names of the tests in a folder, each with its crate before it.
fn tests(folder: &Path, suite: &str) -> Vec<String> {
    let mut tests = Vec::new();
    for file in sources(folder) {
        let inside = file.strip_prefix(folder).unwrap().with_extension("");
        let path = inside.iter().map(|part| part.to_str().unwrap().to_owned());
        let modules = path.filter(|part| !["mod", "lib", "main"].contains(&part.as_str()));
        let mut found = Tests { modules: modules.collect(), names: Vec::new() };
        found.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        tests.extend(found.names.into_iter().map(|name| format!("{suite}{name}")));
    }
    tests
}

/// The tests of a file: functions with the attribute, and promises that `in_every_setup!` makes
/// tests of.
struct Tests {
    modules: Vec<String>,
    names: Vec<String>,
}

impl Tests {
    fn found(&mut self, name: &impl ToString) {
        let name = name.to_string();
        let path: Vec<&str> = self.modules.iter().map(String::as_str).chain([&*name]).collect();
        self.names.push(path.join("::"));
    }
}

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.modules.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.modules.pop();
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        let is_test = function.attrs.iter().any(|attribute| {
            attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
        });
        if is_test {
            self.found(&function.sig.ident);
        }
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        if mac.path.is_ident("in_every_setup") {
            let promises = mac.parse_body_with(|body: ParseStream<'_>| {
                let mut promises = Vec::new();
                while !body.is_empty() {
                    promises.push(body.parse::<Ident>()?);
                }
                Ok(promises)
            });
            promises.unwrap().iter().for_each(|promise| self.found(promise));
        }
    }
}
