use std::fs;

/// Returns a line of this process's memory in `/proc`, such as `VmRSS` or `VmHWM`, in KiB; 0 where the
/// system has none.
pub fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The memory of this process at a beginning, and its peak since then.
#[derive(Debug)]
pub struct Peak {
    before: usize,
}

impl Peak {
    /// Begins to look for the peak.
    pub fn begin() -> Self {
        // Where the system does not allow that, the peak is that of the whole process.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self { before: memory("VmRSS") }
    }

    /// Returns by how many KiB the memory has grown at most.
    pub fn growth(&self) -> usize {
        memory("VmHWM").saturating_sub(self.before)
    }
}
