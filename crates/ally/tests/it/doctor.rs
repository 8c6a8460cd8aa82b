//! `ally doctor`: what it says, and whether it fails.

use crate::installation::{Installation, Setup};
use ally::config::{Config, Environment, Given};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// The doctor's exit code and words.
fn doctor(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ally"));
    command.arg("doctor").args(arguments).current_dir(directory).env_clear();
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// The line about one thing, with the next step below it, if there is one.
fn about<'a>(report: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut lines = report.lines().skip_while(|line| !line.contains(name));
    let line = lines.next().unwrap_or_else(|| panic!("{name} is missing:\n{report}"));
    (line, lines.next().filter(|next| next.contains('→')).unwrap_or_default())
}

/// Nothing listens on this port.
const NOWHERE: &str = "--listen=127.0.0.1:1";

#[test]
fn in_an_empty_directory_nothing_is_bad() {
    let directory = tempfile::tempdir().unwrap();
    let (code, report) = doctor(directory.path(), &[NOWHERE]);
    assert_eq!(code, Some(0), "{report}");
    assert!(!report.contains("BAD"), "{report}");
    assert!(about(&report, "Root keys").0.contains("made at the first start"), "{report}");
    assert!(about(&report, "Address").0.contains("not running"), "{report}");
    let (provider, next) = about(&report, "AI provider");
    assert!(provider.starts_with("less") && next.contains("ANTHROPIC_API_KEY"), "{report}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0, "the doctor changes nothing");
}

#[tokio::test]
async fn of_a_running_installation_it_says_what_is_in_force() {
    let installation = Installation::start();
    let listen = installation.address.to_string();
    let data = installation.data.to_str().unwrap().to_owned();
    let ask = || {
        let (code, report) = doctor(Path::new("/"), &["--listen", &listen, "--data-dir", &data]);
        assert_eq!(code, Some(0), "{report}");
        assert!(about(&report, "Address").0.contains("Ally answers there"), "{report}");
        about(&report, "Sign-up").0.to_owned()
    };
    assert!(ask().contains("nobody has an account yet"));
    let mira = installation.administrator().await;
    assert!(ask().contains("closed: nobody new"));
    mira.patch("/api/v1/installation", json!({ "sign_up": "open" })).await.expect(200);
    assert!(ask().contains("open: anybody"), "the choice in the browser wins over the configuration");
}

#[test]
fn walls_lower_than_asked_for_are_bad() {
    let directory = tempfile::tempdir().unwrap();
    let reached = ally_sandbox::survey(261_900, &ally_sandbox::Cgroups::find());
    let (code, report) = doctor(directory.path(), &[NOWHERE, "--require-sandbox=full"]);
    let is_enough = reached.level == ally_sandbox::Level::Full;
    assert_eq!(code, Some(i32::from(!is_enough)), "{report}");
    let (line, _) = about(&report, "Isolation");
    assert_eq!((line.starts_with("ok"), line.starts_with("BAD")), (is_enough, !is_enough), "{report}");
    assert!(line.contains(reached.level.name()) && line.contains("would reach"), "{report}");
}

#[test]
fn of_a_running_installation_it_says_which_walls_really_stand() {
    // Root would reach more than what runs here.
    let installation = Setup::default().without_root().start();
    let asked_of = |listen: &str, wanted: &str| {
        let listen = format!("--listen={listen}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ally"));
        if rustix::process::geteuid().is_root() {
            command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
            command.arg(installation.data.parent().unwrap().join("ally"));
        }
        command.args(["doctor", &listen, &format!("--require-sandbox={wanted}"), "--data-dir"]);
        let output = command.arg(&installation.data).env_clear().output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let here = installation.address.to_string();
    let (_, report) = doctor(Path::new("/"), &["--listen", &here]);
    let (line, _) = about(&report, "Isolation");
    let level = if ally_sandbox::probe(65534).has_room() { "user_namespace" } else { "nothing" };
    assert!(line.contains(&format!("{level}:")) && line.contains("So it runs now"), "{report}");
    assert!(line.contains("Missing: own_user"), "{report}");
    for listen in [here.as_str(), "127.0.0.1:1"] {
        let (code, report) = asked_of(listen, "own_user");
        let (line, next) = about(&report, "Isolation");
        assert!(line.starts_with("BAD") && line.contains("asks for own_user"), "{report}");
        assert!(next.contains("as root") && next.contains("ALLY_REQUIRE_SANDBOX"), "{report}");
        assert_eq!(code, Some(1), "{report}");
        assert!(about(&asked_of(listen, "none").1, "Isolation").0.starts_with("less"));
    }
}

#[test]
fn limits_and_places_in_the_house_are_said() {
    let directory = tempfile::tempdir().unwrap();
    let (_, report) = doctor(directory.path(), &[NOWHERE]);
    assert!(about(&report, "Limits").0.contains("256 MiB of memory and 10240 MiB of disk"), "{report}");
    assert!(about(&report, "Private places").0.contains("nothing in your network"), "{report}");
    let given = ["--memory-limit-mb=300", "--disk-quota-mb=500", "--egress-private=mail.house.lan:993,10.0.0.5:25"];
    let (_, report) = doctor(directory.path(), &[&[NOWHERE][..], &given[..]].concat());
    assert!(about(&report, "Limits").0.contains("300 MiB of memory and 500 MiB of disk"), "{report}");
    assert!(about(&report, "Private places").0.contains("mail.house.lan:993, 10.0.0.5:25"), "{report}");
}

#[test]
fn how_passwords_travel_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let (code, report) = doctor(directory.path(), arguments);
        assert_eq!(code, Some(0), "{report}");
        let (line, next) = about(&report, "HTTPS");
        (line.to_owned(), next.to_owned())
    };
    assert!(said(&[NOWHERE]).0.contains("only this machine"));
    let (behind, _) = said(&[NOWHERE, "--public-url=https://ally.example", "--trusted-proxies=192.0.2.2"]);
    assert!(behind.starts_with("ok") && behind.contains("192.0.2.2"), "{behind}");
    let (plain, next) = said(&[NOWHERE, "--public-url=http://ally.lan", "--allow-plain-http=yes"]);
    assert!(plain.starts_with("less") && next.contains("ALLY_ALLOW_PLAIN_HTTP"), "{plain}\n{next}");
}

#[test]
fn a_directory_of_the_other_mode_is_bad() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("ally-data");
    std::fs::create_dir_all(data.join("host")).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    std::fs::write(data.join("host/mode"), if is_root { "one user\n" } else { "own users\n" }).unwrap();
    let (code, report) = doctor(directory.path(), &[NOWHERE]);
    let (line, next) = about(&report, "Data");
    assert!(line.starts_with("BAD") && next.contains("--data-dir"), "{report}");
    assert_eq!(code, Some(1), "{report}");
}

#[test]
fn a_postgresql_that_does_not_answer_is_bad_and_its_password_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let url = "--database-url=postgres://ally:hunter2@127.0.0.1:1/ally";
    let (code, report) = doctor(directory.path(), &[NOWHERE, url]);
    let (line, next) = about(&report, "Accounts");
    assert!(line.starts_with("BAD") && line.contains("127.0.0.1, port 1"), "{report}");
    assert!(next.contains("ALLY_DATABASE_URL"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
    assert_eq!(code, Some(1), "{report}");
}

#[test]
fn what_answers_but_is_no_postgresql_is_bad() {
    let directory = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("--database-url=postgres://ally:hunter2@{}/ally", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let (code, report) = doctor(directory.path(), &[NOWHERE, &url]);
    let (line, _) = about(&report, "Accounts");
    assert!(line.starts_with("BAD") && line.contains("not as PostgreSQL does"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
    assert_eq!(code, Some(1), "{report}");
}

#[test]
fn something_else_on_the_port_is_bad() {
    let directory = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap().to_string();
    let hangs_up = std::thread::spawn(move || drop(listener.accept()));
    let (code, report) = doctor(directory.path(), &["--listen", &listen]);
    hangs_up.join().unwrap();
    let (line, next) = about(&report, "Address");
    assert!(line.starts_with("BAD") && next.contains("--listen"), "{report}");
    assert_eq!(code, Some(1), "{report}");
}

#[test]
fn every_value_that_the_documentation_names_is_accepted() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let expected: [(&str, &[&str]); 3] = [
        ("ALLY_REQUIRE_SANDBOX", &["none", "user_namespace", "own_user", "full"]),
        ("ALLY_SIGN_UP", &["closed", "invite", "open"]),
        ("ALLY_ALLOW_PLAIN_HTTP", &["no", "yes"]),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (name, values) in expected {
        let row = page.lines().find(|line| line.contains(&format!("`{name}`"))).unwrap();
        let description = row.split('|').nth(4).unwrap();
        let named: Vec<&str> = description.split('`').skip(1).step_by(2).collect();
        assert_eq!(named, values, "docs/configuration.md on {name}");
        for value in named {
            let environment = Environment::from([(name.to_owned(), value.to_owned())]);
            let loaded = Config::load(Given::default(), &environment, directory.path());
            assert!(loaded.is_ok(), "{name}={value}: {}", loaded.unwrap_err());
        }
    }
}
