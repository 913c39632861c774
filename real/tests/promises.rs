//! An object store's promises on real servers: who keeps them in a race, who does not, and who
//! cannot be asked.
//!
//! A service that is not installed is skipped aloud; `UNFORKED_REQUIRE_SERVICES=1` makes it a
//! failure, so that CI cannot pass by having installed nothing.

mod skip;
mod targets;

use checker::specs::objects::{Objects, Op, Ret};
use checker::{Budget, Operation, Verdict, judge, line};
use models::object_store::About;
use models::served::Setup;
use real::capability::Capability;
use real::confirm::{Options, Outcome, Promises, Trial, confirm_promises};
use real::service::{InProcess, embedded, s3s_fs};
use real::{Given, Targets, Wanted};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};
use serde_json::{Map, Value, json};
use targets::targets;

/// Tries every promise on a server, by so many clients.
fn tried(targets: &Targets, clients: u16) -> Promises {
    let served = models::SERVED.iter().find(|it| it.name() == "object_store").expect("a model");
    let mut params: Map<String, Value> = models::find("object_store")
        .expect("a model")
        .session(&Map::new(), None)
        .expect("its defaults")
        .params();
    params.insert("writers".to_owned(), json!(clients));
    let setup = Setup { params: &params, mutant: None };
    let options = Options { races: 25, ..Options::default() };
    let found = confirm_promises(*served, &setup, targets, options, &|_, _| true);
    let found = found.expect("it answers");
    for trial in &found.trials {
        eprintln!("{} on {}: {}", trial.promise, found.card.service, trial.why());
    }
    found
}

fn of(found: &Promises, about: About) -> &Trial {
    found.trials.iter().find(|it| it.about == about).expect("each is tried")
}

#[test]
fn s3s_fs_lets_two_create_and_two_replace_one_object_and_is_caught_with_the_evidence() {
    let targets = targets("s3s-fs", 1).expect("it is in this process");
    assert_eq!(targets.lacking(), [], "one at a time it knows every condition");
    let card = &targets.services()[0];
    assert!(!card.real && card.version == s3s_fs::VERSION, "a server on trial: {card:?}");
    let found = tried(&targets, 16);
    for about in [About::ReadAfterWrite, About::ListAfterWrite] {
        assert_eq!(of(&found, about).outcome(), Outcome::Agrees, "{:?}", of(&found, about));
    }
    for about in [About::IfNoneMatch, About::IfMatch] {
        let trial = of(&found, about);
        assert_eq!(trial.outcome(), Outcome::Breaks, "{trial:?}");
        assert_eq!((trial.in_turn.broken, trial.in_turn.overlapping), (0, 0), "it takes a race");
        let evidence = trial.evidence.as_ref().expect("what broke it");
        assert!(!evidence.in_turn && evidence.minimal.len() < evidence.history.len());
        // What was written down breaks the promise by itself, for whoever reads it again.
        let read = |it: &Value| line::from_value(it.clone()).expect("a line of a history");
        let history: Vec<Operation<Op, Ret>> = evidence.history.iter().map(read).collect();
        let verdict = judge(&Objects::default(), &history, &Budget::default());
        assert!(matches!(verdict, Verdict::Fail(_)), "{verdict:?}");
        let winners = evidence.minimal.iter().filter(|&&it| {
            let conditional = evidence.history[it]["if_none_match"] == true
                || !evidence.history[it]["if_match"].is_null();
            conditional && evidence.history[it]["ret"] == true
        });
        assert!(winners.count() >= 2, "two were told that they won: {evidence:?}");
    }
}

#[test]
fn minio_and_the_embedded_server_keep_every_promise_in_the_same_races() {
    for on in ["minio", "s3=embedded"] {
        let Some(targets) = targets(on, 1) else { continue };
        assert_eq!(targets.lacking(), []);
        let found = tried(&targets, 8);
        assert_eq!((found.trials.len(), found.lost), (4, 0), "{:?}", found.notes);
        for trial in &found.trials {
            assert_eq!(trial.outcome(), Outcome::Agrees, "{on}: {trial:?}");
        }
    }
}

#[test]
fn the_version_that_is_told_of_s3s_fs_is_the_one_we_are_built_with() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock = std::fs::read_to_string(lock).expect("it is committed");
    let package = format!("name = \"s3s-fs\"\nversion = \"{}\"\n", s3s_fs::VERSION);
    assert!(lock.contains(&package), "{package}");
}

#[test]
fn a_run_that_is_ended_early_says_so_and_is_no_pass() {
    let targets = targets("s3=embedded", 1).expect("it is in this process");
    let served = models::SERVED.iter().find(|it| it.name() == "object_store").expect("a model");
    let mut session = models::find("object_store")
        .expect("a model")
        .session(&Map::new(), None)
        .expect("defaults");
    session.play(&sim::session::Plan::Seed(sim::scenario::Scenario::of(0)));
    let params = session.params();
    let setup = Setup { params: &params, mutant: None };
    let goes_on = |promise: &str, race: u32| promise == "read-after-write" && race < 5;
    let found = confirm_promises(*served, &setup, &targets, Options::default(), &goes_on);
    let found = found.expect("it answers");
    for trial in &found.trials {
        assert_eq!(trial.outcome(), Outcome::Inconclusive, "{trial:?}");
    }
    assert_eq!(of(&found, About::ReadAfterWrite).in_turn.tried, 4);
    assert_eq!(of(&found, About::IfMatch).in_turn.tried, 0);
}

/// A sound store that has never heard of something.
struct Lacking<T> {
    store: T,
    lacks: Capability,
}

#[async_trait::async_trait]
impl<T: S3> S3 for Lacking<T> {
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.store.create_bucket(request).await
    }

    async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        match self.lacks {
            Capability::IfNoneMatch => request.input.if_none_match = None,
            Capability::IfMatch if request.input.if_match.is_some() => {
                return Err(s3s::s3_error!(NotImplemented, "what is If-Match?"));
            }
            _ => {}
        }
        self.store.put_object(request).await
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.store.get_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.store.delete_object(request).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.store.delete_objects(request).await
    }

    async fn list_objects_v2(
        &self,
        mut request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        match self.lacks {
            Capability::StartAfter => request.input.start_after = None,
            Capability::PageSize => request.input.max_keys = None,
            _ => {}
        }
        self.store.list_objects_v2(request).await
    }
}

#[test]
fn what_a_store_lacks_is_found_beforehand_and_never_held_against_it() {
    for lacks in
        [Capability::IfNoneMatch, Capability::IfMatch, Capability::StartAfter, Capability::PageSize]
    {
        let server = InProcess::start("lacking", Lacking { store: embedded::store(), lacks });
        let server = server.expect("it needs nothing");
        let given = Given {
            s3_endpoint: Some(server.endpoint()),
            s3_keys: Some((server.access_key().to_owned(), server.secret_key().to_owned())),
            ..Given::default()
        };
        let wanted: Wanted = "s3".parse().expect("a test knows what --on takes");
        let targets = Targets::start(&wanted, &given).expect("it takes us");
        let found: Vec<Capability> = targets.lacking().iter().map(|it| it.capability).collect();
        assert_eq!(found, [lacks], "{:?}", targets.lacking());
        let promises = tried(&targets, 4);
        let missed = match lacks {
            Capability::IfNoneMatch => Some(About::IfNoneMatch),
            Capability::IfMatch => Some(About::IfMatch),
            _ => None,
        };
        for trial in &promises.trials {
            let is_missed = missed == Some(trial.about);
            let outcome = if is_missed { Outcome::Inconclusive } else { Outcome::Agrees };
            assert_eq!(trial.outcome(), outcome, "without {lacks}: {trial:?}");
            let why = trial.why();
            assert_eq!(why.contains(&format!("the server lacks {lacks}: ")), is_missed, "{why}");
        }
    }
}

#[test]
fn a_run_that_needs_what_a_store_lacks_is_inconclusive() {
    let lacks = Capability::IfNoneMatch;
    let server = InProcess::start("lacking", Lacking { store: embedded::store(), lacks });
    let server = server.expect("it needs nothing");
    let given = Given {
        s3_endpoint: Some(server.endpoint()),
        s3_keys: Some((server.access_key().to_owned(), server.secret_key().to_owned())),
        ..Given::default()
    };
    let wanted: Wanted = "s3".parse().expect("a test knows what --on takes");
    let targets = Targets::start(&wanted, &given).expect("it takes us");
    let served = models::SERVED.iter().find(|it| it.name() == "object_store").expect("a model");
    let mut params = Map::new();
    params.insert("writers".to_owned(), json!(4));
    params.insert("about".to_owned(), json!("if-none-match"));
    let setup = Setup { params: &params, mutant: None };
    let found = real::confirm_model(*served, &setup, &targets, Options::default());
    let found = found.expect("it answers");
    assert_eq!(found.rows[0].outcome, Outcome::Inconclusive, "{:?}", found.rows);
    assert!(matches!(found.verdict, Verdict::Unknown { .. }), "{:?}", found.verdict);
    assert!(found.rows[0].why.contains("lacks If-None-Match"), "{:?}", found.rows);
}
