//! Command lines that can't be run: each ends with code 2 and a sentence that names the setting, and shows no secret.

use std::process::Stdio;
use ukai_testkit::process;

const SECRET: &str = "hush-hush-hush-hush";

#[test]
fn wrong_settings_are_refused_by_name() {
    let database = ["--database-url", "postgres://u@127.0.0.1:1/d"];
    let bus = ["--nats-url", "nats://127.0.0.1:1"];
    let both: Vec<&str> = database.iter().chain(&bus).copied().collect();
    let with = |more: &[&'static str]| both.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let cases: Vec<(&str, Vec<&str>, &str)> = vec![
        ("ukai-api", vec![], "--database-url"),
        ("ukai-api", vec!["--database-url", "file:hush-hush-hush-hush"], "--database-url"),
        (
            "ukai-heartbeat-monitor",
            [
                &bus[..],
                &["--listen", "127.0.0.1:0", "--database-url", "postgres://u:hush-hush-hush-hush@h:port/d"],
            ]
            .concat(),
            "--database-url",
        ),
        ("ukai-api", [&database[..], &["--auth", "off", "--listen", "0.0.0.0:0"]].concat(), "--auth"),
        ("ukai-api", [&database[..], &["--internal-token", "short"]].concat(), "--internal-token"),
        ("ukai-api", [&database[..], &["--cors-origins", "shop.example"]].concat(), "--cors-origins"),
        ("ukai-api", database.to_vec(), "--artifact-store"),
        ("ukai-gateway", with(&["--otlp-endpoint", "u:hush-hush-hush-hush"]), "--otlp-endpoint"),
        ("ukai-scheduler", with(&["--otlp-sample", "1.5"]), "--otlp-sample"),
        ("ukai-gateway", database.to_vec(), "--nats-url"),
        ("ukai-gateway", with(&["--trusted-proxies", "proxy"]), "--trusted-proxies"),
        ("ukai-gateway", with(&["--worker-enroll-token", "short"]), "--worker-enroll-token"),
        ("ukai-gateway", with(&["--listen", "nowhere"]), "--listen"),
        ("ukai-scheduler", database.to_vec(), "--nats-url"),
        (
            "ukai-scheduler",
            [&database[..], &["--nats-url", "http://u:hush-hush-hush-hush@h"]].concat(),
            "--nats-url",
        ),
        ("ukai-scheduler", with(&["--listen", "127.0.0.1:0", "--advertise", "nowhere"]), "--advertise"),
        ("ukai-scheduler", with(&["--admin-key", "short"]), "--admin-key"),
        ("ukai-scheduler", with(&["--heartbeat-timeout-ms", "1"]), "--heartbeat-timeout-ms"),
        ("ukai-heartbeat-monitor", with(&["--heartbeat-interval-ms", "0"]), "--heartbeat-interval-ms"),
        ("ukai-heartbeat-monitor", bus.to_vec(), "--database-url"),
        ("ukai", vec!["up", "--listen", "127.0.0.1:0", "--database-url", "file:x"], "--database-url"),
        ("ukai", vec!["up", "--listen", "127.0.0.1:0", "--nats-url", "http://h"], "--nats-url"),
        ("ukai", vec!["migrate", "--database-url", "file:x"], "--database-url"),
    ];
    for (name, arguments, setting) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut command = process::command(&process::binary(name).unwrap());
        let ended = command.args(&arguments).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{name} {arguments:?}: {said}");
        assert!(said.contains(setting), "{name} {arguments:?}: {said}");
        assert!(!said.contains(SECRET), "{name} {arguments:?} shows a secret: {said}");
    }
}

#[test]
fn help_names_every_variable() {
    for name in ["ukai-api", "ukai-gateway", "ukai-scheduler", "ukai-heartbeat-monitor"] {
        let mut command = process::command(&process::binary(name).unwrap());
        let help = command.arg("--help").stdout(Stdio::piped()).output().unwrap();
        assert!(help.status.success());
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        let flags = text.lines().filter(|line| line.trim_start().starts_with("--")).count();
        let words: Vec<_> = text.split_whitespace().collect();
        let variables = words.windows(2).filter(|pair| pair[0] == "[env:" && pair[1].starts_with("UKAI_"));
        assert!(flags > 5, "{text}");
        assert_eq!(variables.count(), flags, "{text}");
    }
}
