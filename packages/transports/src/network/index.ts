export { networkTransports } from './network-transports.ts';
