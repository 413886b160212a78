//! Where artifacts are kept, as settings.

use crate::{Artifacts, store::Settings};
use clap::Args;
// The storage's client connects with the TLS that this crate's features bring.
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use reqwest as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const DEFAULT_MAX_BYTES: u64 = 20 << 20;
const DEFAULT_REGION: &str = "us-east-1";

/// Where artifacts are kept, and how large they may be.
#[derive(Args, Clone)]
#[command(next_help_heading = "Artifacts")]
pub struct ArtifactConfig {
    /// Where screenshots and pages are kept: a folder, file:///FOLDER, or s3://BUCKET/PREFIX
    /// [default: artifacts in the data folder].
    #[arg(long, env = "UKAI_ARTIFACT_STORE", value_name = "URL")]
    pub artifact_store: Option<String>,

    /// Where a content delivery network shows that store; results then name addresses there, open to whoever has them.
    #[arg(long, env = "UKAI_ARTIFACT_BASE_URL", value_name = "URL")]
    pub artifact_base_url: Option<Url>,

    /// Bytes of one screenshot or page, at most.
    #[arg(long, env = "UKAI_ARTIFACT_MAX_BYTES", default_value_t = DEFAULT_MAX_BYTES, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1_024..=1 << 30))]
    pub artifact_max_bytes: u64,

    /// The server of an S3-compatible storage; Amazon's if not given.
    #[arg(long, env = "UKAI_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<Url>,

    /// Its region.
    #[arg(long, env = "UKAI_S3_REGION", default_value = DEFAULT_REGION, value_name = "REGION")]
    pub s3_region: String,

    /// The key's name there; without one the machine's role is asked for.
    #[arg(long, env = "UKAI_S3_ACCESS_KEY_ID", value_name = "ID", requires = "s3_secret_access_key")]
    pub s3_access_key_id: Option<String>,

    /// The key.
    #[arg(long, env = "UKAI_S3_SECRET_ACCESS_KEY", value_name = "KEY", hide_env_values = true)]
    pub s3_secret_access_key: Option<String>,
}

impl Default for ArtifactConfig {
    fn default() -> Self {
        Self {
            artifact_store: None,
            artifact_base_url: None,
            artifact_max_bytes: DEFAULT_MAX_BYTES,
            s3_endpoint: None,
            s3_region: DEFAULT_REGION.to_owned(),
            s3_access_key_id: None,
            s3_secret_access_key: None,
        }
    }
}

/// Settings that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One sentence that names the setting.
    #[error("{0}")]
    Invalid(String),
    /// The folder can't be made or used.
    #[error("--artifact-store: {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The client of the storage can't be made.
    #[error("--artifact-store: {0}")]
    Storage(#[from] object_store::Error),
}

/// Where contents lie.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Folder(PathBuf),
    Bucket { name: String, prefix: String },
}

impl std::fmt::Debug for ArtifactConfig {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactConfig")
            .field("artifact_store", &self.artifact_store)
            .field("artifact_base_url", &self.artifact_base_url.as_ref().map(Url::as_str))
            .field("artifact_max_bytes", &self.artifact_max_bytes)
            .field("s3_endpoint", &self.s3_endpoint.as_ref().map(Url::as_str))
            .finish_non_exhaustive()
    }
}

impl ArtifactConfig {
    /// The store that these settings describe; `data_dir` is where a folder of its own is made, if none is named.
    /// Files on their way in lie there too, else in the system's temporary folder.
    ///
    /// # Errors
    /// One sentence that names the setting.
    pub fn open(&self, data_dir: Option<&Path>) -> Result<Artifacts, ConfigError> {
        if let Some(base) = &self.artifact_base_url
            && !matches!(base.scheme(), "http" | "https")
        {
            return Err(ConfigError::Invalid(format!(
                "--artifact-base-url: {base} is not an http(s) address"
            )));
        }
        let place = self.place(data_dir)?;
        let in_folder = |folder: &Path| folder.join(".incoming");
        let (objects, prefix, spool): (Arc<dyn ObjectStore>, _, _) = match &place {
            Place::Folder(folder) => (Arc::new(open_folder(folder)?), "", in_folder(folder)),
            Place::Bucket { name, prefix } => {
                let spool = data_dir.map_or_else(std::env::temp_dir, |data| data.join("artifacts"));
                (Arc::new(self.bucket(name)?), prefix.as_str(), in_folder(&spool))
            }
        };
        let settings = Settings {
            max_bytes: self.artifact_max_bytes,
            spool,
            prefix: prefix.to_owned(),
            base_url: self.artifact_base_url.clone(),
            with_types: matches!(place, Place::Bucket { .. }),
        };
        Ok(Artifacts::new(objects, settings))
    }

    fn place(&self, data_dir: Option<&Path>) -> Result<Place, ConfigError> {
        let invalid = |why: &str| ConfigError::Invalid(format!("--artifact-store: {why}"));
        let Some(text) = self.artifact_store.as_deref().filter(|text| !text.is_empty()) else {
            let data = data_dir.ok_or_else(|| invalid("a folder or a bucket must be named"))?;
            return Ok(Place::Folder(data.join("artifacts")));
        };
        if !text.contains("://") {
            return Ok(Place::Folder(PathBuf::from(text)));
        }
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        match url.scheme() {
            "file" => url
                .to_file_path()
                .map(Place::Folder)
                .map_err(|()| invalid("a file: address has three slashes and a whole path")),
            "s3" => {
                let name = url.host_str().filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| invalid("s3:// needs a bucket"))?.to_owned();
                Ok(Place::Bucket { name, prefix: url.path().trim_matches('/').to_owned() })
            }
            other => Err(invalid(&format!("{other}: is neither file: nor s3:"))),
        }
    }

    fn bucket(&self, name: &str) -> Result<impl ObjectStore + use<>, ConfigError> {
        ukai_boot::init_tls();
        let http = self.s3_endpoint.as_ref().is_some_and(|url| url.scheme() == "http");
        let options = ClientOptions::new()
            .with_allow_http(http)
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(Duration::from_secs(60));
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(2),
                ..BackoffConfig::default()
            },
            max_retries: 3,
            retry_timeout: Duration::from_secs(15),
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(&self.s3_region)
            .with_client_options(options)
            .with_disable_bulk_delete(true)
            .with_retry(retry);
        if let Some(endpoint) = &self.s3_endpoint {
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
        }
        if let (Some(id), Some(secret)) = (&self.s3_access_key_id, &self.s3_secret_access_key) {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        Ok(builder.build()?)
    }
}

fn open_folder(folder: &Path) -> Result<LocalFileSystem, ConfigError> {
    let failed = |source| ConfigError::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    Ok(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true))
}

#[cfg(test)]
mod tests {
    use super::{ArtifactConfig, Place};
    use clap::Parser;
    use std::path::{Path, PathBuf};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: ArtifactConfig,
    }

    fn config(arguments: &[&str]) -> ArtifactConfig {
        Line::try_parse_from(std::iter::once(&"test").chain(arguments)).unwrap().config
    }

    #[test]
    fn places_are_folders_or_buckets() {
        let place = |text: &str| config(&["--artifact-store", text]).place(Some(Path::new("/d")));
        assert_eq!(config(&[]).place(Some(Path::new("/d"))).unwrap(), Place::Folder("/d/artifacts".into()));
        assert_eq!(place("file:///a%20b/c").unwrap(), Place::Folder(PathBuf::from("/a b/c")));
        assert_eq!(place("./x").unwrap(), Place::Folder(PathBuf::from("./x")));
        let bucket = |name: &str, prefix: &str| Place::Bucket { name: name.into(), prefix: prefix.into() };
        assert_eq!(place("s3://bucket").unwrap(), bucket("bucket", ""));
        assert_eq!(place("s3://bucket/a/b/").unwrap(), bucket("bucket", "a/b"));
        for wrong in ["file://host/x", "s3:///x", "https://x/y", "gs://x"] {
            let error = place(wrong).unwrap_err().to_string();
            assert!(error.starts_with("--artifact-store"), "{wrong}: {error}");
        }
        assert!(config(&[]).place(None).is_err());
    }

    #[test]
    fn the_key_is_not_shown() {
        let secret = "a-secret-of-the-storage";
        let config = config(&["--s3-access-key-id", "id", "--s3-secret-access-key", secret]);
        assert!(!format!("{config:?}").contains(secret));
        assert!(Line::try_parse_from(["test", "--s3-access-key-id", "id"]).is_err());
        assert!(Line::try_parse_from(["test", "--artifact-max-bytes", "10"]).is_err());
    }

    #[test]
    fn a_base_address_is_of_the_web() {
        let folder = tempfile::tempdir().unwrap();
        for (base, good) in [("https://cdn.example/x", true), ("javascript:alert(1)", false)] {
            let opened = config(&["--artifact-base-url", base]).open(Some(folder.path()));
            assert_eq!(opened.is_ok(), good, "{base}");
        }
    }
}
