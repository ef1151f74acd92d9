//! Clients that want too much, or are too slow.

use crate::bench::{Bench, Setup};
use framemill::listener::Limits;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SHORT: Duration = Duration::from_millis(300);

fn limited(limits: Limits) -> Setup {
    Setup {
        limits,
        ..Setup::default()
    }
}

/// Everything until the other side ends the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

async fn answer(stream: &mut TcpStream) -> String {
    String::from_utf8_lossy(&rest(stream).await).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_are_refused() {
    let limits = Limits {
        header_bytes: 8 << 10,
        push_bytes: 1000,
        ..Limits::default()
    };
    let (bench, _run) = Bench::started(limited(limits)).await;
    let head = bench.client.get(bench.url("/healthz"));
    let head = head.header("x-large", "x".repeat(8 << 10));
    assert_eq!(head.send().await.unwrap().status(), 431);
    let mut many = bench.client.get(bench.url("/healthz"));
    for number in 0..=limits.headers {
        many = many.header(format!("x-{number}"), "1");
    }
    assert_eq!(many.send().await.unwrap().status(), 431);
    let fits = bench.push_to("/push", "ok.mp4").send().await.unwrap();
    assert_eq!(fits.status(), 200);
    for (length, status) in [(1000, 400), (1001, 413)] {
        let push = bench
            .client
            .post(bench.url("/push"))
            .body(" ".repeat(length));
        assert_eq!(
            push.send().await.unwrap().status(),
            status,
            "{length} bytes"
        );
    }
    // Without a length, too.
    let mut chunked = bench.connect().await;
    let head = "POST /push HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("800\r\n{}\r\n", " ".repeat(0x800));
    chunked
        .write_all(format!("{head}{chunk}").as_bytes())
        .await
        .unwrap();
    let answer = answer(&mut chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_requests_are_cut_off() {
    let limits = Limits {
        header_time: SHORT,
        body_time: SHORT,
        ..Limits::default()
    };
    let (bench, _run) = Bench::started(limited(limits)).await;
    // Nothing at all, a head that comes a byte at a time, and nothing after an answer.
    let mut silent = bench.connect().await;
    assert_eq!(answer(&mut silent).await, "");
    let mut dripping = bench.connect().await;
    for byte in b"GET /healthz HTTP/1.1\r\nx-slow: "
        .iter()
        .chain(std::iter::repeat(&b'x'))
    {
        if dripping.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(SHORT / 20).await;
    }
    let answered = answer(&mut dripping).await;
    assert!(!answered.contains("200"), "{answered}");
    let mut idle = bench.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let answered = answer(&mut idle).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    let mut body = bench.connect().await;
    let head = "POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    body.write_all(head.as_bytes()).await.unwrap();
    let answered = answer(&mut body).await;
    assert!(answered.starts_with("HTTP/1.1 408"), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_an_answer_is_cut_off() {
    const LARGE: usize = 64 << 20;
    let limits = Limits {
        write_time: SHORT,
        connections: 1,
        ..Limits::default()
    };
    let bench = Bench::starting(limited(limits)).await;
    let folder = bench.data.path().join("images");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("large.jpg"), vec![7; LARGE]).unwrap();
    let mut lazy = bench.connect().await;
    let head = "GET /images/local/images/large.jpg HTTP/1.1\r\nhost: x\r\n\r\n";
    lazy.write_all(head.as_bytes()).await.unwrap();
    // The only place is free again once the lazy one has lost it.
    assert_eq!(bench.get("/healthz").await.status(), 200);
    let got = rest(&mut lazy).await;
    assert!(
        got.starts_with(b"HTTP/1.1 200") && got.len() < LARGE,
        "{} bytes",
        got.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_connections() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let bench = Bench::starting(limited(limits)).await;
    let mut kept = Vec::new();
    for _ in 0..limits.connections {
        let mut stream = bench.connect().await;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        kept.push(stream);
    }
    let mut waiting = bench.connect().await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    waiting.write_all(request).await.unwrap();
    let mut byte = [0];
    let early = tokio::time::timeout(SHORT, waiting.read(&mut byte)).await;
    assert!(early.is_err(), "it has no place");
    kept.pop();
    let answered = answer(&mut waiting).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    bench.closed().await;
}
