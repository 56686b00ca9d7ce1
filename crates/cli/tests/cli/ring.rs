//! `synod ring` from outside, on the three example clusters.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Exit code, standard output, standard error of `synod ring` in the folder of the examples.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
    command.arg("ring").args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clusters"));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap_or(-1), out, err)
}

fn object(arguments: &[&str]) -> Value {
    let (code, out, err) = run(arguments);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn the_textbook_ring_owns_and_moves_what_the_textbook_says() {
    let keys = ["textbook.json", "--json", "--key", "50", "--key", "150", "--key", "300", "--join", "4@320"];
    let told = object(&keys);
    let owner = |key: &str, when: &str| told["keys"][key][when][0].as_u64();
    assert_eq!(["50", "150", "300"].map(|key| owner(key, "before")), [Some(1), Some(2), Some(3)]);
    assert_eq!(["50", "150", "300"].map(|key| owner(key, "after")), [Some(1), Some(2), Some(4)]);
    let moves = told["plan"]["moves"].as_array().unwrap();
    assert_eq!(moves.len(), 1);
    assert_eq!(moves[0], serde_json::json!({ "first": 201, "last": 320, "from": 3, "to": 4 }));
    let (code, out, _) = run(&["textbook.json", "--leave", "1"]);
    assert!(
        code == 0 && out.contains("A → B") && out.starts_with("ring of 3 points, ordered, 3 nodes"),
        "{out}"
    );
}

#[test]
fn a_node_that_replaces_another_moves_its_slots_and_no_more() {
    let told = object(&[
        "three-zones.toml",
        "--leave",
        "31",
        "--join",
        "33:4:ap/c/1",
        "--key",
        "user_123",
        "--json",
    ]);
    let plan = &told["plan"];
    assert_eq!(plan["moved"], plan["at_least"]);
    assert!(plan["moved"].as_f64().unwrap() < 0.17);
    assert_eq!(told["keys"]["user_123"]["before"].as_array().unwrap().len(), 3);
}

#[test]
fn what_the_copies_of_a_change_cost_is_told() {
    // Three copies in three zones: the node that goes had all of its zone's share of a third, and others of the zone get it.
    let told = object(&["three-zones.toml", "--leave", "31", "--join", "33:4:ap/c/1", "--json"]);
    let copies = &told["plan"]["copies"];
    let (copied, least) = (copies["copied"].as_f64().unwrap(), copies["at_least"].as_f64().unwrap());
    assert!(least > 0.0 && copied >= least, "{copies}");
    let moves = copies["moves"].as_array().unwrap();
    assert!(
        moves
            .iter()
            .all(|moved| moved["to"].as_array().unwrap().len() == moved["from"].as_array().unwrap().len())
    );
    assert!(moves.iter().any(|moved| moved["to"] == serde_json::json!([33])));
    let (code, out, _) = run(&["three-zones.toml", "--join", "33:4:ap/c/1"]);
    assert!(code == 0 && out.contains("with 3 copies of everything"), "{out}");
    // One copy is the owner's, of whom the plan itself tells.
    assert_eq!(object(&["textbook.json", "--leave", "1", "--json"])["plan"]["copies"], Value::Null);
    let (code, out, _) = run(&["three-zones.toml", "--leave", "31", "--leave", "32"]);
    assert!(code == 0 && out.contains("3 copies cannot be placed: 3 failure domains"), "{out}");
}

#[test]
fn every_algorithm_is_shown_and_its_plan_is_checked() {
    for placement in ["ring:50", "multi-probe", "rendezvous", "maglev:1009", "straw2", "slots:512 xxh64:3"] {
        let told = object(&[
            "shop.toml",
            "--placement",
            placement,
            "--join",
            "6",
            "--weigh",
            "1:3",
            "--drain",
            "2",
            "--json",
        ]);
        let owned: f64 =
            told["plan"]["nodes"].as_array().unwrap().iter().filter_map(|row| row["owned"].as_f64()).sum();
        assert!((owned - 1.0).abs() < 1e-9, "{placement}: {owned}");
    }
    for placement in ["jump", "jump-back", "memento", "anchor:16", "dx:16"] {
        let told = object(&["textbook.json", "--placement", placement, "--leave", "3", "--json"]);
        assert_eq!(told["plan"]["moved"], told["plan"]["at_least"], "{placement}");
    }
}

#[test]
fn who_drains_gives_its_own_and_nothing_else_moves() {
    for (placement, id) in [("dx:16", "1"), ("anchor:16", "1"), ("memento", "1"), ("jump-back", "3")] {
        for change in
            [&["--drain", id][..], &["--weigh", &format!("{id}:0")], &["--join", "9:0", "--drain", id]]
        {
            let arguments = ["textbook.json", "--json", "--placement", placement];
            let plan = &object(&[&arguments, change].concat())["plan"];
            assert_eq!(plan["moved"], plan["at_least"], "{placement}");
            let moves = plan["moves"].as_array().unwrap();
            assert!(
                !moves.is_empty() && moves.iter().all(|moved| moved["from"] == id.parse::<u64>().unwrap())
            );
        }
    }
    // Points that were given go with the node that drains.
    let plan = &object(&["textbook.json", "--json", "--drain", "1"])["plan"];
    assert!(plan["moves"].as_array().unwrap().iter().all(|moved| moved["to"] == 2));
}

#[test]
fn the_drawing_is_well_formed_and_lets_no_name_out_of_its_place() {
    let folder = std::env::temp_dir().join(format!("synod-ring-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let cluster = folder.join("sharp.toml");
    let names = "copies = 1\n[[node]]\nid = 1\nname = \"<script>&\\\"'\"\n[[node]]\nid = 2\n";
    std::fs::write(&cluster, names).unwrap();
    let drawing = folder.join("ring.svg");
    let (code, _, err) = run(&[cluster.to_str().unwrap(), "--join", "3", "--svg", drawing.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    let svg = std::fs::read_to_string(&drawing).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    // Every element is closed: by itself, or by its end.
    for element in ["text", "title", "path", "rect", "style", "svg"] {
        let opened =
            svg.matches(&format!("<{element} ")).count() + svg.matches(&format!("<{element}>")).count();
        let alone = svg
            .lines()
            .filter(|line| line.starts_with(&format!("<{element} ")) && line.ends_with("/>"))
            .count();
        assert_eq!(opened, alone + svg.matches(&format!("</{element}>")).count(), "{element}");
    }
    // Two circles, a band for each move, and two bars for each node.
    assert!(svg.matches("class=\"moved\"").count() > 50 && svg.matches("<rect x=\"150\"").count() == 5);
}

#[test]
fn what_cannot_be_is_said_and_exits_with_3() {
    for (arguments, told) in [
        (&["nowhere.toml"][..], "cannot read"),
        (&["shop.toml", "--leave", "9"], "there is no node n9"),
        (&["shop.toml", "--join", "1"], "given twice"),
        (&["shop.toml", "--placement", "circle"], "no algorithm is called"),
        (&["shop.toml", "--placement", "jump-back"], "knows no weights"),
        (&["textbook.json", "--placement", "jump", "--leave", "1"], "can lose its last node alone"),
        (&["textbook.json", "--join", "4"], "is given no point"),
        (&["textbook.json", "--placement", "jump-back", "--drain", "1"], "can lose its last node alone"),
        (&["textbook.json", "--placement", "dx:16", "--weigh", "1:2"], "knows no weights"),
        (&["textbook.json", "--weigh", "1:2"], "the points of this ring were given"),
        (&["textbook.json", "--join", "4@5000000000"], "5000000000 is beyond 9 bits"),
        (&["textbook.json", "--key", "4294967296"], "4294967296 is beyond 9 bits"),
        (&["shop.toml", "--join", "9@7"], "this placement makes its own"),
        (
            &["three-zones.toml", "--leave", "31", "--leave", "32", "--key", "k"],
            "3 failure domains of level 1",
        ),
    ] {
        let (code, _, err) = run(arguments);
        assert!(code == 3 && err.contains(told), "{arguments:?}: {code} {err}");
    }
}

#[test]
fn moves_are_planned_in_safe_steps() {
    let (code, out, err) = run(&["plan", "grown.json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("2 moves, 21 to copy, certified"), "{out}");
    assert!(out.contains("step 2: 1 at a time"), "node 3 takes one at a time: {out}");
    let told = object(&["plan", "grown.json", "--json", "--per-node", "2"]);
    assert_eq!((told["steps"].as_array().unwrap().len(), &told["plan"]["cost"]), (1, &serde_json::json!(21)));
    // Without sizes the moves are counted.
    let folder = folder("plan-sizes");
    let request = folder.join("sizes.json").display().to_string();
    let text = r#"{ "cluster": [{ "id": 1 }, { "id": 2 }], "spread": { "copies": 1, "zones": 1, "per_zone": 1, "level": 1 },
        "partitions": [{ "id": 0, "owners": [1] }, { "id": 1, "owners": [1] }, { "id": 2, "owners": [2] }, { "id": 3, "owners": [1] }] }"#;
    std::fs::write(&request, text).unwrap();
    let plan = &object(&["plan", &request, "--json"])["plan"];
    assert_eq!((plan["moves"].as_array().unwrap().len(), &plan["cost"]), (1, &serde_json::json!(1)));
    for (arguments, says) in
        [(["plan", "shop.toml"], "unknown field `copies`"), (["plan", "nowhere.json"], "cannot read")]
    {
        let (code, _, err) = run(&arguments);
        assert!(code == 3 && err.contains(says), "{err}");
    }
}

#[test]
fn a_plan_of_moves_is_read_from_toml_too_and_drawn() {
    let folder = std::env::temp_dir().join(format!("synod-plan-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let [request, drawing] = ["grown.toml", "plan.svg"].map(|name| folder.join(name).display().to_string());
    let partition = |id| format!("[[partitions]]\nid = {id}\nsize = {}\nowners = [1, 2]\n", 10 + id);
    let mut text = "move_cost = 1000\n[spread]\ncopies = 2\nzones = 1\nper_zone = 2\nlevel = 1\n".to_owned();
    text +=
        "[balance]\nQuotas = { 3 = [2, 3] }\n[[cluster]]\nid = 1\n[[cluster]]\nid = 2\n[[cluster]]\nid = 3\n";
    text.extend((0..4).map(partition));
    std::fs::write(&request, &text).unwrap();
    let told = object(&["plan", &request, "--json", "--svg", &drawing]);
    assert_eq!(told["plan"]["cost"], serde_json::json!(2_021));
    let svg = std::fs::read_to_string(&drawing).unwrap();
    assert!(svg.contains(">grown.toml: 2 moves, 21 to copy</text>"), "{svg}");
    // 92 in all: 46 on each of two before, 21 on the third after.
    assert!(
        svg.contains("<title>50.000 %, fair 33.333 %</title>") && svg.contains("<title>22.826 %"),
        "{svg}"
    );
    assert_eq!(svg.matches("<rect x=\"150\"").count(), 6);
    assert!(!svg.contains("NaN") && svg.ends_with("</svg>\n"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The folder for what a test writes, empty.
fn folder(test: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("synod-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The drawing of a cluster of this description after these changes.
fn drawn(test: &str, file: &str, description: &str, changes: &[&str]) -> String {
    let folder = folder(test);
    let [cluster, drawing] = [file, "ring.svg"].map(|name| folder.join(name).display().to_string());
    std::fs::write(&cluster, description).unwrap();
    let (code, _, err) = run(&[&[cluster.as_str(), "--svg", drawing.as_str()], changes].concat());
    assert_eq!(code, 0, "{err}");
    let svg = std::fs::read_to_string(&drawing).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    svg
}

#[test]
fn many_moves_are_drawn_all_round_and_the_node_that_joins_has_a_bar() {
    let nodes: String = (0..300).map(|id| format!("[[node]]\nid = {id}\n")).collect();
    let svg = drawn("many", "many.toml", &nodes, &["--join", "999:40"]);
    let moved: Vec<&str> = svg.lines().filter(|line| line.starts_with("<path class=\"moved\"")).collect();
    // The second circle stands around x = 600: a move in each quarter, and about as many steps of 1440 as moves, 11.8 %.
    let quarter = |line: &&str| {
        let mut ends =
            line.split("d=\"M").nth(1).unwrap().split([' ', 'A']).map(|text| text.parse::<f64>().unwrap());
        (ends.next().unwrap() > 600.0, ends.next().unwrap() > 240.0)
    };
    let quarters: std::collections::BTreeSet<_> = moved.iter().map(quarter).collect();
    assert_eq!(quarters.len(), 4);
    assert!((100..240).contains(&moved.len()), "{}", moved.len());
    assert!(svg.contains(">n999<title>"), "the node that joins");
    assert!(svg.contains("and 261 more, that change less"));
}

#[test]
fn a_node_that_has_nearly_all_is_drawn() {
    let points =
        "placement = \"ring ordered\"\nbits = 32\npoints = [{ at = 7, node = 1 }, { at = 8, node = 2 }]\n";
    let svg = drawn("nearly", "nearly.toml", &format!("{points}[[node]]\nid = 1\n[[node]]\nid = 2\n"), &[]);
    let piece = svg.lines().find(|line| line.contains("<title>n1: 100.000 %")).unwrap();
    // M, where the outer arc begins, and where it ends.
    let words: Vec<&str> = piece.split('"').nth(1).unwrap().split(' ').collect();
    assert_ne!((words[0].trim_start_matches('M'), words[1]), (words[7], words[8]), "{piece}");
}

#[test]
fn labels_stay_in_the_picture_and_tell_nodes_apart() {
    let mut nodes = String::new();
    for (id, name) in [
        (1, "東京都立病院の放射線科サーバー第二号機本館"),
        (2, "rack-of-the-north-17/host-1"),
        (3, "rack-of-the-north-17/host-2"),
    ] {
        nodes += &format!("[[node]]\nid = {id}\nname = \"{name}\"\n");
    }
    nodes += "[[node]]\nid = 9223372036854775807\n";
    let svg = drawn("labels", &format!("{}.toml", "long-".repeat(30)), &nodes, &[]);
    let labels: Vec<&str> = svg
        .lines()
        .filter(|line| line.contains("text-anchor=\"end\""))
        .map(|line| line.split('>').nth(1).unwrap().split('<').next().unwrap())
        .collect();
    assert_eq!(labels.len(), 4);
    // 142 pixels in a font of 13: not more than ten squares, or twenty letters.
    assert!(labels[0].chars().count() <= 11 && labels[0].contains('…'), "{}", labels[0]);
    assert!(labels[1..].iter().all(|label| label.chars().count() <= 17 && label.contains('…')), "{labels:?}");
    assert!(labels[1].ends_with("host-1") && labels[2].ends_with("host-2"));
    assert!(labels[3].starts_with("n922") && labels[3].ends_with("5807"));
    assert!(svg.contains("<title>rack-of-the-north-17/host-1</title>"));
    let heading = svg.lines().find(|line| line.starts_with("<text class=\"big\"")).unwrap();
    assert!(heading.chars().count() < 130 && heading.contains("ring:160 splitmix64:0</text>"), "{heading}");
}

#[test]
fn names_obey_nobody_and_are_of_one_node_each() {
    let folder = folder("names");
    let cluster = folder.join("names.json").display().to_string();
    let name = |id: u64, name: &str| serde_json::json!({ "id": id, "name": name });
    let nodes =
        [name(1, "same"), name(2, "same"), name(3, "n4"), serde_json::json!({ "id": 4 }), name(5, " ")];
    let sharp = [name(6, "a\u{1b}[31m\nb\u{202e}c"), name(7, "n7")];
    let all = [&nodes[..], &sharp].concat();
    std::fs::write(&cluster, serde_json::json!({ "node": all }).to_string()).unwrap();
    let (code, out, err) = run(&[&cluster]);
    assert_eq!(code, 0, "{err}");
    let rows: Vec<&str> = out.lines().skip(3).take(7).map(|line| line.split("  ").nth(1).unwrap()).collect();
    assert_eq!(
        rows,
        ["same (n1)", "same (n2)", "n4 (n3)", "n4", "n5", "a\u{fffd}[31m\u{fffd}b\u{fffd}c", "n7"]
    );
    // Programs get what the file says.
    let told = object(&[&cluster, "--json"]);
    assert_eq!(told["nodes"][0]["name"], "same");
    assert_eq!(told["nodes"][5]["name"], "a\u{1b}[31m\nb\u{202e}c");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn columns_stand_under_each_other_whatever_the_script() {
    let folder = folder("scripts");
    let cluster = folder.join("scripts.toml").display().to_string();
    let nodes = "[[node]]\nid = 1\nname = \"東京🏥\"\n[[node]]\nid = 2\nname = \"Su\u{308}d\"\n[[node]]\nid = 3\nname = \"Nord\"\n";
    std::fs::write(&cluster, nodes).unwrap();
    let (_, out, _) = run(&[&cluster]);
    let gaps: Vec<usize> = out
        .lines()
        .skip(3)
        .take(3)
        .map(|line| {
            line.chars().skip(2).skip_while(|char| *char != ' ').take_while(|char| *char == ' ').count()
        })
        .collect();
    // Six columns, three, and four.
    assert_eq!([gaps[1] - gaps[0], gaps[2] - gaps[0]], [3, 2], "{out}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_misspelt_in_a_plan_is_refused_and_shown() {
    let folder = folder("misspelt");
    let spread = "[spread]\ncopies = 1\nzones = 1\nper_zone = 1\nlevel = 1\n";
    let rest = "[[cluster]]\nid = 1\n[[cluster]]\nid = 2\n[[partitions]]\nid = 0\nowners = [1]\n";
    for (more, says) in [
        ("drainning = true", "unknown field `drainning`"),
        ("weight = \"heavy\"", "weight = \"heavy\""),
        ("[balance]\nQuotas = { 3 = [0, 1] }", "`Quotas` names `3`, and no node of the cluster has this id"),
        ("[[partitions]]\nid = 1\nsiez = 7", "unknown field `siez`"),
        ("[[partitions]]\nid = 1\nsize = -7", "size = -7"),
        ("[limits]\nmoves = 7", "unknown field `limits`"),
    ] {
        let toml = folder.join("plan.toml").display().to_string();
        std::fs::write(&toml, format!("{spread}{rest}[[cluster]]\nid = 4\n{more}\n")).unwrap();
        let (code, _, err) = run(&["plan", &toml]);
        assert!(code == 3 && err.contains(says), "{more}: {code} {err}");
        assert!(err.contains("Quotas") || err.contains("at line"), "{err}");
    }
    let json = folder.join("plan.json").display().to_string();
    let text = r#"{"cluster":[{"id":1,"drainning":true}],"partitions":[],"spread":{"copies":1,"zones":1,"per_zone":1,"level":1}}"#;
    std::fs::write(&json, text).unwrap();
    let (code, _, err) = run(&["plan", &json]);
    assert!(code == 3 && err.contains("unknown field `drainning`") && err.contains("line 1"), "{err}");
    std::fs::remove_dir_all(&folder).unwrap();
}
