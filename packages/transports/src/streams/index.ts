export { type ByteStream, STREAM_BUFFER_BYTES_MAX, STREAM_HIGH_WATER_BYTES, type StreamOwner } from './byte-stream.ts';
export { listenForStreams, type StreamListenerOptions } from './listen-for-streams.ts';
