//! `kassa bench`: that it measures what it says, in the form that programs read.

use crate::harness::{bare, run};
use serde_json::Value;

/// What a line of the figures has, whatever it is about.
const NUMBERS: [&str; 10] = [
    "connections",
    "preloaded",
    "rps",
    "rps_min",
    "rps_max",
    "p50_ms",
    "p99_ms",
    "cpu_us_per_request",
    "synced_commits_per_second",
    "rss_mb",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bench_puts_every_variant_beside_the_store_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let (data, json) = (folder.path().join("data"), folder.path().join("figures.json"));
    let (data_text, json_text) = (data.to_str().unwrap(), json.to_str().unwrap());
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("somebody's"), "work").unwrap();
    let all = ["bench", "--quick", "--connections", "4", "--preloaded", "20", "--folder", data_text];
    let ran = run(bare(&all).args(["--json", json_text]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let left: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["somebody's"], "what was measured is gone, and nothing else");

    let figures: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(
        figures["machine"]["cores"].as_u64().unwrap() > 0 && !figures["commit"].as_str().unwrap().is_empty()
    );
    assert_eq!(
        figures["raw"].as_array().unwrap().len(),
        2,
        "with and without group commit: {}",
        figures["raw"]
    );
    let runs = figures["runs"].as_array().unwrap();
    for run in runs {
        for name in NUMBERS {
            assert!(run[name].as_f64().is_some_and(|number| number >= 0.0), "{name}: {run}");
        }
        assert!(run["rps"].as_f64().unwrap() > 0.0 && run["p50_ms"].as_f64().unwrap() > 0.0, "{run}");
        let line = format!("{} {}", run["workload"].as_str().unwrap(), run["store"].as_str().unwrap());
        assert!(ran.stdout.lines().any(|row| row.split_whitespace().take(2).eq(line.split(' '))), "{line}");
    }
    let of = |workload: &str, variant: &str, load: &str| {
        let is = |run: &&Value| {
            (&run["workload"], &run["variant"], &run["load"])
                == (&workload.into(), &variant.into(), &load.into())
        };
        runs.iter().find(is).unwrap_or_else(|| panic!("no {workload} {variant} {load} in {runs:?}"))
    };
    for workload in ["create", "get", "payment", "notify"] {
        assert_eq!(of(workload, "group", "full")["store"], "sqlite");
    }
    assert_eq!(of("create", "none", "full")["store"], "none");
    let group = of("create", "group", "full");
    for (ratio, to) in [
        ("ratio_to_ceiling", "none"),
        ("ratio_to_durable_log", "log"),
        ("ratio_to_per_request", "per_request"),
    ] {
        let other = of("create", to, "full");
        // Of the same rounds, so within the lowest and the highest of both.
        let lowest = group["rps_min"].as_f64().unwrap() / other["rps_max"].as_f64().unwrap();
        let highest = group["rps_max"].as_f64().unwrap() / other["rps_min"].as_f64().unwrap();
        let ratio = group[ratio].as_f64().unwrap();
        assert!((lowest..=highest).contains(&ratio), "{ratio} to {to}: {group} {other}");
    }
    // A transaction each is a commit each; a group of several is one, and nothing kept is none.
    let per_turn = |variant: &str| {
        let run = of("create", variant, "full");
        run["synced_commits_per_second"].as_f64().unwrap() / run["rps"].as_f64().unwrap()
    };
    assert!(per_turn("per_request") > 0.8, "{}", per_turn("per_request"));
    assert!((0.1..1.2).contains(&per_turn("group")), "{}", per_turn("group"));
    assert!((0.1..1.2).contains(&per_turn("log")), "{}", per_turn("log"));
    assert_eq!(per_turn("none").total_cmp(&0.0), std::cmp::Ordering::Equal);
    let half = of("create", "group", "half");
    assert!(half["rps"].as_f64().unwrap() < group["rps"].as_f64().unwrap(), "{half} {group}");
}
