//! The program under a service manager: sockets that are passed to it, and what it tells on its way.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use super::command::{Served, signal};
use super::stage::{ask, fixed_zone};
use crate::wait::PATIENCE;

/// Returns the next word that is no sign of life.
fn heard(notified: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    loop {
        let len = notified.recv(&mut buffer).expect("a word");
        let word = String::from_utf8_lossy(&buffer[..len]).into_owned();
        if word != "WATCHDOG=1" {
            return word;
        }
    }
}

#[test]
fn serves_passed_sockets_and_tells_how_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let zone = fixed_zone("a.example", "192.0.2.1");
    std::fs::write(folder.path().join("a.toml"), zone).expect("a writable folder");
    let path = folder.path().join("notify");
    let notified = UnixDatagram::bind(&path).expect("a socket");
    notified
        .set_read_timeout(Some(PATIENCE))
        .expect("an option");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback is free");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback is free");
    let (asked, dialled) = (
        udp.local_addr().expect("bound"),
        tcp.local_addr().expect("bound"),
    );
    let copy = udp.try_clone().expect("a copy");
    // A shell puts both where a service manager does, and gives the number of the process that it becomes.
    let script = "exec 3<&0 4<&1 </dev/null >&2; LISTEN_PID=$$ exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_leeward");
    let child = Command::new("sh")
        .args(["-c", script, "sh", program, "serve"])
        .args(["--http", "127.0.0.1:0"])
        .arg(folder.path())
        .env("LISTEN_FDS", "2")
        .env("LISTEN_FDNAMES", "dns:dns")
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "30000000")
        .stdin(Stdio::from(OwnedFd::from(copy)))
        .stdout(Stdio::from(OwnedFd::from(tcp)))
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut served = Served(child);
    assert_eq!(heard(&notified), "READY=1");
    assert_eq!(ask(asked, "www.a.example").answers, ["192.0.2.1"]);
    std::net::TcpStream::connect(dialled).expect("the passed listener is served");

    let mut buffer = [0; 256];
    let len = notified.recv(&mut buffer).expect("a sign of life");
    assert_eq!(&buffer[..len], b"WATCHDOG=1");
    signal(&served, "-HUP");
    assert_eq!(heard(&notified), "RELOADING=1");
    assert_eq!(heard(&notified), "READY=1");

    signal(&served, "-TERM");
    assert_eq!(heard(&notified), "STOPPING=1");
    let status = served.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    // The socket is as good as before: what is sent now waits for the next server.
    udp.set_read_timeout(Some(PATIENCE)).expect("an option");
    udp.send_to(b"waits", asked).expect("sent");
    assert_eq!(udp.recv(&mut buffer).expect("received"), 5);
}
