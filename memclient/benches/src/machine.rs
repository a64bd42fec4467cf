//! The machine: its description, which core does what, and whether idle ones stay awake.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    thread,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::peers::Outcome;

/// Which core the servers run on, and which this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) client: usize,
}

/// Binds this process to a core and returns it with the servers' core; `None` where the system has
/// but one core or no way to bind.
#[cfg(target_os = "linux")]
pub(crate) fn pin() -> Option<Cores> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None).ok()?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let cores = Cores { server: cores.next()?, client: cores.next()? };
    // The servers are bound with it.
    std::process::Command::new("taskset").arg("--version").output().ok()?;
    let mut only = CpuSet::new();
    only.set(cores.client);
    sched_setaffinity(None, &only).ok()?;
    Some(cores)
}

/// Returns `None`: this system has no way to bind a process to a core.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin() -> Option<Cores> {
    None
}

/// Idle cores are kept awake for as long as this lives.
pub(crate) struct Awake {
    /// Linux keeps what was asked for until the file is closed.
    _request: File,
}

/// Keeps idle cores from halting, so that what it costs to wake them is the same for all.
///
/// The way of Linux's interface for power management's quality of service: no core may be so deep asleep
/// that waking it takes longer than zero microseconds.
///
/// # Errors
/// Where the system has no way to, or keeps it from this user.
pub(crate) fn keep_awake() -> Outcome<Awake> {
    let request = OpenOptions::new().write(true).open("/dev/cpu_dma_latency");
    let mut request = request
        .map_err(|error| format!("--awake: /dev/cpu_dma_latency, which takes root: {error}"))?;
    request.write_all(&0i32.to_ne_bytes())?;
    Ok(Awake { _request: request })
}

/// Lets this process open as many files as it may: a floor has a connection per task.
pub(crate) fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it fails, the workloads with many connections say so themselves.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Returns a line about the machine.
pub(crate) fn describe(cores: Option<Cores>, awake: Option<&Awake>) -> String {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_matches([' ', '\t', ':']);
    let kernel = read("/proc/sys/kernel/osrelease");
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    let count =
        if count > 0 { count } else { thread::available_parallelism().map_or(0, Into::into) };
    let place = match cores {
        Some(Cores { server, client }) => {
            format!("servers on core {server}, clients on core {client}")
        }
        None => "nothing bound to a core".to_owned(),
    };
    let idle = awake.map(|_| "idle cores kept awake".to_owned()).or_else(describe_idle);
    let idle = idle.map(|idle| format!("; {idle}")).unwrap_or_default();
    format!("{count} cores {model}, kernel {}; {place}{idle}", kernel.trim())
}

/// Returns what an idle core does, where it is up to this virtual machine. It decides the price of
/// waking whoever sleeps: one who has halted is woken by way of the host.
fn describe_idle() -> Option<String> {
    let governor = fs::read_to_string("/sys/devices/system/cpu/cpuidle/current_governor").ok()?;
    if governor.trim() != "haltpoll" {
        return None;
    }
    let file = "/sys/module/haltpoll/parameters/guest_halt_poll_ns";
    match fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()? {
        0 => Some("idle cores halt at once".to_owned()),
        limit => Some(format!("idle cores poll for up to {} µs before they halt", limit / 1000)),
    }
}
