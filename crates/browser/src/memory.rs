//! How much memory a process group holds.

/// The group's memory in bytes: what each process holds alone, and once the largest part that they share. `None` where
/// the kernel does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn of_group(group: u32) -> Option<u64> {
    let page = u64::try_from(nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??).ok()?;
    let (mut alone, mut shared) = (0, 0);
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        if !entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let path = entry.path();
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
        // After the name in brackets: state, parent, group.
        let of = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)?.parse().ok());
        if of != Some(group) {
            continue;
        }
        let Ok(statm) = std::fs::read_to_string(path.join("statm")) else { continue };
        let mut fields = statm.split_whitespace().skip(1).map_while(|field| field.parse::<u64>().ok());
        let (resident, file) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
        alone += resident.saturating_sub(file);
        shared = shared.max(file);
    }
    (alone + shared > 0).then_some((alone + shared) * page)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of_group(_group: u32) -> Option<u64> {
    None
}
