//! The user's client certificate, which may change while a client lives.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, SignatureScheme};
use x509_cert::der::Decode as _;

/// The DER encoding of the object identifier of the curve P-521, which ring cannot use.
const P521: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

/// A client certificate with its key. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// Read again for each connection, as by client-go: files are replaced when a certificate is renewed.
    files: Option<(PathBuf, PathBuf)>,
    current: Arc<Mutex<Arc<CertifiedKey>>>,
}

impl Identity {
    /// An identity of PEM texts.
    ///
    /// # Errors
    /// The cause and its fix.
    pub(super) fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, (String, &'static str)> {
        let current = Arc::new(Mutex::new(Arc::new(parse(certificate, key)?)));
        Ok(Self { files: None, current })
    }

    /// The identity, read again from these files for each connection.
    pub(super) fn read_from(self, certificate: PathBuf, key: PathBuf) -> Self {
        Self { files: Some((certificate, key)), ..self }
    }

    /// Replaces the certificate and the key for new connections. Unusable ones change nothing.
    pub(super) fn replace(&self, certificate: &[u8], key: &[u8]) {
        match parse(certificate, key) {
            Ok(fresh) => *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh),
            Err((cause, _)) => tracing::warn!(%cause, "the renewed client certificate cannot be used"),
        }
    }

    /// The time at which the certificate expires.
    pub(super) fn expires(&self) -> Option<Timestamp> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let certificate = x509_cert::Certificate::from_der(current.cert.first()?).ok()?;
        let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
        Timestamp::from_second(i64::try_from(end.as_secs()).ok()?).ok()
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        if let Some((certificate, key)) = &self.files
            && let (Ok(certificate), Ok(key)) = (std::fs::read(certificate), std::fs::read(key))
        {
            self.replace(&certificate, &key);
        }
        Some(Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn parse(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, (String, &'static str)> {
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
        ("client-certificate has no PEM certificate".to_owned(), "set it to the user's PEM file")
    })?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_invalid| {
        ("client-key has no PEM key without a password".to_owned(), "set it to the user's PEM file")
    })?;
    if key.secret_der().windows(P521.len()).any(|window| window == P521) {
        let cause = "client-key is on the curve P-521, which surge does not support";
        return Err((cause.to_owned(), "use P-256, P-384, Ed25519, RSA or a token"));
    }
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).map_err(|error| match error
    {
        Error::InconsistentKeys(_) => {
            ("client-key does not belong to client-certificate".to_owned(), "use the key of that certificate")
        }
        other => (format!("client-key is not usable: {other}"), "use P-256, P-384, Ed25519, RSA or a token"),
    })
}
