//! Tables on a disk of their own.

use super::cluster::Cluster;
use std::io;
use std::path::Path;

impl Cluster {
    /// Moves a database's tables and indexes into `folder`, which may lie on another disk.
    ///
    /// # Errors
    /// The server can't write there.
    pub fn move_tables(&self, database: &str, folder: &Path) -> io::Result<()> {
        let place = folder.join("tables");
        std::fs::create_dir(&place)?;
        std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        if nix::unistd::geteuid().is_root()
            && let Some(user) = nix::unistd::User::from_name("postgres")?
        {
            nix::unistd::chown(&place, Some(user.uid), Some(user.gid))?;
        }
        self.psql(database, &format!("CREATE TABLESPACE moved LOCATION '{}'", place.display()))?;
        for what in ["TABLE", "INDEX"] {
            self.psql(database, &format!("ALTER {what} ALL IN TABLESPACE pg_default SET TABLESPACE moved"))?;
        }
        Ok(())
    }
}
