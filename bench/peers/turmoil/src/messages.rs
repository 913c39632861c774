//! Sixteen hosts and a server over turmoil's TCP: a question, an answer, and on.

use crate::figure::Work;
use crate::keys::Keys;
use crate::toy::{WRITERS, key_of};
use crate::wire::{Answer, FEW_TRANSITIONS, Question, ask_cas, ask_read, reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

const PORT: u16 = 1;

pub(crate) fn round(seed: u64) -> Work {
    let (keys, trips) = (Keys::default(), Arc::new(AtomicU64::new(0)));
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(10))
        .simulation_duration(Duration::from_secs(3_600))
        .build();
    let shared = keys.clone();
    // First, so that it listens before anyone connects.
    sim.host("server", move || serve(shared.clone()));
    for client in 0..WRITERS {
        let trips = Arc::clone(&trips);
        sim.client(format!("c{client}"), async move {
            trips.fetch_add(write(client).await?, Relaxed);
            Ok(())
        });
    }
    sim.run().expect("the run ends");
    keys.check(WRITERS * FEW_TRANSITIONS);
    vec![("transitions", WRITERS * FEW_TRANSITIONS), ("round_trips", trips.load(Relaxed))]
}

async fn serve(keys: Keys) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let keys = keys.clone();
        tokio::spawn(async move {
            // A client that is through hangs up.
            while answer_one(&mut stream, &keys).await.is_ok() {}
        });
    }
}

async fn answer_one(stream: &mut TcpStream, keys: &Keys) -> std::io::Result<()> {
    let mut question = Question::default();
    stream.read_exact(&mut question).await?;
    stream.write_all(&reply(keys, &question)).await
}

async fn write(client: u64) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect(("server", PORT)).await?;
    let mut trips = 0;
    for n in 0..FEW_TRANSITIONS {
        let key = key_of(client, n);
        loop {
            let seen = trip(&mut stream, ask_read(key)).await?;
            let done = trip(&mut stream, ask_cas(key, seen)).await?;
            trips += 2;
            if done == 1 {
                break;
            }
        }
    }
    Ok(trips)
}

async fn trip(stream: &mut TcpStream, question: Question) -> std::io::Result<u64> {
    let mut answer = Answer::default();
    stream.write_all(&question).await?;
    stream.read_exact(&mut answer).await?;
    Ok(u64::from_le_bytes(answer))
}
