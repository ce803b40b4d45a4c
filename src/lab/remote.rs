//! Commands from another terminal: a line of HTTP on a loopback port.
//!
//! In: `POST /kill/us-east` with the lab's mark, from loopback peers only. Out: a [`RemoteRequest`] to the lab's loop,
//! and its reply as text. Never here: running a command.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::command::{LabCommand, parse_command};
use super::http::{MARK, Request, read_request, write_reply};

/// Most commands that wait; a person types one.
const QUEUE_MAX: usize = 16;

/// Longest time for one exchange, on either side.
const EXCHANGE_WAIT: Duration = Duration::from_secs(10);

/// Most octets read of a reply; a board has a few thousand.
const REPLY_MAX: u64 = 65_536;

/// Command from another terminal, and the channel for its reply.
#[derive(Debug)]
pub struct RemoteRequest {
    /// The command.
    pub command: LabCommand,
    /// Channel for the reply to the other terminal.
    pub reply: oneshot::Sender<Result<String, String>>,
}

/// A listener for commands; dropping it closes the port.
#[derive(Debug)]
pub struct Remote {
    /// Received commands.
    pub requests: mpsc::Receiver<RemoteRequest>,
    /// Address listened on.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens for commands.
///
/// # Errors
/// If the address cannot be listened on.
pub async fn listen_remote(address: SocketAddr) -> io::Result<Remote> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (sender, requests) = mpsc::channel(QUEUE_MAX);
    let task = tokio::spawn(accept(listener, sender));
    Ok(Remote {
        requests,
        address,
        task,
    })
}

/// Takes one connection after the other: commands come one at a time, and a stalled one ends by its time limit.
async fn accept(listener: TcpListener, commands: mpsc::Sender<RemoteRequest>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) if peer.ip().is_loopback() => {
                let exchange = converse(stream, &commands);
                // A client that stalls or goes away harms only itself.
                drop(tokio::time::timeout(EXCHANGE_WAIT, exchange).await);
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(mut stream: TcpStream, commands: &mpsc::Sender<RemoteRequest>) -> io::Result<()> {
    let Some(request) = read_request(&mut stream).await? else {
        return Ok(());
    };
    let (status, body) = match obey(&request, commands).await {
        Ok(text) => ("200 OK", text),
        Err(text) => ("400 Bad Request", text),
    };
    write_reply(&mut stream, status, &body).await
}

async fn obey(request: &Request, commands: &mpsc::Sender<RemoteRequest>) -> Result<String, String> {
    if request.method != "POST" || !request.is_marked {
        return Err(format!("POST with the header {MARK} is wanted"));
    }
    let command = parse_command(&request.path.replace('/', " "))
        .map_err(|fault| fault.to_string())?
        .ok_or("no command in the path")?;
    let (reply, answer) = oneshot::channel();
    let is_gone = || "the lab is stopping".to_owned();
    let request = RemoteRequest { command, reply };
    commands.send(request).await.map_err(|_| is_gone())?;
    answer.await.map_err(|_| is_gone())?
}

/// Sends a command to the lab that listens on `address` and returns its reply.
///
/// # Errors
/// The reason of the failure and the remedy, in words.
pub async fn send_command(address: SocketAddr, command: LabCommand) -> Result<String, String> {
    match tokio::time::timeout(EXCHANGE_WAIT, exchange(address, command)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(format!(
            "no lab answers at {address}; start one with: leeward lab (if it runs with --http, say that here too)"
        )),
        Ok(Err(error)) => Err(format!("ask the lab at {address}: {error}")),
        Err(_) => Err(format!(
            "the lab at {address} did not answer within {} s",
            EXCHANGE_WAIT.as_secs()
        )),
    }
}

async fn exchange(address: SocketAddr, command: LabCommand) -> io::Result<Result<String, String>> {
    let mut stream = TcpStream::connect(address).await?;
    let path = command.to_string().replace(' ', "/");
    let request = format!("POST /{path} HTTP/1.1\r\nHost: {address}\r\n{MARK}: 1\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = String::new();
    stream.take(REPLY_MAX).read_to_string(&mut reply).await?;
    let (head, body) = reply
        .split_once("\r\n\r\n")
        .ok_or_else(|| io::Error::other("what answers there is no lab"))?;
    let is_fine = head.starts_with("HTTP/1.1 200 ");
    Ok(if is_fine {
        Ok(body.to_owned())
    } else {
        Err(body.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::region::{Region, RegionSelection};

    const ANYWHERE: &str = "127.0.0.1:0";

    async fn start() -> Remote {
        let address = ANYWHERE.parse().expect("an address");
        listen_remote(address).await.expect("loopback")
    }

    #[tokio::test]
    async fn a_command_reaches_the_lab_and_its_answer_comes_back() {
        let mut remote = start().await;
        let command = LabCommand::Kill(RegionSelection::One(Region::UsEast));
        let sending = tokio::spawn(send_command(remote.address, command));
        let request = remote.requests.recv().await.expect("one command");
        assert_eq!(request.command, command);
        request
            .reply
            .send(Ok("us-east is killed".to_owned()))
            .expect("it waits");
        let answer = sending.await.expect("no panic");
        assert_eq!(answer, Ok("us-east is killed".to_owned()));
    }

    #[tokio::test]
    async fn a_refusal_comes_back_as_one() {
        let mut remote = start().await;
        let sending = tokio::spawn(send_command(remote.address, LabCommand::Status));
        let request = remote.requests.recv().await.expect("one command");
        request.reply.send(Err("no".to_owned())).expect("it waits");
        assert_eq!(sending.await.expect("no panic"), Err("no".to_owned()));
    }

    #[tokio::test]
    async fn a_request_that_a_web_page_could_send_is_refused() {
        let remote = start().await;
        for request in [
            "GET /kill/us-east HTTP/1.1\r\nx-leeward-lab: 1\r\n\r\n",
            "POST /kill/us-east HTTP/1.1\r\n\r\n",
            "POST /explode HTTP/1.1\r\nx-leeward-lab: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nx-leeward-lab: 1\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(remote.address).await.expect("listening");
            stream.write_all(request.as_bytes()).await.expect("written");
            let mut reply = String::new();
            stream.read_to_string(&mut reply).await.expect("a reply");
            assert!(reply.starts_with("HTTP/1.1 400"), "{request:?}: {reply:?}");
        }
    }

    #[tokio::test]
    async fn says_how_to_start_a_lab_when_none_runs() {
        let address = start().await.address;
        // The listener is dropped; the port is closed once its task has ended.
        tokio::task::yield_now().await;
        let message = send_command(address, LabCommand::Status)
            .await
            .expect_err("nobody listens");
        assert!(message.contains("leeward lab"), "{message}");
    }
}
