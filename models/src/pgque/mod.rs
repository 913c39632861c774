//! The designs of PgQue, a queue on Postgres whose metadata lies in tables that rotate.
//!
//! What was found in the rotation of its metadata (NikolayS/pgque, pull request 62), and the mutant that
//! is each:
//!
//! | finding | mutant |
//! |---|---|
//! | a reader makes the rotation wait, and all others behind it | `rotation`: `blocks_in_truncate` |
//! | a reader who then acknowledges: 40P01 | `rotation`: `waits_for_acknowledger` |
//! | an acknowledgement under REPEATABLE READ is lost | `rotation`: `acks_old_snapshot` |
//! | under READ COMMITTED it is not: it locks, then looks | the same: who looks first loses it |
//! | a queue without consumers loses its latest tick | `rotation`: `gate_sees_consumers_only` |
//! | a consumer that stands still keeps the ticks, unnoticed | `cadence`: `counts_nothing` |
//! | TRUNCATE keeps no versions for an old snapshot | `rotation`: `reads_old_snapshot` |
//! | two sessions are given two batches of the same events | `next_batch`: `selects_unlocked` |
//! | a second rotation without the second step of the first | `cadence`: `rotates_ungated` |

pub mod cadence;
pub mod next_batch;
pub mod rotation;
pub mod unregister;
