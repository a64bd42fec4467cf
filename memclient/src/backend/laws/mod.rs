//! What every [`CacheBackend`](crate::CacheBackend) owes, as functions to call: each panics and says which promise is
//! broken.
//!
//! [`backend_laws!`](crate::backend_laws) makes tests of all of them. Each law uses keys of its
//! own, never used before, so they may run at once, and against a server that is in use. What a
//! backend's [`Capabilities`](crate::backend::Capabilities) leave out is not asked of it.

mod batches;
mod callers;
mod counters;
mod deletes;
mod law;
mod leases;
mod lives;
mod modes;
mod stale;
mod values;
mod versions;

pub use self::{
    batches::*, callers::*, counters::*, deletes::*, leases::*, lives::*, modes::*, stale::*,
    values::*, versions::*,
};

/// Makes a module with one test per law of [`CacheBackend`](crate::CacheBackend).
///
/// The second argument is an expression for a fresh backend, together with whatever has to live as
/// long as the test: a server to stop afterwards, or `()`. It is evaluated in each test and may
/// `.await`. The crate that uses the macro needs `tokio` with its features `macros` and
/// `rt-multi-thread`.
///
/// ```
/// memclient::backend_laws!(in_process, (memclient::MokaBackend::new(), ()));
/// ```
#[macro_export]
macro_rules! backend_laws {
    ($module:ident, $make:expr) => {
        $crate::backend_laws! { @tests $module, $make,
            a_stored_value_comes_back
            an_empty_value_is_a_hit
            bytes_of_every_kind_come_back
            all_bits_of_the_flags_come_back
            a_key_of_the_full_length_is_a_key
            a_key_never_written_is_a_miss
            a_set_replaces_bytes_and_flags
            get_many_answers_in_the_order_of_the_keys
            get_many_answers_a_repeated_key_each_time
            get_many_of_nothing_is_nothing
            set_many_answers_in_the_order_of_the_entries
            set_many_of_nothing_is_nothing
            add_stores_only_where_nothing_is
            replace_stores_only_over_an_item
            append_adds_behind_and_keeps_the_flags
            prepend_adds_before_and_keeps_the_flags
            append_and_prepend_need_an_item
            of_concurrent_adds_one_stores
            a_write_over_the_version_that_was_read_is_stored
            a_write_over_an_older_version_is_refused
            a_write_over_a_version_of_nothing_is_not_found
            every_write_makes_another_version
            a_read_and_a_touch_keep_the_version
            an_item_is_confirmed_in_its_own_version_alone
            of_concurrent_writes_over_one_version_one_stores
            a_deleted_item_is_gone
            a_delete_of_nothing_is_not_found
            a_delete_of_the_version_that_was_read_deletes
            a_delete_of_an_older_version_keeps_the_item
            a_life_of_nothing_stores_nothing
            the_life_that_is_left_is_told
            an_endless_life_is_told
            an_expired_item_is_gone
            a_touch_gives_another_life
            a_touch_of_nothing_is_not_found
            a_counter_counts_up_and_down
            a_counter_wraps_at_the_top_and_stops_at_zero
            a_missing_counter_stays_missing
            a_missing_counter_starts_where_it_is_told
            what_is_no_number_is_an_error_and_stays_as_it_is
            concurrent_increments_lose_nothing
            every_task_reads_its_own_writes
            a_local_answer_is_the_answer
            a_shared_read_is_the_answer
            dropped_calls_harm_nothing
            a_missing_item_is_won_by_one_of_many_readers
            a_fill_with_the_lease_is_stored
            a_read_without_a_lease_sees_no_stub
            an_empty_value_is_no_stub
            a_read_without_a_lease_takes_none
            a_released_lease_is_won_by_the_next
            a_lease_released_in_passing_is_won_soon
            a_dropped_read_keeps_no_lease
            a_fill_with_a_lost_lease_stores_nothing
            a_stub_is_in_the_way_of_an_add_alone
            a_stub_that_expires_gives_a_new_winner
            an_aging_item_is_refreshed_by_one_of_many_readers
            an_endless_item_is_not_refreshed
            a_released_refresh_is_won_by_the_next
            each_key_of_a_batch_has_its_own_lease
            without_leases_the_plain_thing_is_done
            a_stale_item_keeps_its_bytes_and_flags
            a_stale_item_is_won_by_one_of_many_readers
            a_read_without_a_lease_takes_none_of_a_stale_item
            a_mark_on_nothing_is_not_found
            a_mark_ends_the_lease_before_it
            a_stale_item_released_is_won_by_the_next
            a_mark_of_an_older_version_marks_nothing
            a_write_makes_a_stale_item_good
            a_stale_item_is_gone_after_its_grace
        }
    };
    (@tests $module:ident, $make:expr, $($law:ident)*) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $law() {
                    let (backend, _guard) = $make;
                    $crate::backend::laws::$law(&::std::sync::Arc::new(backend)).await;
                }
            )*
        }
    };
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use std::sync::Arc;

    use crate::{
        backend::{
            AnyBackend, CacheBackend, MokaBackend,
            op::{Arithmetic, Capabilities, Delete, Get, Read, Set, Written},
        },
        error::Result,
        tier::Tiered,
        wire::{Deleted, Key, Touched, Ttl, Value},
    };

    use super::*;

    crate::backend_laws!(in_process, (MokaBackend::new(), ()));
    crate::backend_laws!(
        erased,
        (AnyBackend::new(Tiered::new(MokaBackend::new(), MokaBackend::new())), ())
    );
    crate::backend_laws!(tiered, {
        let far = Tiered::new(MokaBackend::new(), Arc::new(MokaBackend::new()));
        (Tiered::new(AnyBackend::new(MokaBackend::new()), far), ())
    });

    #[test]
    fn every_law_is_in_the_suite() {
        let (macros, _) = include_str!("mod.rs").split_once("(@tests $module:ident").unwrap();
        let laws: Vec<&str> = [
            include_str!("values.rs"),
            include_str!("batches.rs"),
            include_str!("modes.rs"),
            include_str!("versions.rs"),
            include_str!("deletes.rs"),
            include_str!("lives.rs"),
            include_str!("counters.rs"),
            include_str!("callers.rs"),
            include_str!("leases.rs"),
            include_str!("stale.rs"),
        ]
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next())
        .collect();
        let listed: Vec<&str> =
            macros.lines().map(str::trim).filter(|line| laws.contains(line)).collect();
        assert!(laws.len() > 60);
        assert_eq!(listed, laws);
    }

    #[tokio::test]
    #[should_panic(
        expected = "the backend breaks the law \"a stored value comes back\": the value is None"
    )]
    async fn a_backend_that_forgets_is_told_which_law_it_breaks() {
        a_stored_value_comes_back(&Arc::new(Forgetful(MokaBackend::new()))).await;
    }

    struct Forgetful(MokaBackend);

    impl CacheBackend for Forgetful {
        async fn get(&self, key: &Key, how: Get) -> Result<Read> {
            self.0.get(key, how).await
        }

        async fn set(&self, _: &Key, _: Value, _: Set) -> Result<Written> {
            Ok(Written::Stored)
        }

        async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
            self.0.delete(key, how).await
        }

        async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
            self.0.touch(key, ttl).await
        }

        async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
            self.0.arithmetic(key, how).await
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::NONE
        }
    }
}
