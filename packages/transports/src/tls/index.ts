export { type TlsFiles, type TlsFilesEvents, TlsMaterial } from './tls-material.ts';
export { type ClientCertificates, type OnRefused, TLS_HANDSHAKES_MAX, type TlsSettings } from './tls-settings.ts';
