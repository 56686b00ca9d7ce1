//! Descriptions that go over the wire: what cannot be is refused when it is read.

use synod_core::NodeId;
use synod_hashring::{Algorithm, Cluster, Config, HashFn, Node, Spread, Vnodes};

#[test]
fn a_cluster_is_the_list_of_its_nodes() {
    let text = r#"[{"id":2,"weight":3,"zone":"/eu//a/"},{"id":1,"draining":true}]"#;
    let cluster: Cluster = serde_json::from_str(text).unwrap();
    let expected = [Node::new(NodeId(1)).draining(), Node::new(NodeId(2)).weighing(3).within("eu/a")];
    assert_eq!(cluster, Cluster::new(expected).unwrap());
    let written = serde_json::to_string(&cluster).unwrap();
    assert_eq!(serde_json::from_str::<Cluster>(&written).unwrap(), cluster);
    let twice = serde_json::from_str::<Cluster>(r#"[{"id":1},{"id":1}]"#).unwrap_err();
    assert!(twice.to_string().contains("given twice"), "{twice}");
    let heavy = format!(r#"[{{"id":1,"weight":{}}},{{"id":2}}]"#, u64::MAX);
    assert!(serde_json::from_str::<Cluster>(&heavy).unwrap_err().to_string().contains("larger unit"));
}

#[test]
fn a_configuration_is_its_line_of_text() {
    let config = Config::new(Algorithm::Ring(Vnodes::each(160).per(1 << 30)), HashFn::Xxh64 { seed: 7 });
    let written = serde_json::to_string(&config).unwrap();
    assert_eq!(written, r#""ring:160/1073741824 xxh64:7""#);
    assert_eq!(serde_json::from_str::<Config>(&written).unwrap(), config);
    assert!(serde_json::from_str::<Config>(r#""ring:160 md6""#).is_err());
    // A spread that asks for too much is read, and refused by every cluster.
    let spread: Spread = serde_json::from_str(r#"{"copies":255,"domains":[255,0,0,0]}"#).unwrap();
    assert!(spread.check(&Cluster::equal(300)).is_err());
}
