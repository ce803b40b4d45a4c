//! Batched datagrams: the only file with `unsafe`, behind a safe face.
//!
//! In: a bound UDP socket. Out: up to 32 datagrams a system call, each with its sender and, on wildcard sockets, the
//! address that was asked; replies go out the same way. Never here: what a datagram means.
//!
//! Addresses and control messages are octets to us ([`super::sockaddr`]), so `unsafe` is left for system calls only.
//! Those that have nothing to do with datagrams are here because they need it too: [`adopt`], [`defer_accept`] and
//! [`give_back_memory`].

#![expect(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, poll, malloc_trim and socket options have no safe face among our dependencies"
)]

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::Socket;

use super::sockaddr::{Control, Name, read_name, reply_control};

/// Datagrams a system call: beyond 32 nothing is gained, and the engine's batch is the same size.
pub(super) const BATCH_SIZE: usize = 32;

/// Longest datagram received, octets; longer ones are cut and flagged. A query with all options padded stays far below.
const INPUT_SIZE: usize = 2048;

/// Slots lie an odd number of cache lines apart, so never a multiple of 4 KiB: else all first lines share a cache set.
const INPUT_STRIDE: usize = stride(INPUT_SIZE);

const fn stride(size: usize) -> usize {
    (size.div_ceil(64) | 1) * 64
}

const _: () = assert!(stride(1232) == 1344 && stride(4096) == 4160);

/// Longest wait of a reply for room in the send buffer, milliseconds; then the rest of its batch is dropped.
const SEND_PATIENCE_MILLIS: libc::c_int = 5;

/// Whether a receive call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// For the first datagram, up to the socket's receive time-out.
    ForOne,
    /// Not at all.
    Never,
}

/// A bound UDP socket of one worker.
#[derive(Debug)]
pub(super) struct DatagramSocket {
    socket: Socket,
    /// Wildcard sockets learn with each datagram which address was asked, and answer from it (RFC 2181, section 4).
    is_wildcard: bool,
}

impl DatagramSocket {
    /// Takes a bound socket and asks the kernel for what answering needs.
    pub(super) fn new(socket: Socket, address: SocketAddr) -> io::Result<Self> {
        let is_wildcard = address.ip().is_unspecified();
        let (level, info, discover, omit) = match address {
            SocketAddr::V4(_) => (
                libc::IPPROTO_IP,
                libc::IP_PKTINFO,
                libc::IP_MTU_DISCOVER,
                libc::IP_PMTUDISC_OMIT,
            ),
            SocketAddr::V6(_) => (
                libc::IPPROTO_IPV6,
                libc::IPV6_RECVPKTINFO,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_OMIT,
            ),
        };
        if is_wildcard {
            set_option(&socket, level, info, 1)?;
        }
        // Never set DF, never believe a forged "fragmentation needed". Best effort: kernels before 3.15 lack it.
        let _ = set_option(&socket, level, discover, omit);
        Ok(Self {
            socket,
            is_wildcard,
        })
    }

    /// Asks for buffers of `size` octets; beyond the system's limit only where the process is permitted to.
    pub(super) fn grow_buffers(&self, size: usize) {
        let value = libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX);
        for (force, plain) in [
            (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
            (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
        ] {
            if set_option(&self.socket, libc::SOL_SOCKET, force, value).is_err() {
                // Best effort: the kernel cuts the wish to net.core.rmem_max or wmem_max.
                let _ = set_option(&self.socket, libc::SOL_SOCKET, plain, value);
            }
        }
    }

    /// Returns the socket beneath.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Receives up to [`BATCH_SIZE`] datagrams into the batch and returns how many.
    pub(super) fn receive(&self, batch: &mut Batch, wait: Wait) -> io::Result<usize> {
        batch.received = 0;
        batch.aim_at_inputs(self.is_wildcard);
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::Never => libc::MSG_DONTWAIT,
        };
        // SAFETY: `aim_at_inputs` has just pointed all BATCH_SIZE headers at buffers that `batch` owns, with their true
        // sizes. `batch` is borrowed exclusively until the call returns, and the kernel keeps no pointer.
        let count = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                batch.headers.as_mut_ptr(),
                BATCH_SIZE as _,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        // A negative count is an error and does not convert.
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        batch.note_received(count);
        Ok(count)
    }

    /// Sends the replies of the batch and returns how many could not be sent.
    ///
    /// A datagram that the kernel refuses (no route, a firewall) is skipped; a send buffer that stays full drops the
    /// rest.
    pub(super) fn send(&self, batch: &mut Batch) -> u64 {
        let count = batch.aim_at_replies();
        let mut next = 0;
        let mut failed = 0;
        let mut has_waited = false;
        while next < count {
            // SAFETY: `aim_at_replies` has just pointed the first `count` headers at buffers that `batch` owns, with
            // lengths inside them; `next < count <= BATCH_SIZE`. `batch` is borrowed exclusively meanwhile.
            let sent = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    batch.headers[next..].as_mut_ptr(),
                    (count - next) as _,
                    libc::MSG_DONTWAIT as _,
                )
            };
            if let Ok(sent) = usize::try_from(sent) {
                next += sent.max(1);
                has_waited = false;
                continue;
            }
            match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock if !has_waited => {
                    has_waited = true;
                    self.wait_for_room();
                }
                io::ErrorKind::WouldBlock => return failed + (count - next) as u64,
                _ => {
                    failed += 1;
                    next += 1;
                }
            }
        }
        failed
    }

    fn wait_for_room(&self) {
        let mut fds = [pollfd(&self.socket, libc::POLLOUT)];
        // An error shows in the next send.
        let _ = poll(&mut fds, SEND_PATIENCE_MILLIS);
    }
}

/// Buffers for one batch of datagrams and their replies.
pub(super) struct Batch {
    inputs: Box<[u8]>,
    outputs: Box<[u8]>,
    output_size: usize,
    output_stride: usize,
    names: Box<[Name; BATCH_SIZE]>,
    controls: Box<[Control; BATCH_SIZE]>,
    vectors: Box<[libc::iovec; BATCH_SIZE]>,
    headers: Box<[libc::mmsghdr; BATCH_SIZE]>,
    slots: [Slot; BATCH_SIZE],
    received: usize,
}

/// Lengths and address of one datagram and its reply.
#[derive(Clone, Copy, Default)]
struct Slot {
    input_len: usize,
    control_len: usize,
    is_cut: bool,
    reply_len: usize,
}

/// One received datagram and room for its reply.
pub(super) struct Datagram<'a> {
    /// Index in the batch, below [`BATCH_SIZE`].
    pub(super) slot: usize,
    /// Octets received.
    pub(super) input: &'a [u8],
    /// True if the datagram was longer than its buffer.
    pub(super) is_cut: bool,
    /// Sender, if the address can be read.
    pub(super) client: Option<SocketAddr>,
    /// Room for the reply.
    pub(super) out: &'a mut [u8],
}

impl Batch {
    /// Makes buffers for replies of up to `reply_size_max` octets.
    pub(super) fn new(reply_size_max: usize) -> Self {
        let output_stride = stride(reply_size_max);
        // SAFETY: both are plain structs of integers and pointers from C, for which all zeros is a valid value.
        let (vector, header): (libc::iovec, libc::mmsghdr) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            inputs: vec![0; BATCH_SIZE * INPUT_STRIDE].into_boxed_slice(),
            outputs: vec![0; BATCH_SIZE * output_stride].into_boxed_slice(),
            output_size: reply_size_max,
            output_stride,
            names: Box::new([Name([0; 28]); BATCH_SIZE]),
            controls: Box::new([Control([0; 40]); BATCH_SIZE]),
            vectors: Box::new([vector; BATCH_SIZE]),
            headers: Box::new([header; BATCH_SIZE]),
            slots: [Slot::default(); BATCH_SIZE],
            received: 0,
        }
    }

    /// Lists the datagrams received last.
    pub(super) fn datagrams(&mut self) -> impl Iterator<Item = Datagram<'_>> {
        let size = self.output_size;
        let inputs = self.inputs.chunks_exact(INPUT_STRIDE);
        let outputs = self.outputs.chunks_exact_mut(self.output_stride);
        let kept = self.names.iter().zip(&self.slots).take(self.received);
        let buffers = inputs.zip(outputs);
        kept.zip(buffers)
            .enumerate()
            .map(move |(number, ((name, slot), (input, output)))| Datagram {
                slot: number,
                input: &input[..slot.input_len],
                is_cut: slot.is_cut,
                client: read_name(&name.0),
                out: &mut output[..size],
            })
    }

    /// Sets the length of the reply in `slot`, octets; 0 is none.
    pub(super) fn set_reply(&mut self, slot: usize, len: usize) {
        self.slots[slot].reply_len = len.min(self.output_size);
    }

    /// Points every header at its input buffer. All pointers are made anew from the buffers' owners.
    fn aim_at_inputs(&mut self, with_control: bool) {
        let inputs = self.inputs.as_mut_ptr();
        let names = self.names.as_mut_ptr();
        let controls = self.controls.as_mut_ptr();
        let messages = self.headers.iter_mut().zip(self.vectors.iter_mut());
        for (slot, (header, vector)) in messages.enumerate() {
            vector.iov_base = inputs.wrapping_add(slot * INPUT_STRIDE).cast();
            vector.iov_len = INPUT_SIZE;
            let header = &mut header.msg_hdr;
            header.msg_name = names.wrapping_add(slot).cast();
            header.msg_namelen = size_of::<Name>() as _;
            header.msg_iov = &raw mut *vector;
            header.msg_iovlen = 1;
            header.msg_control = std::ptr::null_mut();
            header.msg_controllen = 0;
            if with_control {
                header.msg_control = controls.wrapping_add(slot).cast();
                header.msg_controllen = size_of::<Control>() as _;
            }
            header.msg_flags = 0;
        }
    }

    fn note_received(&mut self, count: usize) {
        self.received = count.min(BATCH_SIZE);
        for (slot, header) in self.headers.iter().enumerate().take(self.received) {
            let flags = header.msg_hdr.msg_flags;
            if header.msg_hdr.msg_namelen == 0 {
                // No sender: what the slot held before must not be answered.
                self.names[slot] = Name([0; 28]);
            }
            let control_len = if flags & libc::MSG_CTRUNC == 0 {
                // The type differs between C libraries.
                let len: usize = header.msg_hdr.msg_controllen as _;
                reply_control(&mut self.controls[slot].0, len)
            } else {
                0
            };
            self.slots[slot] = Slot {
                input_len: (header.msg_len as usize).min(INPUT_SIZE),
                control_len,
                is_cut: flags & libc::MSG_TRUNC != 0,
                reply_len: 0,
            };
        }
    }

    /// Points the first headers at the replies, without gaps, and returns how many there are.
    fn aim_at_replies(&mut self) -> usize {
        let outputs = self.outputs.as_mut_ptr();
        let names = self.names.as_mut_ptr();
        let controls = self.controls.as_mut_ptr();
        let received = self.slots.iter().enumerate().take(self.received);
        let replies = received.filter(|(_, known)| known.reply_len > 0);
        let messages = self.headers.iter_mut().zip(self.vectors.iter_mut());
        let mut count = 0;
        for ((slot, known), (header, vector)) in replies.zip(messages) {
            vector.iov_base = outputs.wrapping_add(slot * self.output_stride).cast();
            vector.iov_len = known.reply_len;
            let header = &mut header.msg_hdr;
            header.msg_name = names.wrapping_add(slot).cast();
            // The kernel takes the family from the name and wants at least its length; more is fine.
            header.msg_namelen = size_of::<Name>() as _;
            header.msg_iov = &raw mut *vector;
            header.msg_iovlen = 1;
            header.msg_control = std::ptr::null_mut();
            header.msg_controllen = known.control_len as _;
            if known.control_len > 0 {
                header.msg_control = controls.wrapping_add(slot).cast();
            }
            header.msg_flags = 0;
            count += 1;
        }
        count
    }
}

/// Waits on several sockets of one worker.
pub(super) struct Watch {
    sockets: Vec<Arc<DatagramSocket>>,
    fds: Vec<libc::pollfd>,
}

impl Watch {
    /// Watches these sockets for datagrams.
    pub(super) fn new(sockets: Vec<Arc<DatagramSocket>>) -> Self {
        let fds = sockets
            .iter()
            .map(|each| pollfd(&each.socket, libc::POLLIN))
            .collect();
        Self { sockets, fds }
    }

    /// Waits until a socket has something; false if the time ran out.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        let millis = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
        poll(&mut self.fds, millis)
    }

    /// Lists the sockets that had something when the wait ended.
    pub(super) fn ready(&self) -> impl Iterator<Item = &DatagramSocket> {
        let pairs = self.sockets.iter().zip(&self.fds);
        pairs
            .filter(|(_, fd)| fd.revents != 0)
            .map(|(socket, _)| &**socket)
    }

    /// Lists all sockets.
    pub(super) fn sockets(&self) -> &[Arc<DatagramSocket>] {
        &self.sockets
    }
}

fn pollfd(socket: &Socket, events: libc::c_short) -> libc::pollfd {
    libc::pollfd {
        fd: socket.as_raw_fd(),
        events,
        revents: 0,
    }
}

fn poll(fds: &mut [libc::pollfd], timeout_millis: libc::c_int) -> io::Result<bool> {
    // SAFETY: the pointer and the length are those of one slice, borrowed exclusively until the call returns.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as _, timeout_millis) };
    match count {
        0 => Ok(false),
        1.. => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes over a descriptor that was open when the process began, if it is a socket.
///
/// Each number may be given once: the socket closes it.
pub(super) fn adopt(number: RawFd) -> io::Result<Socket> {
    read_option::<1>(number, libc::SOL_SOCKET, libc::SO_TYPE)?;
    // SAFETY: the number is an open descriptor, as was just seen, and the caller hands each over once.
    let owned = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(Socket::from(owned))
}

/// Asks the kernel to show a listener's connections only once they have brought octets, or after `patience` (whole
/// seconds). A setting that a passed listener came with stays.
pub(super) fn defer_accept(socket: &Socket, patience: Duration) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    if read_option(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT)? != [0] {
        return Ok(());
    }
    let seconds = libc::c_int::try_from(patience.as_secs()).unwrap_or(libc::c_int::MAX);
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

/// Returns how many datagrams the kernel dropped since the socket was made because its buffer was full; wraps around.
pub(super) fn kernel_drops(socket: &impl AsRawFd) -> io::Result<u32> {
    let numbers: [u32; MEMINFO_LEN] =
        read_option(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO)?;
    Ok(numbers[MEMINFO_DROPS])
}

/// Length of SO_MEMINFO in numbers of 32 bits, and the index of the one that counts drops (linux/sock_diag.h).
const MEMINFO_LEN: usize = 9;
const MEMINFO_DROPS: usize = 8;

/// Returns freed memory to the system where the C library would keep it. Takes some milliseconds after a large load;
/// threads that allocate meanwhile wait.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes a number and touches only the allocator's own lists, under its own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn read_option<const N: usize>(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<[u32; N]> {
    let mut values = [0; N];
    let mut size = size_of_val(&values) as libc::socklen_t;
    // SAFETY: both pointers are to locals that outlive the call, and the size is that of the array.
    let result = unsafe {
        let (values, size) = (values.as_mut_ptr().cast(), &raw mut size);
        libc::getsockopt(fd, level, name, values, size)
    };
    match result {
        0 => Ok(values),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_option(
    socket: &Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer is to a local integer that outlives the call, and the length is that integer's size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as _,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests;
