export { type TcpTransportOptions, tcpTransport } from './tcp-transport.ts';
