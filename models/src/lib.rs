//! Every protocol we model. A new one is a file here and a line below.

pub mod worlds;
pub mod objects_load;
pub mod log;
pub mod served;
pub mod spec;
pub mod awa;
pub mod museum;
pub mod pgque;
pub mod promise;

macro_rules! models {
    (
        served { $($module:ident :: $model:ident,)* }
        apart { $($own:ident :: $alone:ident,)* }
        moves { $($path:path,)* }
    ) => {
        $(pub mod $module;)*
        $(pub mod $own;)*
        /// All of them, for everything that means all of them: the command, tests, fuzzing, pages.
        pub const ALL: &[&dyn sim::registry::AnyModel] = &[
            $(&sim::registry::Registered::<$module::$model>::new(),)*
            $(&sim::registry::Registered::<$own::$alone>::new(),)*
            $(&sim::registry::Registered::<$path>::new(),)*
        ];
        /// Those that real services can confirm.
        pub const SERVED: &[&dyn served::Served] =
            &[$(&sim::registry::Registered::<$module::$model>::new(),)*];
    };
}

models! {
    served {
        run_head::RunHead,
        object_store::ObjectStore,
        cluster::Cluster,
        redlock::Redlock,
        run_locker::RunLocker,
        snapshot_log::SnapshotLog,
    }
    apart {
        run_engine::RunEngine,
        queue::AtLeastOnce,
    }
    moves {
        spec::lock_cas::LockCas,
        spec::run_head::RunHead,
        awa::deferred_materialise::DeferredMaterialise,
        awa::sharded_prune::ShardedPrune,
        awa::storage_transition::StorageTransition,
        awa::partitioned_routing::PartitionedRouting,
        awa::segmented_storage::SegmentedStorage,
        awa::segmented_storage_races::SegmentedStorageRaces,
        awa::lock_order::LockOrder,
        awa::lock_convoy::LockConvoy,
        awa::done_entries::DoneEntries,
        awa::rescue::Rescue,
        awa::deadline_rescue::DeadlineRescue,
        pgque::rotation::Rotation,
        pgque::next_batch::NextBatch,
        pgque::unregister::Unregister,
        pgque::cadence::Cadence,
        museum::river_1302::River,
        museum::oban_532::Oban,
        museum::dbos_742::Dbos,
        museum::procrastinate_103::Procrastinate,
        museum::bull_308::Bull,
        museum::slatedb_766::SlateDb,
        museum::iceberg_2317::Iceberg,
        museum::delta_1410::Delta,
        museum::etcd_11456::Etcd,
        museum::solid_queue_689::SolidQueue,
        museum::patchlevel_615::Patchlevel,
        museum::graphile_580::Graphile,
        museum::pg_boss_535::PgBoss,
        museum::sidekiq_unique_559::SidekiqUnique,
        museum::oban_1093::ObanUnique,
        museum::dbos_java_491::DbosJava,
        museum::que_web_28::QueWeb,
        museum::solid_queue_761::Semaphored,
    }
}

/// The model of that name, as a trace has it: what was recorded may be of any design, also of one
/// that is not offered because it breaks.
pub fn of_trace(
    name: &str,
) -> Result<&'static dyn sim::registry::AnyModel, sim::registry::SetupError> {
    let found = find(name)?;
    Ok(if name == "snapshot_log" { snapshot_log::ANY_DESIGN } else { found })
}

/// The model of that name.
pub fn find(name: &str) -> Result<&'static dyn sim::registry::AnyModel, sim::registry::SetupError> {
    let found = ALL.iter().find(|it| it.card().name == name).copied();
    found.ok_or_else(|| sim::registry::SetupError::UnknownModel {
        name: name.to_owned(),
        known: ALL.iter().map(|it| it.card().name).collect::<Vec<_>>().join(", "),
    })
}
