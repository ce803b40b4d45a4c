//! The endpoints of all regions, and the switch that breaks and mends them.
//!
//! In: a mode for a region. Out: listeners that are really closed, really hang or really answer by the time the call
//! returns. Never here: probing them.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::endpoint::{Mode, serve};
use super::region::Region;

/// Every region's endpoints. Dropping it closes them all.
#[derive(Debug)]
pub struct Endpoints {
    port: u16,
    regions: [RegionEndpoints; Region::ALL.len()],
}

#[derive(Debug)]
struct RegionEndpoints {
    region: Region,
    mode: watch::Sender<Mode>,
    /// Empty while killed.
    tasks: Vec<JoinHandle<()>>,
}

/// An endpoint that cannot listen.
#[derive(Debug)]
pub struct StartFault {
    /// Address of the endpoint.
    pub address: SocketAddr,
    /// Error of the system.
    pub error: io::Error,
}

impl fmt::Display for StartFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, error } = self;
        write!(f, "listen on {address}: {error}")?;
        match error.kind() {
            io::ErrorKind::AddrNotAvailable => f.write_str(
                " (this system answers only to 127.0.0.1; on macOS: sudo ifconfig lo0 alias ADDRESS)",
            ),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for StartFault {}

impl Endpoints {
    /// Starts every region, well, on `port` of its addresses.
    ///
    /// # Errors
    /// The first endpoint that cannot listen; all are closed then.
    pub async fn start(port: u16) -> Result<Self, StartFault> {
        let mut endpoints = Self {
            port,
            regions: Region::ALL.map(|region| RegionEndpoints {
                region,
                mode: watch::Sender::new(Mode::Killed),
                tasks: Vec::new(),
            }),
        };
        for region in Region::ALL {
            endpoints.set(region, Mode::Well).await?;
        }
        Ok(endpoints)
    }

    /// Returns the mode of a region.
    pub fn mode(&self, region: Region) -> Mode {
        *self.regions[region.index()].mode.borrow()
    }

    /// Returns the addresses of a region's endpoints.
    pub fn addresses(&self, region: Region) -> impl Iterator<Item = SocketAddr> + use<> {
        let port = self.port;
        region
            .addresses()
            .into_iter()
            .map(move |address| SocketAddr::from((address, port)))
    }

    /// Puts a region's endpoints into a mode; has no effect if they are in it already.
    ///
    /// # Errors
    /// The endpoint that cannot listen again; the region stays killed then.
    pub async fn set(&mut self, region: Region, mode: Mode) -> Result<(), StartFault> {
        let addresses = self.addresses(region);
        let this = &mut self.regions[region.index()];
        match mode {
            Mode::Killed => this.kill().await,
            Mode::Well | Mode::Slow if this.tasks.is_empty() => {
                this.listen(addresses, mode).await?
            }
            Mode::Well | Mode::Slow => {}
        }
        this.mode.send_replace(mode);
        Ok(())
    }

    /// Closes every listener and connection.
    pub async fn stop(mut self) {
        for region in &mut self.regions {
            region.kill().await;
        }
    }
}

impl RegionEndpoints {
    async fn listen(
        &mut self,
        addresses: impl Iterator<Item = SocketAddr>,
        mode: Mode,
    ) -> Result<(), StartFault> {
        let mut listeners = Vec::new();
        for address in addresses {
            let listener = TcpListener::bind(address)
                .await
                .map_err(|error| StartFault { address, error })?;
            listeners.push(listener);
        }
        self.mode.send_replace(mode);
        for listener in listeners {
            let task = serve(listener, self.region, self.mode.subscribe());
            self.tasks.push(tokio::spawn(task));
        }
        Ok(())
    }

    /// Aborts the tasks and waits until their sockets are closed.
    async fn kill(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks.drain(..) {
            // The only outcome is "cancelled".
            drop(task.await);
        }
    }
}

impl Drop for RegionEndpoints {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// Long enough that only a hang reaches it.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Starts on a port that is free on 127.0.0.1 and so, most likely, on its neighbours.
    async fn start_somewhere() -> Endpoints {
        for _ in 0..20 {
            let probe = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            let port = probe.local_addr().expect("bound").port();
            if let Ok(endpoints) = Endpoints::start(port).await {
                return endpoints;
            }
        }
        panic!("no port is free on all loopback addresses");
    }

    async fn connect(endpoints: &Endpoints, region: Region) -> io::Result<TcpStream> {
        let address = endpoints.addresses(region).next().expect("two members");
        TcpStream::connect(address).await
    }

    async fn ask(stream: &mut TcpStream, path: &str) -> io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        read_all(stream).await
    }

    async fn read_all(stream: &mut TcpStream) -> io::Result<String> {
        let mut text = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(text)
    }

    #[tokio::test]
    async fn a_region_that_is_well_says_so_on_both_addresses() {
        let endpoints = start_somewhere().await;
        for region in Region::ALL {
            for address in endpoints.addresses(region) {
                let mut stream = TcpStream::connect(address).await.expect("listening");
                let reply = ask(&mut stream, "/healthz").await.expect("a reply");
                assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
                assert!(reply.ends_with(&format!("ready {region}\n")), "{reply}");
            }
        }
        let mut stream = connect(&endpoints, Region::UsEast)
            .await
            .expect("listening");
        let reply = ask(&mut stream, "/nothing").await.expect("a reply");
        assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
        endpoints.stop().await;
    }

    #[tokio::test]
    async fn killing_refuses_new_connections_and_drops_open_ones() {
        let mut endpoints = start_somewhere().await;
        let mut open = connect(&endpoints, Region::UsEast)
            .await
            .expect("listening");
        // One exchange on another connection proves that the first was accepted too.
        let mut second = connect(&endpoints, Region::UsEast)
            .await
            .expect("listening");
        ask(&mut second, "/").await.expect("a reply");
        for _ in 0..2 {
            endpoints
                .set(Region::UsEast, Mode::Killed)
                .await
                .expect("closing");
        }
        let refused = connect(&endpoints, Region::UsEast)
            .await
            .expect_err("closed");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let gone = read_all(&mut open).await;
        assert!(gone.as_deref().map_or(true, str::is_empty), "{gone:?}");
        assert_eq!(endpoints.mode(Region::UsEast), Mode::Killed);
        connect(&endpoints, Region::EuWest)
            .await
            .expect("untouched");
        for _ in 0..2 {
            endpoints
                .set(Region::UsEast, Mode::Well)
                .await
                .expect("listening again");
        }
        let mut stream = connect(&endpoints, Region::UsEast).await.expect("healed");
        let reply = ask(&mut stream, "/healthz").await.expect("a reply");
        assert!(reply.contains("ready us-east"), "{reply}");
    }

    #[tokio::test]
    async fn a_slow_region_accepts_and_answers_only_when_healed() {
        let mut endpoints = start_somewhere().await;
        endpoints
            .set(Region::EuWest, Mode::Killed)
            .await
            .expect("closing");
        endpoints
            .set(Region::EuWest, Mode::Slow)
            .await
            .expect("listening");
        let mut stream = connect(&endpoints, Region::EuWest).await.expect("accepted");
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\n\r\n")
            .await
            .expect("written");
        let mut octet = [0u8; 1];
        let silence =
            tokio::time::timeout(Duration::from_millis(50), stream.read(&mut octet)).await;
        assert!(silence.is_err(), "a slow region answered");
        endpoints
            .set(Region::EuWest, Mode::Well)
            .await
            .expect("healed");
        let reply = read_all(&mut stream).await.expect("a reply");
        assert!(reply.contains("ready eu-west"), "{reply}");
    }

    #[tokio::test]
    async fn a_slow_region_lets_go_of_clients_that_gave_up() {
        let mut endpoints = start_somewhere().await;
        endpoints
            .set(Region::EuWest, Mode::Slow)
            .await
            .expect("listening");
        let mut stream = connect(&endpoints, Region::EuWest).await.expect("accepted");
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\n\r\n")
            .await
            .expect("written");
        stream.shutdown().await.expect("half closed");
        let reply = read_all(&mut stream).await;
        assert_eq!(reply.expect("closed in time"), "");
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let endpoints = start_somewhere().await;
        let fault = Endpoints::start(endpoints.port).await.expect_err("taken");
        assert_eq!(fault.error.kind(), io::ErrorKind::AddrInUse);
        assert!(
            fault.to_string().starts_with("listen on 127.0.1.1:"),
            "{fault}"
        );
    }
}
