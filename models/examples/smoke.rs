use sim::registry::*; use sim::scenario::*; use sim::minimise::*;
fn main() {
    let empty = serde_json::Map::new();
    for m in models::ALL {
        let card = m.card();
        let mut s = m.session(&empty, None).unwrap();
        let t = std::time::Instant::now();
        let n = 20000u64; let mut marks = sim::world::Marks::default(); let mut steps = 0;
        for seed in 0..n {
            let o = s.play(&Plan::Seed(Scenario::of(seed)));
            for (k, c) in o.marks.iter() { marks.add(k, c); }
            steps += s.steps().len();
            if o.verdict != checker::Verdict::Pass { println!("{} seed {seed} {:?}", card.name, o.verdict);
                let steps = s.steps().to_vec(); let params = s.params();
                let c = minimise(*m, &params, None, &steps, o.faults_max).unwrap().unwrap();
                let mut s2 = m.session(&c.params, None).unwrap();
                let (tr, _) = s2.tell(&c.steps, c.steps.len(), &c.outcome);
                println!("{:?} {:?}", c.params, c.outcome.verdict);
                for l in &tr.steps { println!("      {l}"); }
                for l in &tr.history { println!("      {l}"); }
                break; }
        }
        let e = t.elapsed().as_secs_f64();
        println!("{} {:.0} runs/s {:.1} steps/run {:.2} Msteps/s {:?}", card.name, n as f64/e, steps as f64/n as f64, steps as f64/e/1e6, marks);
        for mu in &card.mutants {
            let mut s = m.session(&empty, Some(&mu.name)).unwrap();
            let mut found = None; let mut other = 0;
            for seed in 0..5000 {
                let o = s.play(&Plan::Seed(Scenario::of(seed)));
                match o.verdict.broken() { Some(p) if *p == mu.breaks => { found = Some((seed, o)); break; } Some(_) => other += 1, None => {} }
            }
            match found { None => println!("  {} SURVIVED other={other}", mu.name), Some((seed, o)) => {
                let steps = s.steps().to_vec(); let params = s.params();
                let c = minimise(*m, &params, Some(&mu.name), &steps, o.faults_max).unwrap().unwrap();
                println!("  {} seed {seed} other={other} {} -> {} tried {} {:?}", mu.name, steps.len(), c.steps.len(), c.tried, c.outcome.verdict);
                let mut s2 = m.session(&c.params, Some(&mu.name)).unwrap();
                let (tr, _) = s2.tell(&c.steps, c.steps.len(), &c.outcome);
                for l in &tr.steps { println!("      {l}"); }
            } }
        }
    }
}
