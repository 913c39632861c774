//! `measure claims`: what it costs to take the next job off a queue while dead rows gather before it.
//!
//! The statements are done one after another, so nothing here is a band: with `--on postgres` every
//! claim must read as many pages as its plan says, and at each sample every page must be equal.

use super::report::Badge;
use super::{Args, Card, claims_page, on_postgres, table, typed, unswept, write};
use crate::interrupt::was_interrupted;
use crate::out::{Exit, Failure, Out};
use heap::Reads;
use heap::claims::{self, Claims, Params, Sample, verdict};
use real::heap::claims::{Claimed, measure};
use serde_json::{Map, Value, json};
use std::time::Instant;

pub(super) const NAME: &str = "claims";

/// What was seen on the simulated side, and on the real one if it was asked for.
pub(super) struct Measured {
    pub(super) params: Params,
    pub(super) simulated: Claims,
    pub(super) real: Option<Claimed>,
    /// What differs that must not.
    differs: Vec<String>,
    whole: bool,
}

/// What is to be known of it, for `list`.
pub(super) fn card() -> Card {
    let about = "a queue: what a claim reads, as dead rows gather before the next job";
    (NAME, about, typed(Params::default().shown()))
}

pub(super) fn claims(args: &Args, out: &Out) -> Result<Exit, Failure> {
    unswept(args)?;
    let params = params(args)?;
    let began = Instant::now();
    out.say(title(&params) + "\n");
    let measured = Measured::of(params, args.on.is_some(), out)?;
    table::aligned(&measured.rows()).iter().for_each(|line| out.say(line));
    out.say("");
    if let Some(real) = &measured.real {
        let times = on_postgres::times(&real.latencies);
        table::aligned(&times).iter().for_each(|line| out.say(line));
        out.say("");
    }
    measured.said().iter().for_each(|it| out.verdict(it));
    let badge = Badge::of(measured.whole, measured.differs.is_empty());
    let painted = if measured.real.is_some() { badge.painted_beside() } else { badge.painted() };
    let (seconds, compared) = (began.elapsed().as_secs_f64(), measured.compared());
    out.verdict(format!("{painted} {compared}   {seconds:.2} s"));
    if let Some(path) = &args.csv {
        write(path, &measured.csv(), out)?;
    }
    args.write(|| claims_page::report(args, &measured, badge), out)?;
    out.object(badge.outcome(), measured.object(seconds));
    Ok(badge.exit())
}

fn params(args: &Args) -> Result<Params, Failure> {
    let mut params = Params::default();
    for (name, value) in args.setup.params()? {
        let text = value.as_str().unwrap_or_default();
        params.set(&name, text).map_err(|why| Failure::input(format!("-p {why}")))?;
    }
    params.check().map_err(|why| Failure::input(format!("-p {why}")))?;
    Ok(params)
}

pub(super) fn title(params: &Params) -> String {
    let Params { claims, waiting, vacuum, hold, .. } = params;
    let vacuumed = match vacuum {
        0 => "never vacuumed".to_owned(),
        every => format!("vacuumed every {every}"),
    };
    let held = match params.held() {
        None => "hold none".to_owned(),
        Some((from, _)) if params.hold_until == 0 => format!("hold {} from {from}", hold.name()),
        Some((from, to)) => format!("hold {} from {from} to {to}", hold.name()),
    };
    format!("claims: {claims} of a queue of {waiting} jobs, {vacuumed}, {held}")
}

impl Measured {
    fn of(params: Params, on: bool, out: &Out) -> Result<Self, Failure> {
        let real = if on { Some(real(&params, out)?) } else { None };
        let mut simulated = Claims::new(&params);
        let mut goes_on = true;
        // What was stopped is simulated to where the server came.
        let asked = real.as_ref().map_or(0, |it| it.pages.len());
        while goes_on && (simulated.reads().len() < asked || !was_interrupted()) {
            goes_on = simulated.go_on().map_err(Failure::input)?;
        }
        let whole = !goes_on && real.as_ref().is_none_or(|it| it.whole);
        let differs = real.as_ref().map_or(Vec::new(), |it| differences(simulated.reads(), it));
        Ok(Measured { params, simulated, real, differs, whole })
    }

    /// Samples under their titles, as many as fit on a screen.
    fn rows(&self) -> Vec<Vec<String>> {
        let titles =
            ["claims", "pages", "most", "rows seen", "dead", "n_dead", "heap pages", "idx pages"];
        let samples = table::thinned(self.simulated.samples());
        let samples = samples.into_iter().map(|it| it.fields().to_vec());
        [titles.map(str::to_owned).to_vec()].into_iter().chain(samples).collect()
    }

    /// The verdict, a sentence each.
    pub(super) fn said(&self) -> Vec<String> {
        let said = verdict(&self.params, self.simulated.reads());
        said.into_iter().chain(self.differs.clone()).collect()
    }

    /// How much of it a server was asked for.
    pub(super) fn compared(&self) -> String {
        let claims = self.simulated.reads().len();
        match &self.real {
            None => format!("{claims} claims"),
            Some(real) => format!(
                "{} claims compared with their plans on postgres {}, every page of the table {} times",
                real.pages.len().min(claims),
                real.version,
                real.course.len(),
            ),
        }
    }

    fn csv(&self) -> String {
        let lines = self.simulated.samples().iter().map(|it| it.fields().join(",") + "\n");
        Sample::COLUMNS.join(",") + "\n" + &lines.collect::<String>()
    }

    fn object(&self, seconds: f64) -> Value {
        let end = self.simulated.samples().last().copied().unwrap_or_default();
        let texts = Sample::COLUMNS.into_iter().zip(end.fields());
        let number = |text: &str| serde_json::from_str(text).unwrap_or(json!(text));
        let mut object: Map<String, Value> =
            texts.map(|(name, text)| (name.to_owned(), number(&text))).collect();
        let pages: Vec<u64> = self.simulated.reads().iter().map(Reads::pages).collect();
        let real = self.real.as_ref();
        let more = json!({
            "workload": NAME,
            "params": typed(self.params.shown()),
            "pages": pages,
            "postgres": real.map(|it| json!({"version": it.version, "pages": it.pages})),
            "latencies": real.map(|it| on_postgres::times_object(&it.latencies)),
            "differs": self.differs,
            "verdict": self.said(),
            "seconds": seconds,
        });
        if let Value::Object(more) = more {
            object.extend(more);
        }
        Value::Object(object)
    }
}

fn real(params: &Params, out: &Out) -> Result<Claimed, Failure> {
    let bar = super::bar(out, params.claims);
    let real = measure(params, &mut |claims| {
        bar.set_position(claims);
        bar.set_message(format!("{claims} of {} claims on postgres", params.claims));
        !was_interrupted()
    });
    bar.finish_and_clear();
    real.map_err(Failure::service)
}

/// Claims that read another number of pages, the first of them told, and pages that are others.
fn differences(ours: &[Reads], real: &Claimed) -> Vec<String> {
    let pairs = ours.iter().map(Reads::pages).zip(&real.pages);
    let other: Vec<(usize, u64, u64)> = pairs
        .enumerate()
        .filter(|(_, (ours, theirs))| ours != *theirs)
        .map(|(at, (ours, theirs))| (at + 1, ours, *theirs))
        .collect();
    let first = other.first().map(|(claim, ours, theirs)| {
        let many = other.len();
        format!(
            "{many} claims read other pages; the first, claim {claim}: {ours} simulated, {theirs} on \
             postgres"
        )
    });
    first.into_iter().chain(real.differences.iter().map(ToString::to_string)).collect()
}

/// While the other session's transaction was open, in claims.
pub(super) fn held(params: &Params) -> Option<(f64, f64)> {
    params.held().map(|(from, to)| (from as f64, to as f64))
}

/// The mean of each window's claims on the server.
pub(super) fn windows(samples: &[Sample], pages: &[u64]) -> Vec<(f64, f64)> {
    let mut from = 0;
    let window = |it: &Sample| {
        let to = (it.claims as usize).min(pages.len());
        let part = &pages[from.min(to)..to];
        from = to;
        (!part.is_empty()).then(|| (it.claims as f64, claims::mean(part.iter().copied())))
    };
    samples.iter().filter_map(window).collect()
}
