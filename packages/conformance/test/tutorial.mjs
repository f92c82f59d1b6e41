// Does the tutorial of the kit's README work? Its files are written to a folder and its commands run there, against the
// NameServer of this repository, of which every clause that a driver can put to the test has to hold.
//   node packages/conformance/test/tutorial.mjs
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Files that the tutorial shows, and commands that it has its reader run. */
export function readTutorial(text) {
  const blocks = [...text.matchAll(/^```(\S*)(?: (file=(\S+)|run))\n([\s\S]*?)^```$/gm)];
  return {
    files: blocks.filter(([, , , name]) => name !== undefined).map(([, , , name, content]) => ({ name, content })),
    commands: blocks.filter(([, , what]) => what === 'run').map(([, , , , content]) => content.trim()),
  };
}

/** A NameServer as the tutorial wants it: a command that prints host:port. It is the server, so that killing it kills that. */
const NAMESERVER = `const log = process.stdout.write.bind(process.stdout);
process.stdout.write = (text) => (/"endpoint"/.test(text) ? log(JSON.parse(text).endpoint + '\\n') : true);
process.argv = [process.argv[0], 'qanat', 'nameserver', '--json', '--listen', '127.0.0.1:0'];
await import(${JSON.stringify(pathToFileURL(here('../../cli/bin/qanat.mjs')).href)});
`;

/** Runs a command of the tutorial. @returns its exit code and what it printed. */
function run(command, folder) {
  const bin = here('../../../node_modules/.bin');
  const env = { ...process.env, COMMAND: `${process.execPath} nameserver.mjs`, PATH: `${bin}${delimiter}${process.env.PATH}` };
  return new Promise((resolve) => {
    const child = spawn(command, { shell: true, cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    child.on('close', (code) => resolve({ code, out }));
  });
}

/** What is wrong with how a command ended. */
function complaintAbout(command, { code, out }, folder) {
  if (command.includes(' doctor ')) return code === 0 && /nothing wrong was found/.test(out) ? undefined : out;
  // A driver as short as this one lacks abilities, so that something stays inconclusive.
  if (code !== 0 && code !== 2) return out.slice(-4_000);
  return existsSync(join(folder, 'report.html')) && existsSync(join(folder, 'failures')) ? undefined : 'it wrote no report';
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'qanat-tutorial-'));
  let failed = 0;
  const { files, commands } = readTutorial(readFileSync(here('../README.md'), 'utf8'));
  try {
    for (const { name, content } of files) writeFileSync(join(folder, name), content);
    writeFileSync(join(folder, 'nameserver.mjs'), NAMESERVER);
    for (const command of commands) {
      const complaint = complaintAbout(command, await run(command, folder), folder);
      console.log(`${complaint === undefined ? 'ok   ' : 'WRONG'} ${command}${complaint === undefined ? '' : `\n${complaint}`}`);
      if (complaint !== undefined) failed++;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${commands.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && commands.length > 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
