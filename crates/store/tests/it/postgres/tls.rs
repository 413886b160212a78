//! TLS to the server: encrypted, and only with whom it should be.

use super::options;
use std::path::Path;
use std::time::{Duration, Instant};
use ukai_store::postgres::PostgresReads;
use ukai_store::{Reads, StoreError};
use ukai_testkit::postgres::{Cluster, Disk};

struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap())
    }

    fn write(&self, file: &Path) -> String {
        std::fs::write(file, self.0.pem()).unwrap();
        file.display().to_string()
    }

    /// Certificate and key for `host`.
    fn server(&self, host: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// Gives the server a certificate; only encrypted connections come in from now on.
fn encrypt(cluster: &Cluster, (certificate, key): (String, String)) {
    let data = cluster.psql("postgres", "SHOW data_directory").unwrap();
    let write = |file: &str, text: &str| {
        // A key that others could read is not taken.
        let program = format!("umask 077; cat > {data}/{file}");
        let copy = format!("COPY (SELECT unnest(string_to_array('{text}', E'\n'))) TO PROGRAM '{program}'");
        cluster.psql("postgres", &copy).unwrap();
    };
    write("server.crt", &certificate);
    write("server.key", &key);
    write(
        "pg_hba.conf",
        "local all all trust\nhostssl all all 127.0.0.1/32 trust\nhostnossl all all 127.0.0.1/32 reject",
    );
    cluster.psql("postgres", "ALTER SYSTEM SET ssl = on").unwrap();
    cluster.psql("postgres", "SELECT pg_reload_conf()").unwrap();
    let begin = Instant::now();
    while cluster.psql("postgres", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").ok().as_deref()
        != Some("t")
    {
        assert!(begin.elapsed() < Duration::from_secs(30), "never encrypted: {}", cluster.log());
    }
}

#[tokio::test]
async fn encrypted_and_checked_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    let roots = ours.write(&folder.path().join("ours.pem"));
    let wrong = other.write(&folder.path().join("other.pem"));
    let cluster = Cluster::start(Disk::Ignored).unwrap();
    let url = cluster.url("postgres");
    ukai_store::migrate(&url).await.unwrap();
    encrypt(&cluster, ours.server("127.0.0.1"));
    for good in [
        "",
        "?sslmode=require",
        &format!("?sslrootcert={roots}"),
        &format!("?sslmode=verify-full&sslrootcert={roots}"),
    ] {
        let reads = PostgresReads::connect(&format!("{url}{good}"), options()).await.unwrap();
        assert!(reads.leader().await.unwrap().is_none(), "{good}");
    }
    // In clear, with somebody else's certificate, with none that this machine trusts.
    for bad in
        ["?sslmode=disable", &format!("?sslmode=verify-full&sslrootcert={wrong}"), "?sslmode=verify-full"]
    {
        let error = PostgresReads::connect(&format!("{url}{bad}"), options()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{bad}: {error}");
    }
    // For another host.
    encrypt(&cluster, ours.server("db.example"));
    let url = format!("{url}?sslmode=verify-full&sslrootcert={roots}");
    let begin = Instant::now();
    while PostgresReads::connect(&url, options()).await.is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(30), "the new certificate was never used");
    }
}
