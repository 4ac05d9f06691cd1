//! A second look at certificates that `webpki` refuses, by the rules of engines (Go's `crypto/x509`,
//! `Certificate.Verify`): dates, then the name, and then who vouches. A certificate that stands in the
//! store itself needs nobody above it, and a server may show one that could sign others.

use std::sync::Arc;

use memchr::memmem;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use x509_parser::oid_registry::{OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Certificates between a server's own and one of the store.
const BETWEEN: u32 = 4;

/// Who says what of a certificate: `refused` is what `webpki` said, and stays where engines say no
/// more.
pub(super) fn look(
    refused: Error,
    own: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    store: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    let Some(leaf) = read(own) else {
        return Err(refused);
    };
    in_time(&leaf, now)?;
    // What an engine says of a stranger's certificate for another name is that of the name.
    if !holds(&leaf, own, name) {
        return Err(CertificateError::NotValidForName.into());
    }
    if store.contains(own) && is_for_servers(&leaf) {
        return Ok(());
    }
    if !leaf.is_ca() || !is_for_servers(&leaf) {
        return Err(refused);
    }
    let others: Vec<_> = others.iter().take(10).filter_map(read).collect();
    let store: Vec<_> = store.iter().filter_map(read).collect();
    if vouched(&leaf, &others, &store, now) {
        Ok(())
    } else {
        Err(CertificateError::UnknownIssuer.into())
    }
}

/// The certificate of an authority that is trusted here, and that is outside its dates itself.
#[derive(Debug)]
pub(super) struct Outdated {
    pub subject: String,
    pub not_before: String,
    pub not_after: String,
}

impl std::fmt::Display for Outdated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            subject,
            not_before,
            not_after,
        } = self;
        write!(
            f,
            "the certificate is signed by {subject}, which this host trusts, and whose own certificate \
             holds from {not_before} to {not_after}"
        )
    }
}

impl std::error::Error for Outdated {}

/// What `webpki` passes over: engines look at the dates of the authority as well. One within its dates
/// suffices, since the same authority may stand in a store with an old and a new certificate.
pub(super) fn look_above(
    own: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    store: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let shown = std::iter::once(own).chain(others.iter().take(10));
    let issuers: Vec<Vec<u8>> = shown.filter_map(super::certificate::issuer).collect();
    let mut outdated = None;
    for root in store {
        // A store has more than a hundred; few hold the name.
        let names = |issuer: &Vec<u8>| memmem::find(root.as_ref(), issuer).is_some();
        if !issuers.iter().any(names) {
            continue;
        }
        let Some(root) = read(root) else { continue };
        if !issuers.iter().any(|i| i == root.subject().as_raw()) {
            continue;
        }
        if in_time(&root, now).is_ok() {
            return Ok(());
        }
        outdated = outdated.or_else(|| {
            Some(Outdated {
                subject: root.subject().to_string(),
                not_before: root.validity().not_before.to_string(),
                not_after: root.validity().not_after.to_string(),
            })
        });
    }
    match outdated {
        Some(outdated) => {
            Err(CertificateError::Other(rustls::OtherError(Arc::new(outdated))).into())
        }
        None => Ok(()),
    }
}

fn read<'c>(certificate: &'c CertificateDer<'_>) -> Option<X509Certificate<'c>> {
    let (_, read) = X509Certificate::from_der(certificate.as_ref()).ok()?;
    Some(read)
}

fn in_time(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// Whether a name is among the subject alternative names: the Common Name is read by nobody.
fn holds(leaf: &X509Certificate<'_>, own: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    if !matches!(leaf.subject_alternative_name(), Ok(Some(_))) {
        return false;
    }
    ParsedCertificate::try_from(own).is_ok_and(|own| verify_server_name(&own, name).is_ok())
}

fn is_for_servers(leaf: &X509Certificate<'_>) -> bool {
    match leaf.extended_key_usage() {
        Ok(Some(usage)) => usage.value.any || usage.value.server_auth,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Whether a certificate of the store has signed this one, or one between that was sent along.
fn vouched(
    leaf: &X509Certificate<'_>,
    others: &[X509Certificate<'_>],
    store: &[X509Certificate<'_>],
    now: UnixTime,
) -> bool {
    let mut at = leaf;
    for between in 0..=BETWEEN {
        let above = |by: &&X509Certificate<'_>| may_sign(by, between, now) && signed(at, by);
        if store.iter().any(|root| above(&root)) {
            return true;
        }
        match others.iter().find(above) {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

/// Whether a certificate may sign others, with so many between it and the server's own.
fn may_sign(by: &X509Certificate<'_>, between: u32, now: UnixTime) -> bool {
    let (Ok(constraints), Ok(usage)) = (by.basic_constraints(), by.key_usage()) else {
        return false;
    };
    let length = constraints
        .as_ref()
        .and_then(|c| c.value.path_len_constraint);
    // Constraints of other kinds are not read here: who has some does not vouch.
    let known = [OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE];
    let unread =
        |e: &x509_parser::prelude::X509Extension<'_>| e.critical && !known.contains(&e.oid);
    by.is_ca()
        && length.is_none_or(|most| between <= most)
        && usage.is_none_or(|usage| usage.value.key_cert_sign())
        && !by.extensions().iter().any(unread)
        && matches!(by.name_constraints(), Ok(None))
        && in_time(by, now).is_ok()
}

/// Whether a signature is by this key, and by no hash that is broken.
fn signed(one: &X509Certificate<'_>, by: &X509Certificate<'_>) -> bool {
    let weak = super::certificate::is_sha1(one.signature_algorithm.algorithm.as_bytes());
    one.issuer().as_raw() == by.subject().as_raw()
        && !weak
        && one.verify_signature(Some(by.public_key())).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;

    fn pem(text: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(text.as_bytes()).expect("a certificate")
    }

    fn told(own: &str, store: &[&str], name: &str, now: u64) -> Result<(), String> {
        let store: Vec<_> = store.iter().map(|text| pem(text)).collect();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        let refused = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        look(refused, &pem(own), &[], &store, &name, now).map_err(|e| told_of(e).0.to_owned())
    }

    fn told_of(error: Error) -> (&'static str, String) {
        match error {
            Error::InvalidCertificate(why) => super::super::tls::certificate(&why),
            other => ("failed", other.to_string()),
        }
    }

    const NOW: u64 = 1_900_000_000;

    #[test]
    fn an_authority_as_a_servers_own_is_taken_where_it_is_trusted() {
        let no = |word: &str| Err(word.to_owned());
        assert_eq!(told(CA_LEAF, &[CA_LEAF], "reg.example", NOW), Ok(()));
        assert_eq!(told(CA_LEAF, &[], "reg.example", NOW), no("unknown-issuer"));
        assert_eq!(
            told(CA_LEAF, &[ROOT], "reg.example", NOW),
            no("unknown-issuer")
        );
        assert_eq!(
            told(CA_LEAF, &[CA_LEAF], "other.example", NOW),
            no("name-mismatch")
        );
        assert_eq!(
            told(CA_LEAF, &[CA_LEAF], "reg.example", 9_900_000_000),
            no("expired")
        );
        assert_eq!(
            told(CA_LEAF, &[CA_LEAF], "reg.example", 1),
            no("not-yet-valid")
        );
    }

    #[test]
    fn an_authority_below_another_is_taken_where_that_one_is_trusted() {
        assert_eq!(told(CA_BELOW, &[ROOT], "reg.example", NOW), Ok(()));
        let no = told(CA_BELOW, &[CA_LEAF], "reg.example", NOW);
        assert_eq!(no, Err("unknown-issuer".to_owned()));
    }

    #[test]
    fn an_authority_outside_its_dates_vouches_for_nobody() {
        let at = |store: &[&str], now: u64| {
            let store: Vec<_> = store.iter().map(|text| pem(text)).collect();
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
            look_above(&pem(CA_BELOW), &[], &store, now).map_err(told_of)
        };
        assert_eq!(at(&[CA_LEAF, ROOT], NOW), Ok(()));
        // Whether anybody of the store vouches is not asked here.
        assert_eq!(at(&[CA_LEAF], 9_900_000_000), Ok(()));
        let (saw, why) = at(&[ROOT], 9_900_000_000).expect_err("the root has ended in 2126");
        assert_eq!(saw, "authority-outdated");
        assert!(why.contains("signed by CN=Root, which this host"), "{why}");
    }

    #[test]
    fn a_common_name_is_no_name() {
        let no = told(VERSION_1, &[VERSION_1], "reg.example", NOW);
        assert_eq!(no, Err("name-mismatch".to_owned()));
    }

    // Made by `openssl req -x509 -addext subjectAltName=DNS:reg.example`, which says CA:TRUE.
    const CA_LEAF: &str = "-----BEGIN CERTIFICATE-----
MIIBmjCCAUCgAwIBAgITLbUPv1gyqaXA+hEZAR0m1oetNzAKBggqhkjOPQQDAjAW
MRQwEgYDVQQDDAtyZWcuZXhhbXBsZTAgFw0yNjExMjgxNzA1MjVaGA8yMTI2MTEw
NDE3MDUyNVowFjEUMBIGA1UEAwwLcmVnLmV4YW1wbGUwWTATBgcqhkjOPQIBBggq
hkjOPQMBBwNCAAQbsJ5J3IEQQkAKgwJmR4fyBibGvF7qQ4EpbH40wRshCUyNGyYf
AH3RnsUNRBxTlUEivHpcwBybp5jZbb7dOBnPo2swaTAdBgNVHQ4EFgQUJL1Sc09l
mTEkjjU05dMRrEBl9NQwHwYDVR0jBBgwFoAUJL1Sc09lmTEkjjU05dMRrEBl9NQw
DwYDVR0TAQH/BAUwAwEB/zAWBgNVHREEDzANggtyZWcuZXhhbXBsZTAKBggqhkjO
PQQDAgNIADBFAiEAgZV6ssbIEbxD+h6KzshQM+jY5Wag4KKNNDjfOg6rFqgCIH/t
aj90Z4ZqQuokhi4NKqzse41boyOAI8+ymR7/BE1k
-----END CERTIFICATE-----";
    // The same, signed by `ROOT`.
    const CA_BELOW: &str = "-----BEGIN CERTIFICATE-----
MIIBkzCCATqgAwIBAgIUQzzdGJYaEGoFAwlXGkYSmgnP8MgwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjgxNzA1MjVaGA8yMTI2MTEwNDE3MDUy
NVowFjEUMBIGA1UEAwwLcmVnLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAAQbsJ5J3IEQQkAKgwJmR4fyBibGvF7qQ4EpbH40wRshCUyNGyYfAH3RnsUN
RBxTlUEivHpcwBybp5jZbb7dOBnPo2swaTAWBgNVHREEDzANggtyZWcuZXhhbXBs
ZTAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBQkvVJzT2WZMSSONTTl0xGsQGX0
1DAfBgNVHSMEGDAWgBTgJ/0Z3ItBMAeyLOJH4V1ZUIUScjAKBggqhkjOPQQDAgNH
ADBEAiAEg1y6FmvOZwIWw3nVXbJLR+AkqR4BOluKoBrkK20QIAIgaV7p+IXebuSp
QAYx5jATQ1eEbLJdTHb2OO8MLX/yE3Y=
-----END CERTIFICATE-----";
    const ROOT: &str = "-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUQgWrlcWi2IIgTmk04UKvkPCfv9swCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjgxNzA1MjVaGA8yMTI2MTEwNDE3MDUy
NVowDzENMAsGA1UEAwwEUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABER9
IOKsEEFAjaMmsqRUlcG9JlCZ8HcpPY5XKYjHQlDPFZGpT6TUWPTFwa6dyp1F/XAZ
HcN0qNF9Ff6M3lx2sxujUzBRMB0GA1UdDgQWBBTgJ/0Z3ItBMAeyLOJH4V1ZUIUS
cjAfBgNVHSMEGDAWgBTgJ/0Z3ItBMAeyLOJH4V1ZUIUScjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCWlyXKSyzkgtPoh5fTX5JMssVKbsVfIDWN
PD8XWUzqeQIgZm9oxiu26QD6J0Iq5Vvg5YvXUHFoMiNZwPSBIac2aVw=
-----END CERTIFICATE-----";
    // Made by `openssl x509 -req` without extensions: version 1, with a Common Name only.
    const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBKDCBzwIUNtc3bxx0eGUsNX93L4+fQogk2K0wCgYIKoZIzj0EAwIwFjEUMBIG
A1UEAwwLcmVnLmV4YW1wbGUwIBcNMjYxMTI4MTcwNTI0WhgPMjEyNjExMDQxNzA1
MjRaMBYxFDASBgNVBAMMC3JlZy5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEgHh1phgXc0PuMxi3Z8UKeVeJhIaAXs9sSjCxX9LLavkOnjgRPq0qKmhW
My9yIu6TzgDRVd8rcCXjmQE8REAEEzAKBggqhkjOPQQDAgNIADBFAiA9o/P7mNwU
zYv80Sw+SyoKw99Q3RJhnjVvc/qSdbC22wIhAMiyZYG4ujPKRu4vZIh7uCgP4HaW
6D6n9S+qosue6Im6
-----END CERTIFICATE-----";
}
