import { usageError } from '../errors.ts';

/** @returns a function that finds the key of a line: what the first group of the expression matches, or undefined. */
export function keyOfLine(expression: string): (line: Uint8Array) => string | undefined {
  const regex = compile(expression);
  const decoder = new TextDecoder();
  return (line) => {
    const key = regex.exec(decoder.decode(line))?.[1];
    return key === '' ? undefined : key;
  };
}

function compile(expression: string): RegExp {
  let regex: RegExp;
  let groups: number;
  try {
    regex = new RegExp(expression, 'u');
    groups = (new RegExp(`${expression}|`, 'u').exec('')?.length ?? 1) - 1;
  } catch (error) {
    throw usageError(`--key-regex: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (groups === 0) {
    throw usageError(
      `--key-regex "${expression}" has no group`,
      'put the part that is the key in parentheses: --key-regex "^([^,]+),"',
    );
  }
  return regex;
}
