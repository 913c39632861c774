//! Switches: each rule can be taken away, so that a test can see that it matters.
//!
//! A rule that makes no difference anywhere is a rule that nobody has shown to be there. Taking one
//! away costs a bit test where it applies, which is nothing beside what the rule itself does.
//!
//! One rule has no switch, because its absence cannot be observed: a scan marks entries dead only
//! if their page was not changed since it was read. Where it was, a non-HOT update changed it, and
//! that has marked the same entries in its uniqueness check.

/// A rule of the server that can be taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// The search of the free space map begins where the last one ended.
    FsmNextSlot,
    /// The uniqueness check prunes the pages it looks at.
    PruneInUnique,
    /// ... but not the page that the statement holds pinned.
    PinStopsPrune,
    /// An index scan goes on after the row was found.
    ScanPastMatch,
    /// A page is not pruned while a tenth of it is free, whatever the fillfactor.
    MinFreeFloor,
    /// VACUUM leaves the index alone when few pages have dead line pointers.
    Bypass,
    /// Versions are deleted from an index page before it is split.
    BottomUp,
    /// Duplicates are merged before an index page is split.
    Dedup,
    /// Split points are ordered by the server's own sort, which is not stable.
    UnstableSort,
    /// Pruning on access leaves the free space map alone.
    PruneKeepsFsm,
    /// VACUUM skips runs of all-visible pages.
    VmSkip,
    /// A page that an update had to leave is pruned at the next chance.
    FullHint,
    /// An update that stays on its page may use what the fillfactor reserves.
    HotIgnoresFillfactor,
    /// What others no longer need is learnt late.
    HorizonLag,
    /// Pruning cuts unused line pointers off the end.
    LineTruncation,
    /// VACUUM makes a backend forget its target page.
    VacuumResetsTarget,
    /// VACUUM lets searches of the free space map begin at the left again.
    VacuumResetsNextSlot,
    /// ... but only if it changed the table's row in `pg_class`.
    TargetSurvivesIdleVacuum,
    /// A backend without a target tries the last page before it extends.
    LastPage,
    /// The uniqueness check marks entries dead.
    KillInUnique,
    /// Deleting marked entries takes their neighbours in the same heap pages along.
    SimpleDeletionWidens,
    /// Where a search of the free space map ended is lost by a restart, unless its page was written.
    RestartForgetsNextSlot,
    /// A deleted index page is reused only when nobody can still be on its way to it.
    RecycleLater,
}

impl Rule {
    /// Every rule that can be taken away.
    pub const ALL: [Rule; 23] = [
        Rule::FsmNextSlot,
        Rule::PruneInUnique,
        Rule::PinStopsPrune,
        Rule::ScanPastMatch,
        Rule::MinFreeFloor,
        Rule::Bypass,
        Rule::BottomUp,
        Rule::Dedup,
        Rule::UnstableSort,
        Rule::PruneKeepsFsm,
        Rule::VmSkip,
        Rule::FullHint,
        Rule::HotIgnoresFillfactor,
        Rule::HorizonLag,
        Rule::LineTruncation,
        Rule::VacuumResetsTarget,
        Rule::VacuumResetsNextSlot,
        Rule::TargetSurvivesIdleVacuum,
        Rule::LastPage,
        Rule::KillInUnique,
        Rule::SimpleDeletionWidens,
        Rule::RestartForgetsNextSlot,
        Rule::RecycleLater,
    ];
}

/// The rules that hold: all of them, unless a test took one away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    missing: u32,
}

impl Rules {
    /// All of them but `rule`.
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Rules { missing: self.missing | 1 << rule as u32 }
    }

    /// Whether `rule` holds.
    #[inline]
    pub const fn has(self, rule: Rule) -> bool {
        self.missing >> rule as u32 & 1 == 0
    }
}
