//! What this machine is called.

/// The machine's name, where it has one that can be read.
#[must_use]
pub fn machine_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_what_the_system_says() {
        let said = std::process::Command::new("uname").arg("-n").output().unwrap();
        assert_eq!(super::machine_name().as_deref(), Some(String::from_utf8(said.stdout).unwrap().trim()));
    }
}
