/** The messages and enumerations of the schema, as protobufjs reads them. */
export function loadSchema(protoDir: string): unknown;
