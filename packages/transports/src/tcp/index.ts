export { listenError } from './listening.ts';
export { type TcpTransportOptions, tcpTransport } from './tcp-transport.ts';
