//! Where a function stands, for the keys of those whose module and name do not say it.

/// Returns where a function of a module stands, nothing where its module and name say it: functions
/// of one name may stand in the bodies of several. The type beside it has the same path.
pub fn place<Companion>(path: &str) -> &'static str {
    let full = std::any::type_name::<Companion>();
    if full == path { "" } else { full }
}

/// Returns the type that a function belongs to, with its parameters, and the trait if it is of one:
/// functions of one name may be in each.
///
/// The type of a closure in the function is all of that, followed by the names of the function, with
/// its own parameters, and of the closure.
pub fn owner<Closure>(_: &Closure, function: &str) -> &'static str {
    let path = std::any::type_name::<Closure>().trim_end_matches("::{{closure}}");
    let path = path.strip_suffix('>').and_then(without_parameters).unwrap_or(path);
    path.strip_suffix(function).and_then(|path| path.strip_suffix("::")).unwrap_or(path)
}

/// Takes the `::<..` off the end of a path that had one.
fn without_parameters(path: &str) -> Option<&str> {
    let mut depth = 1;
    for (at, byte) in path.bytes().enumerate().rev() {
        match byte {
            // The arrow of a function's type opens nothing.
            b'>' if at == 0 || path.as_bytes()[at - 1] != b'-' => depth += 1,
            b'<' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let path = &path[..at];
            return Some(path.strip_suffix("::").unwrap_or(path));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Of<T>(T);

    impl<T: Default> Of<T> {
        fn plain() -> &'static str {
            owner(&|| (), "plain")
        }

        #[expect(clippy::extra_unused_type_parameters, reason = "they stand in its path")]
        fn generic<A, B>() -> &'static str {
            let inside = || owner(&|| (), "generic");
            inside()
        }
    }

    #[test]
    fn the_owner_of_a_function_is_its_type_with_the_parameters_of_that_alone() {
        let path = concat!(module_path!(), "::Of<alloc::vec::Vec<u8>>");
        assert_eq!(Of::<Vec<u8>>::plain(), path);
        assert_eq!(Of::<Vec<u8>>::generic::<Of<u8>, fn(u8) -> Of<u8>>(), path);
        assert_eq!(Of(1).0, 1);
    }

    #[test]
    fn a_function_of_a_module_stands_where_its_path_says() {
        struct Inner;
        assert_eq!(place::<Of<u8>>(std::any::type_name::<Of<u8>>()), "");
        assert!(place::<Inner>(concat!(module_path!(), "::Inner")).ends_with("::Inner"));
    }
}
