//! TLS on a connection, as rustls does it. Whose certificate the server shows is nobody's concern here.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// What all connections of a run share.
pub(crate) type Config = Arc<ClientConfig>;

/// TLS 1.3 without a certificate check.
pub(crate) fn config() -> io::Result<Config> {
    let provider = ring::default_provider();
    let verifier = Anybody(provider.signature_verification_algorithms);
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A session that has not begun.
pub(crate) fn session(config: &Config) -> io::Result<ClientConnection> {
    let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
    ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)
}

/// A stream that does not block, under TLS.
pub(crate) struct Secured<S> {
    session: ClientConnection,
    pub(crate) stream: S,
}

impl<S: Read + Write> Secured<S> {
    /// Continues a session past its handshake.
    pub(crate) fn new(session: ClientConnection, stream: S) -> Self {
        Self { session, stream }
    }
}

impl<S: Read + Write> Read for Secured<S> {
    /// As much as there is: a short read has emptied the socket here as well.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            match self.session.reader().read(&mut buffer[filled..]) {
                // The end; what came before it is told first.
                Ok(0) => return Ok(filled),
                Ok(length) => {
                    filled += length;
                    if filled == buffer.len() {
                        return Ok(filled);
                    }
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            match self.session.read_tls(&mut self.stream) {
                Ok(_) => self.session.process_new_packets().map_err(io::Error::other)?,
                Err(_) if filled > 0 => return Ok(filled),
                Err(error) => return Err(error),
            };
        }
    }
}

impl<S: Read + Write> Write for Secured<S> {
    /// Takes nothing while the socket has not taken what is encrypted already.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let written = self.session.writer().write(data)?;
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.stream)?;
        }
        Ok(())
    }
}

/// Takes every certificate for good, but wants the handshake signed as it has to be.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
