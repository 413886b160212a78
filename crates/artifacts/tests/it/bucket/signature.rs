//! AWS Signature Version 4 of a request, computed anew from what arrived.

use axum::http::{HeaderMap, Method, Uri};
use sha2::{Digest, Sha256};

/// Whether the request is signed with `secret` by `key` for `region`, over its headers, its query and its body.
pub(super) fn is_right(
    (method, uri, headers): (&Method, &Uri, &HeaderMap),
    body: &[u8],
    (key, secret, region): (&str, &str, &str),
) -> Result<(), String> {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).ok_or(format!("no {name}"));
    let authorization = text("authorization")?;
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
    let part = |name: &str| {
        let found = rest.split(", ").find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or(format!("no {name}"))
    };
    let (credential, signed, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    let moment = text("x-amz-date")?;
    let day = moment.get(..8).ok_or("no day")?;
    let scope = format!("{day}/{region}/s3/aws4_request");
    if credential != format!("{key}/{scope}") {
        return Err(format!("credential {credential}"));
    }
    let names: Vec<_> = signed.split(';').collect();
    for must in ["host", "x-amz-content-sha256", "x-amz-date"] {
        if !names.contains(&must) {
            return Err(format!("{must} is not signed"));
        }
    }
    let said = text("x-amz-content-sha256")?;
    if said != hex::encode(Sha256::digest(body)) {
        return Err("the body has another hash".to_owned());
    }
    let mut canonical = String::new();
    for name in &names {
        let values: Vec<_> =
            headers.get_all(*name).iter().filter_map(|value| value.to_str().ok()).map(str::trim).collect();
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    let mut query: Vec<_> =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let query: Vec<_> = query
        .into_iter()
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    let request = format!("{method}\n{}\n{}\n{canonical}\n{signed}\n{said}", uri.path(), query.join("&"));
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex::encode(Sha256::digest(request.as_bytes())));
    let mut secret = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    for step in [region, "s3", "aws4_request"] {
        secret = hmac(&secret, step.as_bytes());
    }
    let want = hex::encode(hmac(&secret, to_sign.as_bytes()));
    if want == signature { Ok(()) } else { Err(format!("signature {signature}, not {want}, of\n{request}")) }
}

/// RFC 2104 with SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[test]
fn hmac_is_the_usual_one() {
    // RFC 4231, test case 2.
    let want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hex::encode(hmac(b"Jefe", b"what do ya want for nothing?")), want);
}
