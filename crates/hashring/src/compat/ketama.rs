//! Rings of memcached clients and proxies: libketama's, and nginx's, which Pingora shares.
//!
//! Both are rings of 32 bits whose points are made of the servers' *names*. A server whose weight gives it no point owns nothing, as
//! there: it is in the ring's cluster as a node that drains.

use crate::digest::{crc32_more, md5};
use crate::{Cluster, ClusterError, HashFn, Node, PlacementError, Ring};
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
/// weights agree too.
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
/// If nobody gets a point, an identity is given twice, or there would be too many points.
pub fn libketama(servers: &[Server]) -> Result<Ring, PlacementError> {
    let memory: u128 = servers.iter().map(|server| u128::from(server.node.share())).sum();
    let digests = |server: &Server| {
        let part = server.node.share() as f32 / memory as f32;
        (f64::from(part) * 40.0 * f64::from(servers.len() as f32)) as f32 as u32
    };
    ring(servers, HashFn::KetamaMd5, digests, |server, digests, points| {
        for digest in 0..digests {
            let words = md5::words(format!("{}-{digest}", server.name).as_bytes());
            points.extend(words);
        }
    })
}

/// The consistent hash of nginx (`hash KEY consistent`) and Pingora: 160 points for each unit of weight, each the CRC-32 of host, a zero
/// byte, port and the point before. Keys are hashed with [`HashFn::Crc32`]. A name without a port counts as a host.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Node, Placement, compat::ketama::{Server, nginx}};
/// let server = |id, name| Server::new(Node::new(NodeId(id)), name);
/// let ring = nginx(&[server(1, "127.0.0.1:7777"), server(2, "127.0.0.1:7778")])?;
/// assert_eq!(ring.len(), 320);
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
///
/// # Errors
/// If nobody weighs anything, an identity is given twice, or there would be too many points.
pub fn nginx(servers: &[Server]) -> Result<Ring, PlacementError> {
    let count = |server: &Server| u32::try_from(server.node.share().saturating_mul(160)).unwrap_or(u32::MAX);
    ring(servers, HashFn::Crc32, count, |server, count, points| {
        let (host, port) = match server.name.parse::<SocketAddr>() {
            Ok(SocketAddr::V6(address)) => (format!("{}", address.ip()), format!("{}", address.port())),
            _ => {
                let (host, port) = server.name.rsplit_once(':').unwrap_or((&server.name, ""));
                (String::from(host), String::from(port))
            }
        };
        let base = [host.as_bytes(), &[0], port.as_bytes()].iter().fold(0, |crc, part| crc32_more(crc, part));
        let mut point = 0_u32;
        for _ in 0..count {
            point = crc32_more(base, &point.to_le_bytes());
            points.push(point);
        }
    })
}

fn ring(
    servers: &[Server],
    hash: HashFn,
    count: impl Fn(&Server) -> u32,
    make: impl Fn(&Server, u32, &mut Vec<u32>),
) -> Result<Ring, PlacementError> {
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
    for server in servers {
        let mut own = Vec::new();
        make(server, count(server), &mut own);
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
