//! Certificates and keys of files, bounded, with what is wrong with them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Bytes of a file that are read.
const MOST: u64 = 1 << 20;
/// Certificates of a file that are read.
const CERTIFICATES: usize = 1024;

/// A whole file, if it is not too large.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    // A named pipe would be waited for.
    let regular = std::fs::metadata(path).and_then(|m| {
        m.is_file()
            .then_some(())
            .ok_or_else(|| io::Error::other("it is no file"))
    });
    let read = regular
        .and_then(|()| File::open(path))
        .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes));
    read.map_err(|error| crate::net::tcp::words(&error))?;
    if bytes.len() as u64 > MOST {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(bytes)
}

/// All certificates of a PEM file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = bytes(path)?;
    let all = CertificateDer::pem_slice_iter(&bytes).take(CERTIFICATES);
    Ok(all.flatten().collect())
}

/// A client certificate and its key, which may be in one file.
pub(crate) fn pair(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, String> {
    let chain = certificates(certificate)?;
    if chain.is_empty() {
        return Err("it holds no certificate in PEM form".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(&bytes(key).map_err(|e| format!("its key: {e}"))?)
        .map_err(|_| "there is no private key in PEM form for it".to_owned())?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|_| "its key is of no kind that can be used".to_owned())?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err("its key belongs to another certificate".to_owned())
        }
        Err(rustls::Error::InvalidCertificate(_)) => {
            Err("it holds what is no certificate".to_owned())
        }
        _ => Ok(Arc::new(pair)),
    }
}
