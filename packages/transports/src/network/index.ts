export { type NetworkOptions, networkTransports } from './network-transports.ts';
