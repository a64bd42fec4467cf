use std::fs;

/// Returns a line of this process's memory in `/proc`, such as `VmRSS` or `VmHWM`, in KiB; 0 where the
/// system has none.
pub fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
