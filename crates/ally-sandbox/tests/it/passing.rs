//! Lines and files between two ends of a socket.

use ally_sandbox::passing;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use tokio::net::UnixStream;

fn half_pipe(text: &str) -> OwnedFd {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(text.as_bytes()).expect("writes");
    reader.into()
}

fn read(file: Option<OwnedFd>) -> Option<String> {
    file.map(|file| {
        let mut text = String::new();
        std::fs::File::from(file).read_to_string(&mut text).expect("reads");
        text
    })
}

#[tokio::test]
async fn each_file_arrives_with_its_line_even_when_lines_arrive_together() {
    let (left, right) = UnixStream::pair().expect("a pair");
    let (sender, _) = passing::pair(left);
    let (_, mut receiver) = passing::pair(right);
    for number in 0..10 {
        let file = (number % 3 == 1).then(|| half_pipe(&format!("file {number}")));
        sender.send(&number, file.as_ref().map(AsFd::as_fd)).await.expect("sends");
    }
    drop((sender,));
    let mut seen = Vec::new();
    for _ in 0..10 {
        let (number, file) = receiver.receive::<u32>().await.expect("receives").expect("a line");
        seen.push((number, read(file)));
    }
    let wanted: Vec<_> = (0..10).map(|number| (number, (number % 3 == 1).then(|| format!("file {number}")))).collect();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_line_longer_than_the_socket_holds_arrives_whole_with_its_file() {
    let (left, right) = UnixStream::pair().expect("a pair");
    let (sender, _) = passing::pair(left);
    let (_, mut receiver) = passing::pair(right);
    let long = "x".repeat(60_000);
    let file = half_pipe("beside it");
    let send = async {
        for _ in 0..10 {
            sender.send(&long, Some(file.as_fd())).await.expect("sends");
        }
    };
    let take = async {
        for _ in 0..10 {
            let (line, file) = receiver.receive::<String>().await.expect("receives").expect("a line");
            assert_eq!((line.len(), file.is_some()), (60_000, true));
        }
    };
    tokio::join!(send, take);
}

#[tokio::test]
async fn a_closed_peer_ends_the_lines_and_garbage_is_an_error() {
    let (left, right) = UnixStream::pair().expect("a pair");
    let (_, mut receiver) = passing::pair(right);
    left.try_write(b"1\nnot json\n").expect("writes");
    drop(left);
    assert_eq!(receiver.receive::<u32>().await.expect("a line").map(|(number, _)| number), Some(1));
    assert!(receiver.receive::<u32>().await.is_err());
    assert!(receiver.receive::<u32>().await.expect("the end").is_none());
}
