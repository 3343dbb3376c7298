//! TLS as client-go does it.

use std::sync::Arc;

use http::Uri;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use kube::Config;
use kube::client::ConfigExt as _;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tower::Service;

use super::identity::Identity;

/// The TLS settings of a configuration, with the user's client certificate.
///
/// # Errors
/// A sentence, if a certificate cannot be used.
pub(super) fn settings(config: &Config, identity: Option<Identity>) -> Result<Arc<ClientConfig>, String> {
    let mut tls = config.rustls_client_config().map_err(|error| crate::errors::kube(&error))?;
    // In a pod, kube reads the CA's file again and again.
    if let (Some(roots), false, None) =
        (&config.root_cert, config.accept_invalid_certs, &config.root_cert_file)
    {
        let verifier = Verifier::new(roots).map_err(|error| format!("certificate-authority: {error}"))?;
        tls.dangerous().set_certificate_verifier(Arc::new(verifier));
    }
    if let Some(identity) = identity {
        tls.client_auth_cert_resolver = Arc::new(identity);
    }
    Ok(Arc::new(tls))
}

/// A connector that adds TLS where the URL asks for it.
///
/// # Errors
/// If `tls-server-name` is not a name.
pub(super) fn connector<C>(
    inner: C,
    config: &Config,
    tls: &Arc<ClientConfig>,
) -> Result<HttpsConnector<C>, String>
where
    C: Service<Uri>,
{
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(ClientConfig::clone(tls)).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone())
            .map_err(|_invalid| "tls-server-name is not a host name".to_owned())?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().wrap_connector(inner))
}

/// The usual verifier, which also accepts a server certificate that is itself among the roots, as Go's crypto/x509 does.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    roots: Vec<Vec<u8>>,
}

impl Verifier {
    fn new(roots: &[Vec<u8>]) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(CertificateDer::from_slice(root)).map_err(|error| error.to_string())?;
        }
        let usual = WebPkiServerVerifier::builder(Arc::new(store)).build();
        Ok(Self { usual: usual.map_err(|error| error.to_string())?, roots: roots.to_vec() })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.usual.verify_server_cert(certificate, intermediates, name, ocsp_response, now) {
            // The verifier checks the time before it looks for an issuer, and reports a CA's certificate as `Other`.
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_),
            )) if self.roots.iter().any(|root| **root == **certificate) => {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            usual => usual,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
