//! Rings of memcached clients and proxies: libketama's, nginx's, and Pingora's, which is nginx's with addresses in place of names.
//!
//! All are rings of 32 bits whose points are made of the servers' *names*, so that no two servers may have one name. A server whose weight
//! gives it no point owns nothing, as there: it is in the ring's cluster as a node that drains.

use crate::digest::{crc32, crc32_more, md5};
use crate::{Cluster, ClusterError, HashFn, Node, PlacementError, Ring};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// A node under the name from which other systems make its points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// The node; its weight is the server's memory or weight.
    pub node: Node,
    /// Its name, as it stands in the other system's configuration: `"10.0.1.1:11211"`.
    pub name: String,
}

impl Server {
    /// A node under a name.
    #[must_use]
    pub fn new(node: Node, name: &str) -> Self {
        Self { node, name: String::from(name) }
    }
}

/// The continuum of libketama: each server has `⌊memory / all memory × 40 × servers⌋` digests of `name-0`, `name-1`, …, each of which
/// gives four points. Keys are hashed with [`HashFn::KetamaMd5`]. The arithmetic is that of the C code, single precision included, so that
/// weights agree too. Who drains is not in libketama's list, and does not count.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Node, Placement, compat::ketama::{Server, libketama}};
/// let server = |id, name, memory| Server::new(Node::new(NodeId(id)).weighing(memory), name);
/// let ring = libketama(&[server(1, "10.0.1.1:11211", 600), server(2, "10.0.1.2:11211", 300)])?;
/// assert_eq!(ring.len(), (53 + 26) * 4);
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
///
/// # Errors
/// If nobody gets a point, an identity or a name is given twice, or there would be too many points.
pub fn libketama(servers: &[Server]) -> Result<Ring, PlacementError> {
    let shares = || servers.iter().map(|server| server.node.share());
    let memory: u128 = shares().map(u128::from).sum();
    let listed = shares().filter(|share| *share > 0).count();
    let digests = |server: &Server| {
        let part = server.node.share() as f32 / memory as f32;
        (f64::from(part) * 40.0 * f64::from(listed as f32)) as f32 as u32
    };
    let spelt: Vec<_> = servers.iter().map(|server| server.name.clone().into_bytes()).collect();
    ring(servers, HashFn::KetamaMd5, &spelt, digests, |name, digests, points| {
        for digest in 0..digests {
            points.extend(md5::words(&[name, format!("-{digest}").as_bytes()].concat()));
        }
    })
}

/// The consistent hash of nginx (`hash KEY consistent`): 160 points for each unit of weight, each the CRC-32 of host, a zero byte, port
/// and the point before. Keys are hashed with [`HashFn::Crc32`].
///
/// A name is what stands behind `server` in nginx's configuration, letter for letter, and read as there: digits behind the last `:` are
/// a port, the rest is the host, brackets included; behind `unix:` all is the host; and where there is no port, all is the host too.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Node, Placement, compat::ketama::{Server, nginx}};
/// let server = |id, name| Server::new(Node::new(NodeId(id)), name);
/// let ring = nginx(&[server(1, "127.0.0.1:7777"), server(2, "backend.example.com"), server(3, "unix:/run/third")])?;
/// assert_eq!(ring.len(), 480);
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
///
/// # Errors
/// If nobody weighs anything, an identity is given twice, two names are read as one, or there would be too many points.
pub fn nginx(servers: &[Server]) -> Result<Ring, PlacementError> {
    let spelt = servers.iter().map(|server| {
        let (host, port) = as_nginx(&server.name);
        spelt(host, port)
    });
    chained(servers, &spelt.collect::<Vec<_>>())
}

/// The consistent hash of Pingora: that of [`nginx`] with the addresses of the servers, as Rust writes them. So `[::1]:8080` has the host
/// `::1` here, and `[::1]` there; addresses of IPv4 with a port give the same points in both.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Node, Placement, PlacementError, compat::ketama::{Server, pingora}};
/// let server = |id, name| Server::new(Node::new(NodeId(id)), name);
/// let ring = pingora(&[server(1, "127.0.0.1:7777"), server(2, "[::1]:7777")])?;
/// assert_eq!(ring.len(), 320);
/// assert!(matches!(pingora(&[server(1, "localhost:7777")]), Err(PlacementError::NoAddress { .. })));
/// # Ok::<(), PlacementError>(())
/// ```
///
/// # Errors
/// If a name is not an address with a port, nobody weighs anything, an identity or an address is given twice, or there would be too many
/// points.
pub fn pingora(servers: &[Server]) -> Result<Ring, PlacementError> {
    let spelt = servers.iter().map(|server| match server.name.parse::<SocketAddr>() {
        Ok(address) => Ok(spelt(&format!("{}", address.ip()), &format!("{}", address.port()))),
        Err(_) => Err(PlacementError::NoAddress { name: server.name.clone() }),
    });
    chained(servers, &spelt.collect::<Result<Vec<_>, _>>()?)
}

/// Host and port, as `ngx_http_upstream_init_chash` finds them.
fn as_nginx(name: &str) -> (&str, &str) {
    match name.get(..5) {
        Some(unix) if unix.eq_ignore_ascii_case("unix:") => (name.get(5..).unwrap_or_default(), ""),
        _ => match name.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            _ => (name, ""),
        },
    }
}

fn spelt(host: &str, port: &str) -> Vec<u8> {
    [host.as_bytes(), &[0], port.as_bytes()].concat()
}

/// 160 points for each unit of weight, each made of the one before.
fn chained(servers: &[Server], spelt: &[Vec<u8>]) -> Result<Ring, PlacementError> {
    let count = |server: &Server| u32::try_from(server.node.share().saturating_mul(160)).unwrap_or(u32::MAX);
    ring(servers, HashFn::Crc32, spelt, count, |spelt, count, points| {
        let base = crc32(spelt);
        let mut point = 0_u32;
        for _ in 0..count {
            point = crc32_more(base, &point.to_le_bytes());
            points.push(point);
        }
    })
}

/// The ring of the points that are made of what is hashed of each server.
fn ring(
    servers: &[Server],
    hash: HashFn,
    spelt: &[Vec<u8>],
    count: impl Fn(&Server) -> u32,
    make: impl Fn(&[u8], u32, &mut Vec<u32>),
) -> Result<Ring, PlacementError> {
    let mut known = BTreeSet::new();
    if let Some((twice, _)) = servers.iter().zip(spelt).find(|(_, spelt)| !known.insert(*spelt)) {
        return Err(PlacementError::NameTwice { name: twice.name.clone() });
    }
    let total: u128 = servers.iter().map(|server| u128::from(count(server))).sum();
    let max = crate::POINTS_MAX;
    if total > u128::from(max) {
        return Err(PlacementError::TooLarge { what: "points", wanted: total, max });
    }
    let without_points = |server: &Server| {
        let node = server.node.clone();
        if count(server) == 0 { node.draining() } else { node }
    };
    let cluster: Result<Cluster, ClusterError> = Cluster::new(servers.iter().map(without_points));
    let mut points = Vec::new();
    for (server, spelt) in servers.iter().zip(spelt) {
        let mut own = Vec::new();
        make(spelt, count(server), &mut own);
        points.extend(own.into_iter().map(|point| (u64::from(point) << 32, server.node.id)));
    }
    Ring::of_points(cluster?, hash, points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Placement;
    use core::fmt::Write as _;
    use synod_core::NodeId;

    /// What libketama's own test prints for a million keys: key's hash, point, server.
    fn printed(memories: [u64; 8]) -> String {
        let servers: Vec<_> = (1..)
            .zip(memories)
            .map(|(id, memory)| {
                Server::new(Node::new(NodeId(id)).weighing(memory), &format!("10.0.1.{id}:11211"))
            })
            .collect();
        let ring = libketama(&servers).unwrap();
        let points: Vec<_> = ring.points().collect();
        let mut out = String::from("\n");
        for key in 0..1_000_000 {
            let position = HashFn::KetamaMd5.hash(format!("{key}").as_bytes());
            let at = points.partition_point(|(point, _)| *point < position);
            let (point, id) = points[if at == points.len() { 0 } else { at }];
            assert_eq!(id, ring.owner(position));
            let name = &servers[id.0 as usize - 1].name;
            writeln!(out, "{} {} {name}", position >> 32, point >> 32).unwrap();
        }
        md5::words(out.as_bytes())
            .iter()
            .fold(String::new(), |text, word| text + &format!("{:08x}", word.swap_bytes()))
    }

    #[test]
    fn a_million_keys_as_libketama_prints_them() {
        let weighted = printed([600, 300, 200, 350, 1000, 800, 950, 100]);
        assert_eq!(weighted, "5672b131391f5aa2b280936aec1eea74");
        assert_eq!(printed([500; 8]), "d090a0ddf1e471b94b62903c18153e92");
    }
}
