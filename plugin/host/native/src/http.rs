//! A small HTTP/1.1 server for the pages that an agent publishes: GET and HEAD, one
//! request per connection, from a table in memory. A thread of its own serves all
//! connections, so that it answers while the program is busy. Neither slow nor many
//! clients keep others from an answer.

use crate::listen::{accept, listen};
use crate::signals::without_signals;
use crate::sys::{Fd, Result, call, fail};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A request line and headers longer than this are refused.
const MAX_HEAD: usize = 4096;
const MAX_HEADERS: usize = 48;
/// After this time a connection is closed, even in the middle of an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// When one more comes, the oldest is closed.
const MAX_CONNECTIONS: usize = 32;
const STACK: usize = 64 << 10;
/// Every answer says that a page is of its moment, and nothing but its type.
const ALWAYS: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

pub struct Page {
    pub status: u16,
    pub content_type: String,
    pub body: String,
    pub valid_until: Instant,
}

type Pages = Arc<Mutex<Vec<(String, Page)>>>;

pub struct Server {
    listener: Arc<Fd>,
    thread: Option<JoinHandle<()>>,
    pages: Pages,
}

impl Server {
    pub fn open(address: &str) -> Result<Self> {
        let Ok(address) = address.parse::<SocketAddr>() else {
            return fail("bind", libc::EINVAL);
        };
        let listener = Arc::new(listen(address)?);
        let pages = Pages::default();
        let (l, p) = (listener.clone(), pages.clone());
        // Signals are for the thread that polls them.
        let thread = without_signals(|| {
            Builder::new()
                .stack_size(STACK)
                .spawn(move || run(&l, &p))
                .or_else(|e| fail("clone", e.raw_os_error().unwrap_or(libc::EAGAIN)))
        })?;
        Ok(Server {
            listener,
            thread: Some(thread),
            pages,
        })
    }

    pub fn publish(&self, path: String, page: Page) {
        let mut pages = lock(&self.pages);
        match pages.iter_mut().find(|(p, _)| *p == path) {
            Some((_, old)) => *old = page,
            None => pages.push((path, page)),
        }
    }

    pub fn close(&mut self) {
        if let Some(thread) = self.thread.take() {
            // On Linux this wakes a poll of the listening socket and ends its accept.
            // SAFETY: a live descriptor.
            unsafe { libc::shutdown(self.listener.0, libc::SHUT_RDWR) };
            drop(thread.join());
        }
    }
}

/// Locks the table. It is never poisoned, because no holder can panic.
fn lock(pages: &Pages) -> MutexGuard<'_, Vec<(String, Page)>> {
    pages.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(listener: &Fd, pages: &Pages) {
    // The oldest comes first.
    let mut connections: Vec<Connection> = Vec::new();
    loop {
        let timeout = connections.first().map(|c| {
            let left = TIMEOUT.saturating_sub(c.since.elapsed());
            left.as_millis() as i32 + 1
        });
        let interest = |fd, events| libc::pollfd {
            fd,
            events,
            revents: 0,
        };
        let mut fds = vec![interest(listener.0, libc::POLLIN)];
        fds.extend(connections.iter().map(|c| {
            let events = match c.output.is_empty() {
                true => libc::POLLIN,
                false => libc::POLLOUT,
            };
            interest(c.socket.0, events)
        }));
        // SAFETY: pointer and length are those of a live vector. EINTR is impossible, and
        // after an error no descriptor is ready.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as _, timeout.unwrap_or(-1)) };

        let mut ready = fds.iter().skip(1).map(|fd| fd.revents != 0);
        connections.retain_mut(|c| {
            let go_on = !ready.next().unwrap_or(false) || c.advance(pages).is_ok();
            go_on && c.since.elapsed() < TIMEOUT
        });
        if fds.first().is_some_and(|fd| fd.revents == 0) {
            continue;
        }
        match accept(listener) {
            Ok(socket) => {
                if connections.len() == MAX_CONNECTIONS {
                    connections.remove(0);
                }
                connections.push(Connection::new(socket));
            }
            // The server was closed.
            Err(e) if e.errno == libc::EINVAL => return,
            Err(e) if e.errno == libc::EAGAIN || e.errno == libc::ECONNABORTED => {}
            // No descriptor or memory is left.
            Err(_) if !connections.is_empty() => drop(connections.remove(0)),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

struct Connection {
    socket: Fd,
    since: Instant,
    input: Vec<u8>,
    /// The part of the answer that is not sent yet.
    output: Vec<u8>,
    is_answered: bool,
}

/// Says that the connection has to be closed.
struct Done;

impl Connection {
    fn new(socket: Fd) -> Self {
        Connection {
            socket,
            since: Instant::now(),
            input: Vec::new(),
            output: Vec::new(),
            is_answered: false,
        }
    }

    fn advance(&mut self, pages: &Pages) -> std::result::Result<(), Done> {
        if self.output.is_empty() {
            let mut part = [0u8; 1024];
            // SAFETY: pointer and length are those of a live array.
            let read = call("recv", || unsafe {
                libc::recv(self.socket.0, part.as_mut_ptr().cast(), part.len(), 0)
            });
            let n = match read {
                Ok(0) => return Err(Done),
                Ok(n) => n,
                Err(e) if e.errno == libc::EAGAIN => return Ok(()),
                Err(_) => return Err(Done),
            };
            // Input after the answer is read and dropped, because closing a socket that
            // holds input takes the answer back.
            if self.is_answered {
                return Ok(());
            }
            self.input
                .extend_from_slice(part.get(..n).unwrap_or_default());
            match answer(&self.input, pages) {
                None => return Ok(()),
                Some(output) => self.output = output,
            }
            self.is_answered = true;
        }
        // SAFETY: pointer and length are those of a live vector.
        let sent = call("send", || unsafe {
            libc::send(
                self.socket.0,
                self.output.as_ptr().cast(),
                self.output.len(),
                0,
            )
        });
        match sent {
            Ok(n) => drop(self.output.drain(..n)),
            Err(e) if e.errno == libc::EAGAIN => {}
            Err(_) => return Err(Done),
        }
        if self.output.is_empty() {
            // SAFETY: a live descriptor.
            unsafe { libc::shutdown(self.socket.0, libc::SHUT_WR) };
        }
        Ok(())
    }
}

/// Returns the answer to a request, or None if its end has not come yet.
fn answer(input: &[u8], pages: &Pages) -> Option<Vec<u8>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(input) {
        Ok(status) if status.is_complete() => {}
        Ok(_) if input.len() < MAX_HEAD => return None,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Some(plain("431 Request Header Fields Too Large", "", false));
        }
        Err(_) => return Some(plain("400 Bad Request", "", false)),
    }
    let is_head = request.method == Some("HEAD");
    if !is_head && request.method != Some("GET") {
        let allow = "Allow: GET, HEAD\r\n";
        return Some(plain("405 Method Not Allowed", allow, false));
    }
    let path = request.path.map(path_of);
    let pages = lock(pages);
    let page = pages.iter().find(|(p, _)| Some(p.as_str()) == path);
    Some(match page {
        Some((_, page)) if page.valid_until < Instant::now() => {
            plain("503 Service Unavailable", "", is_head)
        }
        Some((_, page)) => {
            let content = format!("Content-Type: {}\r\n", page.content_type);
            // The reason may be empty (RFC 9112, section 4).
            message(&format!("{} ", page.status), &content, &page.body, is_head)
        }
        None => plain("404 Not Found", "", is_head),
    })
}

/// Returns the path of a target in origin form or, as a proxy gets it, absolute form
/// (RFC 9112, section 3.2).
fn path_of(target: &str) -> &str {
    let whole = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            let path = rest.find('/').and_then(|at| rest.get(at..));
            path.unwrap_or("/")
        }
        _ => target,
    };
    whole.split('?').next().unwrap_or_default()
}

fn plain(status: &str, headers: &str, is_head: bool) -> Vec<u8> {
    let headers = format!("Content-Type: text/plain\r\n{headers}");
    message(status, &headers, &format!("{status}\n"), is_head)
}

fn message(status: &str, headers: &str, body: &str, is_head: bool) -> Vec<u8> {
    let length = body.len();
    let sent = match is_head {
        true => "",
        false => body,
    };
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\
         {ALWAYS}Connection: close\r\n\r\n{sent}"
    )
    .into_bytes()
}
