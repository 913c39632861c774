//! `checker list`: what there is to run, and what it could run against.

use crate::measure;
use crate::out::{Exit, Failure, Out};
use crate::setup;
use checker::Property;
use clap::Args as ClapArgs;
use real::service::ServiceError;
use serde_json::{Map, Value, json};
use sim::registry::Card;

#[derive(ClapArgs)]
pub(crate) struct Args {}

pub(crate) fn list(_args: &Args, out: &Out) -> Result<Exit, Failure> {
    let cards: Vec<Card> = models::ALL.iter().map(|model| model.card()).collect();
    for card in &cards {
        out.say(format!("{}  {}", card.name, card.about));
        if !card.params.is_empty() {
            out.say(format!("    -p {}", setup::show(&card.params)));
        }
        if let Some(exhibit) = models::museum::EXHIBITS.iter().find(|it| it.name == card.name) {
            out.say(format!("    reported at {}", exhibit.link));
        }
        let open = left_open(card)?;
        if !open.is_empty() {
            let shown: Vec<String> = open.iter().map(show_open).collect();
            out.say(format!("    drawn by each seed unless given: {}", shown.join(", ")));
        }
        let width = card.mutants.iter().map(|it| it.name.len()).max().unwrap_or(0);
        for mutant in &card.mutants {
            let guard =
                if card.guard.as_ref() == Some(&mutant.name) { "  [the guard]" } else { "" };
            out.say(format!(
                "    --mutant {:<width$}  breaks {:<18} {}{guard}",
                mutant.name, mutant.breaks, mutant.how
            ));
        }
        say_promises(card, out);
        for (name, why) in &card.equivalent {
            out.say(format!("    equivalent {name}: {why}"));
        }
        out.say("");
    }
    let measures = measure::cards();
    for (name, about, params) in &measures {
        out.say(format!("measure {name}  {about}"));
        out.say(format!("    -p {}", setup::show(params)));
    }
    out.say("");
    let services = services();
    out.say("real services");
    for (name, found, what) in &services {
        out.say(format!("    {name:<10} {}  {what}", if *found { "found  " } else { "missing" }));
    }
    out.object(
        "pass",
        json!({
            "models": cards.iter().map(model_json).collect::<Result<Vec<_>, Failure>>()?,
            "museum": museum_json(),
            "measures": measures.iter().map(|(name, about, params)| json!({
                "name": name, "about": about, "params": params,
            })).collect::<Vec<_>>(),
            "services": services_json(&services),
        }),
    );
    Ok(Exit::Holds)
}

/// The models of real bugs, and where each was reported.
fn museum_json() -> Vec<Value> {
    let exhibits = models::museum::EXHIBITS.iter();
    exhibits.map(|it| json!({ "name": it.name, "link": it.link })).collect()
}

/// What must come, and what can be looked for by itself.
fn say_promises(card: &Card, out: &Out) {
    for (property, said) in &card.comes {
        let fair = card.fairness.join(", ");
        out.say(format!("    --liveness  {property}: {said}; fair: {fair}"));
    }
    if !card.always.is_empty() {
        let name = |(property, promised): &(Property, bool)| match promised {
            true => property.to_string(),
            false => format!("{property} (not promised)"),
        };
        let names: Vec<String> = card.always.iter().map(name).collect();
        out.say(format!("    --property  {}", names.join(", ")));
    }
}

/// The parameters that a seed decides, each with what it may be.
fn left_open(card: &Card) -> Result<Vec<(String, Vec<Value>)>, Failure> {
    let session = setup::session(setup::model(card.name)?, &Map::new(), None)?;
    Ok(session.left_open())
}

/// `commit (auto, explicit)`
fn show_open((name, choices): &(String, Vec<Value>)) -> String {
    let choices: Vec<String> = choices.iter().map(setup::show_value).collect();
    format!("{name} ({})", choices.join(", "))
}

fn model_json(card: &Card) -> Result<Value, Failure> {
    let open: Map<String, Value> =
        left_open(card)?.into_iter().map(|(name, choices)| (name, json!(choices))).collect();
    Ok(json!({
        "name": card.name,
        "about": card.about,
        "version": card.version,
        "params": card.params,
        "open": open,
        "mutants": card.mutants.iter().map(|it| json!({
            "name": it.name, "property": it.breaks, "how": it.how,
        })).collect::<Vec<_>>(),
        "guard": card.guard,
        "comes": card.comes.iter().map(|(property, said)| json!({
            "property": property, "said": said,
        })).collect::<Vec<_>>(),
        "fairness": card.fairness,
        "asks": card.always.iter().map(|(property, promised)| json!({
            "property": property, "promised": promised,
        })).collect::<Vec<_>>(),
    }))
}

pub(crate) fn services_json(services: &[(&str, bool, String)]) -> Value {
    services.iter().map(service_json).collect()
}

fn service_json((name, found, what): &(&str, bool, String)) -> Value {
    json!({"name": name, "found": found, "what": what})
}

/// Each real service: whether it was found, and where or what to do.
pub(crate) fn services() -> Vec<(&'static str, bool, String)> {
    let all = real::service::find_all().into_iter();
    all.map(|(name, found)| match found {
        Ok(found) => {
            let path =
                found.path.map_or("in this binary".to_owned(), |it| it.display().to_string());
            (name, true, format!("{}  {path}", found.version))
        }
        // Where it was looked for is a long list: who needs it starts the service and is told.
        Err(ServiceError::NotFound { how_to_install, .. }) => {
            (name, false, how_to_install.to_owned())
        }
        Err(error) => (name, false, error.to_string()),
    })
    .collect()
}
