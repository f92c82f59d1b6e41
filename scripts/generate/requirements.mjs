// The requirements of the specification as data for the conformance kit: id, roles, level, chapter and text.
import { readdirSync, readFileSync } from 'node:fs';

const REQUIREMENT = /^(?:[-*] )?\*\*\[(QNT-[A-Z]{3}-\d{3})\]\*\* \(([ANBPCM](?:,[ANBPCM])*)\) (.*)$/;
const LEVEL = /\b(MUST|SHOULD|MAY)\b/;

/** Markdown as one line of plain text. */
const plain = (text) =>
  text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .replace(/\s+/g, ' ')
    .trim();

/** The paragraphs and list items of a page, each as one line. */
function* blocks(text) {
  let block = '';
  for (const line of text.replace(/^```[\s\S]*?^```$/gm, '').split('\n')) {
    if (line.trim() === '' || /^([-*|#>]|\d+\.) ?/.test(line)) {
      if (block !== '') yield block;
      block = line;
    } else block += ` ${line.trim()}`;
  }
  if (block !== '') yield block;
}

function requirementsOf(path) {
  return [...blocks(readFileSync(path, 'utf8'))].flatMap((block) => {
    const match = REQUIREMENT.exec(block.trim());
    if (match === null) return [];
    const [, id, roles, text] = match;
    const level = LEVEL.exec(text)?.[1] ?? 'MUST';
    return [{ id, roles: roles.replaceAll(',', ''), level, page: path.replace('spec/', ''), text: plain(text) }];
  });
}

export function generateRequirements() {
  const pages = [
    'spec/invariants.md',
    ...readdirSync('spec/v1')
      .filter((name) => /^\d\d-.*\.md$/.test(name))
      .sort()
      .map((name) => `spec/v1/${name}`),
  ];
  const rows = pages.flatMap(requirementsOf);
  const lines = rows.map((row) => {
    const fields = Object.entries(row).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    return `  { ${fields.join(', ')} },`;
  });
  return `// Generated from spec by scripts/generate. Do not edit.

/** One requirement of the specification. */
export interface Requirement {
  readonly id: string;
  /** N NameServer, B broker, P producer, C consumer, M MQTT bridge, A any. */
  readonly roles: string;
  readonly level: 'MUST' | 'SHOULD' | 'MAY';
  /** The page below spec/. */
  readonly page: string;
  readonly text: string;
}

/** All requirements, in the order of the chapters. */
export const REQUIREMENTS: readonly Requirement[] = [
${lines.join('\n')}
];
`;
}
