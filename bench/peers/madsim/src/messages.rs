//! Sixteen nodes and a server, by the simulated TCP and by madsim's own calls; madsim's default
//! latency is 1 to 10 ms.

use crate::figure::Work;
use crate::keys::Keys;
use crate::toy::{WRITERS, key_of};
use crate::wire::{Answer, FEW_TRANSITIONS, Question, ask_cas, ask_read, reply};
use madsim::net::Endpoint;
use madsim::net::rpc::{Deserialize, Request, Serialize};
use madsim::runtime::Runtime;
use madsim::task::spawn;
use madsim::{Config, time};
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 1);
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A question as madsim's own calls carry it.
#[derive(Serialize, Deserialize)]
struct Ask(Question);

impl Request for Ask {
    type Response = Answer;
    const ID: u64 = 1;
}

#[derive(Clone, Copy)]
enum Means {
    Tcp,
    Rpc,
}

pub(crate) fn tcp(seed: u64) -> Work {
    play(seed, Means::Tcp)
}

pub(crate) fn rpc(seed: u64) -> Work {
    play(seed, Means::Rpc)
}

fn play(seed: u64, means: Means) -> Work {
    let keys = Keys::default();
    let runtime = Runtime::with_seed_and_config(seed, Config::default());
    let server = runtime.create_node().name("server").ip(SERVER.ip()).build();
    let shared = keys.clone();
    server.spawn(async move {
        match means {
            Means::Tcp => serve_tcp(shared).await,
            Means::Rpc => serve_rpc(shared).await,
        }
    });
    let clients: Vec<_> = (0..WRITERS)
        .map(|client| {
            let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, client as u8));
            runtime.create_node().name(format!("c{client}")).ip(ip).build().spawn(async move {
                // Long enough for the server to listen.
                time::sleep(Duration::from_secs(1)).await;
                write(client, means).await
            })
        })
        .collect();
    let trips = runtime.block_on(async {
        let mut trips = 0;
        for client in clients {
            trips += client.await.expect("no panic").expect("no client is cut off");
        }
        trips
    });
    keys.check(WRITERS * FEW_TRANSITIONS);
    vec![("transitions", WRITERS * FEW_TRANSITIONS), ("round_trips", trips)]
}

async fn serve_tcp(keys: Keys) -> io::Result<()> {
    let listener = TcpListener::bind(SERVER).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let keys = keys.clone();
        spawn(async move {
            // A client that is through hangs up.
            while answer_one(&mut stream, &keys).await.is_ok() {}
        });
    }
}

async fn answer_one(stream: &mut TcpStream, keys: &Keys) -> io::Result<()> {
    let mut question = Question::default();
    stream.read_exact(&mut question).await?;
    stream.write_all(&reply(keys, &question)).await?;
    // madsim sends nothing before it is told to.
    stream.flush().await
}

async fn serve_rpc(keys: Keys) -> io::Result<()> {
    let endpoint = Arc::new(Endpoint::bind(SERVER).await?);
    endpoint.add_rpc_handler(move |Ask(question)| {
        let keys = keys.clone();
        async move { reply(&keys, &question) }
    });
    pending().await
}

/// A client's way to the server.
enum Link {
    Tcp(TcpStream),
    Rpc(Endpoint),
}

impl Link {
    async fn open(means: Means) -> io::Result<Link> {
        Ok(match means {
            Means::Tcp => Link::Tcp(TcpStream::connect(SERVER).await?),
            Means::Rpc => Link::Rpc(Endpoint::bind(ANY).await?),
        })
    }

    async fn trip(&mut self, question: Question) -> io::Result<u64> {
        let mut answer = Answer::default();
        match self {
            Link::Tcp(stream) => {
                stream.write_all(&question).await?;
                stream.flush().await?;
                stream.read_exact(&mut answer).await?;
            }
            Link::Rpc(endpoint) => answer = endpoint.call(SERVER, Ask(question)).await?,
        }
        Ok(u64::from_le_bytes(answer))
    }
}

async fn write(client: u64, means: Means) -> io::Result<u64> {
    let mut link = Link::open(means).await?;
    let mut trips = 0;
    for n in 0..FEW_TRANSITIONS {
        let key = key_of(client, n);
        loop {
            let seen = link.trip(ask_read(key)).await?;
            let done = link.trip(ask_cas(key, seen)).await?;
            trips += 2;
            if done == 1 {
                break;
            }
        }
    }
    Ok(trips)
}
