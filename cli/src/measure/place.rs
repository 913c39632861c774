//! `--on`: where a load on an object store is put.
//!
//! A server that is started here is ours and gone afterwards. On somebody's own, credentials,
//! region and bucket come from the usual `AWS_*` variables, and what was put is taken away again.

use crate::confirm::failure;
use crate::interrupt;
use crate::out::Failure;
use real::RealError;
use real::service::{ServiceError, s3s_fs};
use real::targets::{Card, Given, S3, Targets, Wanted};

/// A store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In this process, in simulated time.
    Simulated,
    /// Started here.
    Started(S3),
    /// Somebody's own.
    At(String),
}

/// Seconds that it may take after Ctrl-C to clear somebody's own server, or to stop one of ours and
/// remove what a load has put there.
const CLEARING_S: u64 = 60;

/// What `--on` takes.
const NAMES: &str = "simulated, s3, minio, weed, embedded, s3s-fs, or the URL of an S3 endpoint";

/// Several, separated by commas, each once.
pub(super) fn places(text: &str) -> Result<Vec<Place>, Failure> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim) {
        let place = Place::read(part)?;
        if all.contains(&place) {
            return Err(Failure::input(format!("--on {text}: {part} is given twice")));
        }
        all.push(place);
    }
    Ok(all)
}

impl Place {
    /// A single one.
    pub(super) fn read(text: &str) -> Result<Place, Failure> {
        Ok(match text {
            "simulated" => Place::Simulated,
            url if url.starts_with("http://") || url.starts_with("https://") => {
                // It would be shown beside the figures, and kept with them.
                if url.contains('@') {
                    let why = "--on: keys do not belong in the URL: expected them in AWS_ACCESS_KEY_ID \
                               and AWS_SECRET_ACCESS_KEY";
                    return Err(Failure::input(why));
                }
                Place::At(url.to_owned())
            }
            name => Place::Started(
                name.parse()
                    .map_err(|()| Failure::input(format!("--on {name}: expected {NAMES}")))?,
            ),
        })
    }

    /// As it was given.
    pub(super) fn name(&self) -> &str {
        match self {
            Place::Simulated => "simulated",
            Place::Started(s3) => s3.name(),
            Place::At(url) => url,
        }
    }

    /// Starts it or connects to it; nothing to be started where it is simulated.
    pub(super) fn start(&self) -> Result<Option<Targets>, RealError> {
        let (s3, s3_endpoint) = match self {
            Place::Simulated => return Ok(None),
            Place::Started(s3) => (*s3, None),
            Place::At(url) => (S3::Any, Some(url.clone())),
        };
        interrupt::give(CLEARING_S);
        let wanted = Wanted { s3: Some(s3), ..Wanted::default() };
        Targets::start(&wanted, &Given { s3_endpoint, ..Given::default() }).map(Some)
    }

    /// The same, where nothing else can be done without it.
    pub(super) fn started(&self) -> Result<Option<Targets>, Failure> {
        self.start().map_err(|error| self.failure(error))
    }

    /// Why it cannot be had. Without keys a client asks the cloud it is not in, and says only that.
    pub(super) fn failure(&self, error: RealError) -> Failure {
        let failure = failure(error);
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let missing = keys.iter().any(|it| std::env::var_os(it).is_none());
        match self {
            Place::At(_) if missing => {
                let why = format!("{}; {} are not both set", failure.why, keys.join(" and "));
                Failure { why, ..failure }
            }
            _ => failure,
        }
    }
}

/// What to do about a program that is not installed, if it is only that.
pub(super) fn missing(error: &RealError) -> Option<String> {
    match error {
        RealError::Service(ServiceError::NotFound { service, .. }) => Some(format!(
            "{service} is not installed here; one that runs elsewhere can be given by its URL"
        )),
        _ => None,
    }
}

/// Who answers, with its version: `minio DEVELOPMENT.GOGET`.
pub(super) fn who(card: &Card) -> String {
    let name = card.service.trim_start_matches("s3=");
    let version = card.version.trim_start_matches(name).trim_start();
    let version = version.trim_start_matches("version ").split(" (").next().unwrap_or_default();
    if name == "s3" { "the endpoint".to_owned() } else { format!("{name} {version}") }
}

/// What its times are worth.
pub(super) fn caution(card: Option<&Card>) -> &'static str {
    match card {
        None => {
            "counts, pages and costs are exact; times are drawn from -p put_p50_ms, put_p99_ms and \
             their like, and say nothing of a machine"
        }
        Some(card) if card.real => {
            "counts, pages and costs hold everywhere; times are of this machine, its network and \
             this moment"
        }
        Some(card) if card.service.ends_with(s3s_fs::NAME) => {
            "s3s-fs is on trial here and no evidence of how an S3 behaves; times are this machine's"
        }
        Some(_) => {
            "the embedded server is ours: it is no evidence of how an S3 behaves; times are this \
             machine's"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_by_its_names_and_shown_by_one() {
        let read = |text| Place::read(text).expect("it is a place");
        assert_eq!(read("s3=minio"), read("minio"));
        for name in
            ["simulated", "s3", "minio", "weed", "embedded", "s3s-fs", "http://127.0.0.1:9000"]
        {
            assert_eq!(read(name).name(), name);
        }
        let wrong = Place::read("postgres").expect_err("it is none").why;
        assert!(wrong.starts_with("--on postgres: expected simulated, s3, minio"), "{wrong}");
        let twice = places("minio, embedded,minio").expect_err("it is given twice").why;
        assert!(twice.contains("minio is given twice"), "{twice}");
    }
}
