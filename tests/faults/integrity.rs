//! Every answer is right, whatever a network and a server do, and whoever leaves.
//!
//! The protocol has no checksum, and the classic dialect does not say which question an answer is to.
//! So there are things that no client can see, and each run states what may therefore be wrong: bytes
//! that a network changes within a value, and replies that it repeats. TLS sees both.

use memclient::Dialect;
use memclient_tests::{
    Mischief,
    integrity::{Plan, Report, Until, run},
    is_long, seed,
};

// As often as the others together, about.
const DAMAGED: [Mischief; 4] = [Mischief::Garbage; 4];
const SHORTENED: [Mischief; 4] = [Mischief::Truncate; 4];
const REPEATED: [Mischief; 4] =
    [Mischief::Duplicate, Mischief::Extra, Mischief::Duplicate, Mischief::Extra];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meta_over_a_network_that_loses_and_delays() {
    is_right(&over(plan("meta", Dialect::Meta), &[]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_over_a_network_that_loses_and_delays() {
    is_right(&over(plan("classic", Dialect::Classic), &[]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meta_over_a_network_that_leaves_bytes_out() {
    is_right(&over(plan("meta, shortened", Dialect::Meta), &SHORTENED).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_over_a_network_that_leaves_bytes_out() {
    is_right(&over(plan("classic, shortened", Dialect::Classic), &SHORTENED).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meta_over_a_network_that_changes_bytes() {
    is_right_but_for_damage(&over(plan("meta, damaged", Dialect::Meta), &DAMAGED).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_over_a_network_that_changes_bytes() {
    is_right_but_for_damage(&over(plan("classic, damaged", Dialect::Classic), &DAMAGED).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meta_over_a_network_that_repeats_replies() {
    let report = over(plan("meta, repeated", Dialect::Meta), &REPEATED).await;
    // Gathered gets are classic ones. Nothing else may be taken for what it is not.
    assert_eq!((report.lost, report.counts.get("twice")), (0, 0));
    is_right_but_for_repeats(&report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_over_a_network_that_repeats_replies() {
    is_right_but_for_repeats(&over(plan("classic, repeated", Dialect::Classic), &REPEATED).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_over_a_network_that_does_everything() {
    let plan = Plan { tls: true, ..plan("tls, everything", Dialect::Auto) };
    is_right(&over(plan, &[&DAMAGED[..], &SHORTENED, &REPEATED].concat()).await);
}

fn plan(name: &'static str, dialect: Dialect) -> Plan {
    let until = Until::Dropped(if is_long() { 125_000 } else { 1_500 });
    Plan { name, dialect, mischief: Vec::new(), tls: false, seed: seed(name), until }
}

/// Runs the plan over a network that loses and delays, and does this as well.
async fn over(mut plan: Plan, also: &[Mischief]) -> Report {
    plan.mischief = [&Mischief::HONEST[..], also].concat();
    let report = run(plan, |_| ()).await;
    println!("{}\n{report}", Report::HEAD);
    println!("{:?} {:?} forged={}", report.counts, report.mischief, report.forged);
    assert_eq!((report.counts.get("hung"), report.panics), (0, 0), "a call hangs or panics");
    assert_eq!((report.connections_left, report.tasks_left), (0, 0), "something is left open");
    // What each thread keeps for itself comes up to this, however long a run is.
    assert!(report.growth() < 32 << 10, "{} KiB more than soon after the start", report.growth());
    report
}

fn is_right(report: &Report) {
    is_right_but_for_damage(report);
    assert_eq!(report.counts.get("broken"), 0, "a value is not whole");
}

fn is_right_but_for_damage(report: &Report) {
    for name in ["foreign", "twice", "stale", "missed"] {
        assert_eq!(report.counts.get(name), 0, "an answer is {name}");
    }
    assert_eq!(report.lost, 0, "what was confirmed is not there");
    let broken = report.counts.get("broken");
    let damaged = report.mischief(Mischief::Garbage);
    assert!(broken <= damaged, "{broken} values are not whole, and {damaged} may be");
}

fn is_right_but_for_repeats(report: &Report) {
    let broken = report.counts.get("broken");
    let spliced = report.mischief(Mischief::Duplicate) + report.mischief(Mischief::Extra);
    assert!(broken <= spliced, "{broken} values are not whole, and {spliced} may be");
    assert_eq!(report.counts.get("foreign"), 0, "an answer is of another key");
    let wrong = ["stale", "missed", "twice"].map(|name| report.counts.get(name));
    let wrong = wrong.iter().sum::<u64>() + report.lost;
    assert!(wrong <= report.forged, "{wrong} answers are wrong, {} were made up", report.forged);
}
