// Loads the schema of spec/v1/proto with its options and comments.
import protobuf from 'protobufjs';

const PACKAGE = 'qanat.v1';

/** The options of one enum value or field under `name`, without the parentheses of the extension. */
export function option(options, name) {
  const found = {};
  for (const [key, value] of Object.entries(options ?? {})) {
    if (key === `(${name})`) return value;
    if (key.startsWith(`(${name}).`)) found[key.slice(name.length + 3)] = value;
  }
  return found;
}

export function loadSchema(protoDir) {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    target.startsWith('google/') ? `node_modules/protobufjs/${target}` : `${protoDir}/${target}`;
  root.loadSync(['messages.proto', 'log.proto'], { keepCase: true, alternateCommentMode: true });
  root.resolveAll();
  const space = root.lookup(PACKAGE);
  const enums = {};
  const messages = {};
  for (const node of space.nestedArray) {
    const file = node.filename.split('/').at(-1);
    if (file === 'options.proto') continue;
    if (node instanceof protobuf.Enum) enums[node.name] = node;
    else if (node instanceof protobuf.Type) messages[node.name] = { type: node, file };
  }
  return { enums, messages };
}

const entries = (schema, enumName, optionName) => {
  const node = schema.enums[enumName];
  return Object.entries(node.values).map(([name, number]) => ({
    name,
    number,
    comment: node.comments[name] ?? '',
    ...(optionName ? option(node.valuesOptions?.[name], optionName) : {}),
  }));
};

export const frames = (schema) => entries(schema, 'FrameType', 'frame').filter((f) => f.number !== 0);
export const errors = (schema) => entries(schema, 'ErrorCode', 'error');
export const limits = (schema) => entries(schema, 'Limit', 'limit').filter((l) => l.number !== 0);
export const features = (schema) => entries(schema, 'Feature').filter((f) => f.number !== 0);
export const plainEnums = (schema) =>
  Object.keys(schema.enums)
    .filter((name) => !['FrameType', 'ErrorCode', 'Limit', 'Feature'].includes(name))
    .map((name) => ({ name, comment: schema.enums[name].comment ?? '', values: entries(schema, name) }));
