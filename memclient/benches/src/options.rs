//! What the command line says.

use std::{env, time::Duration};

use crate::{
    contenders::Contender,
    workload::{SMALL, Workload},
};

pub(crate) const HELP: &str = "\
Measures memclient beside its peers, on a memcached and a Redis that it starts itself. Other subjects,
each named by a word:

    near                hits in this process's memory, beside moka, quick_cache and cached
    fleet               a cold key in eight processes, beside memcache-exp and cached
    stale               answers from a stale value whose loader hangs, fails or is slow
    early               hot keys that end again and again, in four processes
    storm               what a restart and a slow node cost 200 clients and the origin

    --rounds N          interleaved rounds per workload [9]
    --seconds S         how long each cell is timed [0.4]: ten minutes for all of them
    --quick             one short round: about a minute
    --only LIST         workloads, such as get@64,set@64,mix@64,get_many@16,get@64/4096
    --clients LIST      rows, by the names in the table
    --value BYTES       the size of values where a workload names none [100]
    --pool N            connections of the clients that pool [64]
    --rows LIST         rows of `near`, such as moka,TypedCache::get
    --json FILE         writes every median to a file
    --pin, --no-pin     binds servers to one core and clients to another, or not [--pin]
    --awake             keeps idle cores from halting, where it may: of the clients beside each other
";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) subject: Subject,
    /// The rows of `near`, all where none is named.
    pub(crate) rows: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) pool: usize,
    pub(crate) json: Option<String>,
    pub(crate) pin: bool,
    pub(crate) awake: bool,
    pub(crate) help: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Subject {
    Clients,
    Near,
    Fleet,
    Stale,
    Early,
    Storm,
}

impl Options {
    /// Reads the arguments of this process.
    pub(crate) fn from_args() -> Result<Self, String> {
        Self::parse(env::args().skip(1))
    }

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut value, mut only) = (SMALL, None);
        let mut options = Self {
            subject: Subject::Clients,
            rows: Vec::new(),
            rounds: 9,
            time: Duration::from_millis(400),
            workloads: Vec::new(),
            contenders: Contender::ALL.into(),
            // One for each task of most workloads: fewer were not faster, and where they have to be
            // waited for, bb8 lets tasks starve.
            pool: 64,
            json: None,
            pin: true,
            awake: false,
            help: false,
        };
        while let Some(option) = args.next() {
            let mut argument =
                || args.next().ok_or_else(|| format!("{option} needs a value: see --help"));
            match &*option {
                "near" => options.subject = Subject::Near,
                "fleet" => options.subject = Subject::Fleet,
                "stale" => options.subject = Subject::Stale,
                "early" => options.subject = Subject::Early,
                "storm" => options.subject = Subject::Storm,
                "--rows" => options.rows = argument()?.split(',').map(str::to_owned).collect(),
                "--rounds" => options.rounds = number(&option, &argument()?)?,
                "--seconds" => {
                    let text = argument()?;
                    let seconds =
                        text.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
                    options.time = seconds
                        .filter(|time| !time.is_zero())
                        .ok_or_else(|| format!("{text:?} is no number of seconds"))?;
                }
                "--quick" => {
                    options.rounds = 1;
                    options.time = Duration::from_millis(200);
                }
                "--only" => only = Some(argument()?),
                "--clients" => {
                    let names = argument()?;
                    options.contenders =
                        names.split(',').map(contender).collect::<Result<_, _>>()?;
                }
                "--value" => value = number(&option, &argument()?)?,
                "--pool" => options.pool = number(&option, &argument()?)?,
                "--json" => options.json = Some(argument()?),
                "--pin" => options.pin = true,
                "--no-pin" => options.pin = false,
                "--awake" => options.awake = true,
                "--help" | "-h" => options.help = true,
                // What `cargo bench` adds by itself.
                "--bench" => {}
                _ => return Err(format!("there is no option {option}: see --help")),
            }
        }
        options.workloads = match only {
            Some(only) => only
                .split(',')
                .map(|workload| Workload::parse(workload, value))
                .collect::<Result<_, _>>()?,
            None => Workload::defaults(value),
        };
        Ok(options)
    }
}

fn number(option: &str, text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| format!("{option} takes a number above zero, not {text:?}"))
}

fn contender(name: &str) -> Result<Contender, String> {
    let names = || Contender::ALL.map(Contender::name).join(", ");
    let found = Contender::ALL.into_iter().find(|contender| contender.name() == name);
    found.ok_or_else(|| format!("there is no row {name:?}: take some of {}", names()))
}
