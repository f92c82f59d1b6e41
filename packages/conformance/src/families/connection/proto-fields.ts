/** One field of a Protocol Buffers message, as it stands on the wire. */
export interface ProtoField {
  readonly number: number;
  /** Of a field with a length. */
  readonly bytes: Uint8Array | undefined;
}

const FIXED = { 1: 8, 5: 4 } as const;

/** The fields of a message, by no schema: what a codec would refuse stands here too. What cannot be read ends it. */
export function protoFields(message: Uint8Array): readonly ProtoField[] {
  const fields: ProtoField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const wire = tag % 8;
    const number = Math.floor(tag / 8);
    if (wire === 2) {
      const length = varint();
      fields.push({ number, bytes: message.subarray(at, at + length) });
      at += length;
    } else if (wire === 0) {
      varint();
      fields.push({ number, bytes: undefined });
    } else if (wire === 1 || wire === 5) {
      at += FIXED[wire];
      fields.push({ number, bytes: undefined });
    } else return fields;
  }
  return fields;
}
