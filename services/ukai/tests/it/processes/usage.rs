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

/// Where each binary's command line gets past clap and is refused for this.
const STARTS: [(&str, &[&str], &str); 6] = [
    ("ukai-api", &["--auth", "off", "--listen", "0.0.0.0:0"], "--auth"),
    (
        "ukai-gateway",
        &["--nats-url", "nats://127.0.0.1:1", "--trusted-proxies", "proxy"],
        "--trusted-proxies",
    ),
    ("ukai-scheduler", &["--nats-url", "nats://127.0.0.1:1", "--admin-key", "short"], "--admin-key"),
    (
        "ukai-heartbeat-monitor",
        &["--nats-url", "nats://127.0.0.1:1", "--heartbeat-interval-ms", "0"],
        "--heartbeat-interval-ms",
    ),
    ("ukai-worker", &["--token", "t"], "--server"),
    ("ukai", &["up", "--auth", "off", "--listen", "0.0.0.0:0"], "--auth"),
];

fn refused_with(name: &str, arguments: &[&str], variables: &[(String, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = process::command(&process::binary(name).unwrap());
    if matches!(name, "ukai-api" | "ukai-gateway" | "ukai-scheduler" | "ukai-heartbeat-monitor") {
        command.args(["--database-url", "postgres://u@127.0.0.1:1/d"]);
    }
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    let ended = command.current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{name} {variables:?}: {said}");
    said
}

/// The variables that a binary's help names, and those of them that are flags without a value.
fn variables(name: &str, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut command = process::command(&process::binary(name).unwrap());
    let command = command.args(arguments.iter().take_while(|word| !word.starts_with('-')));
    let help = command.arg("--help").stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    let (mut all, mut flags, mut is_flag) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("--") {
            is_flag = !line.contains('<');
        }
        let Some((_, variable)) = line.split_once("[env: ") else { continue };
        let variable = variable.split(['=', ']']).next().unwrap().to_owned();
        if is_flag {
            flags.push(variable.clone());
        }
        all.push(variable);
    }
    (all, flags)
}

#[test]
fn empty_variables_are_none_and_flags_are_read_as_people_write_them() {
    for (name, arguments, setting) in STARTS {
        let (all, flags) = variables(name, arguments);
        assert!(all.len() > 5 && !flags.is_empty(), "{name}: {all:?}, {flags:?}");
        let aliases = ["WORKER_AUTH_TOKEN", "FRONTEND_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        let empty: Vec<_> = all.into_iter().chain(aliases.map(str::to_owned)).map(|v| (v, "")).collect();
        let said = refused_with(name, arguments, &empty);
        assert!(said.contains(setting), "{name}: {said}");
        for value in ["1", "yes", "TRUE", "on", "0", "no", "False", "off"] {
            let set: Vec<_> = flags.iter().map(|flag| (flag.clone(), value)).collect();
            let said = refused_with(name, arguments, &set);
            assert!(said.contains(setting), "{name} {value}: {said}");
        }
        let odd = [(flags[0].clone(), "perhaps")];
        assert!(refused_with(name, arguments, &odd).contains("perhaps"), "{name}");
    }
}

#[test]
fn an_empty_name_hides_no_older_one() {
    let given = [("UKAI_WORKER_ENROLL_TOKEN".to_owned(), ""), ("WORKER_AUTH_TOKEN".to_owned(), "short")];
    for (name, arguments) in [
        ("ukai", &["up", "--listen", "127.0.0.1:0"][..]),
        ("ukai-api", &[]),
        ("ukai-gateway", &["--nats-url", "nats://127.0.0.1:1"]),
    ] {
        let said = refused_with(name, arguments, &given);
        assert!(said.contains("WORKER_AUTH_TOKEN"), "{name}: {said}");
    }
}
