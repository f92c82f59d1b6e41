import { readHistoryLine } from '../history/history.ts';
import { countOf, type FailureReport, type Result, type Verdict } from '../run/result.ts';
import { shortened } from './decode-tree.ts';
import { offendingBytes, suretyText, whereOf } from './failure-text.ts';
import { escapeXml } from './junit.ts';
import { replayCommand } from './replay-command.ts';
import { type Arrow, arrowsAround } from './sequence.ts';
import { settledSentence, sumLine } from './terminal.ts';

const ROW = 26;
const KIT_X = 150;
const SUBJECT_X = 560;
const SENTENCE_CHARACTERS = 300;
const LABEL_CHARACTERS = 110;

/** A result as one file: the matrix of clauses, each failure with its program, diagram and frame. */
export function htmlReport(result: Result): string {
  const failures = result.clauses.filter((one): one is Verdict & { failure: FailureReport } => one.failure !== undefined);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Qanat ${result.spec}: ${escapeXml(result.subject.name)} as ${result.role}</title>
<style>${STYLE}</style>
<main>
<h1>${escapeXml(result.subject.name)} ${escapeXml(result.subject.version)} as ${result.role}: <span class="${result.settled}">${result.settled}</span></h1>
<p>${escapeXml(settledSentence(result))}</p>
<p>${escapeXml(sumLine(result))}</p>
<p>Again: <code>${escapeXml(result.command)}</code><br>${escapeXml(result.kit)}, ${escapeXml(result.startedAt)}</p>
${result.harness.map(({ program, why }) => `<p class="harness">The kit or the driver failed in ${escapeXml(program)}: ${escapeXml(why)}</p>`).join('\n')}
<h2>Clauses</h2>
${matrix(result)}
${failures.length === 0 ? '' : '<h2>Failures</h2>'}
${failures.map((one) => failureSection(one, result)).join('\n')}
<h2>All verdicts</h2>
<table><tr><th>Clause<th>Level<th>Verdict<th>Evidence<th>Rule</tr>
${result.clauses.map(verdictRow).join('\n')}
</table>
</main>
</html>
`;
}

/** A cell for each clause, an area a line. */
function matrix(result: Result): string {
  const areas = new Map<string, Verdict[]>();
  for (const verdict of result.clauses) {
    const area = verdict.id.slice(4, 7);
    areas.set(area, [...(areas.get(area) ?? []), verdict]);
  }
  const rows = [...areas].map(([area, verdicts]) => `<tr><th>${area}<td>${verdicts.map(cell).join('')}</tr>`);
  const names = ['pass', 'fail', 'warning', 'stale', 'expected', 'inconclusive', 'not-run', 'excluded'] as const;
  const legend = names.map((name) => `<span class="cell ${name}"></span> ${name} ${countOf(result, name)}`).join(' &nbsp; ');
  return `<table class="matrix">${rows.join('')}</table><p>${legend}</p>`;
}

/** A failing clause leads to its failure, others to their rule. */
const cell = ({ id, verdict, evidence, failure }: Verdict): string =>
  `<a class="cell ${verdict}" href="#${failure === undefined ? id : `failure-${id}`}" title="${id}: ${verdict}, held ${evidence} times">${id.slice(8)}</a>`;

const verdictRow = ({ id, level, verdict, evidence, text, reason }: Verdict): string =>
  `<tr id="${id}"><td>${id}<td>${level}<td class="${verdict}">${verdict}<td>${evidence}<td>${escapeXml(text)}${reason === undefined ? '' : `<br><i>${escapeXml(reason)}</i>`}</tr>`;

function failureSection({ id, text, verdict, failure }: Verdict & { failure: FailureReport }, { command }: Result): string {
  const events = failure.history.map(readHistoryLine);
  const bytes = offendingBytes(whereOf(failure), events);
  const repro = JSON.stringify({ clause: id, sentence: failure.sentence, program: failure.program }, undefined, 1);
  return `<section id="failure-${id}">
<h3>${id} <span class="${verdict}">${verdict}</span>: ${escapeXml(shortened(failure.sentence, SENTENCE_CHARACTERS))}</h3>
<blockquote>${escapeXml(text)}</blockquote>
${diagram(arrowsAround(events, failure.index))}
${bytes.length === 0 ? '' : `<pre>${escapeXml(bytes.join('\n'))}</pre>`}
<p>The program ${escapeXml(failure.program.name ?? 'was drawn at random')}, of the family ${escapeXml(failure.program.family)}:
${suretyText(failure)}. Run it again: save it as <code>repro.json</code>, then
<code>${escapeXml(replayCommand(command, 'repro.json'))}</code></p>
<details><summary>the program</summary><pre>${escapeXml(repro)}</pre></details>
</section>`;
}

/** A sequence diagram between kit and subject. */
function diagram(arrows: readonly Arrow[]): string {
  const height = (arrows.length + 2) * ROW;
  const line = (x: number): string => `<line x1="${x}" y1="24" x2="${x}" y2="${height - 8}" class="life"/>`;
  const body = arrows.map((arrow, i) => arrowSvg(arrow, 24 + (i + 1) * ROW));
  return `<svg viewBox="0 0 1000 ${height}" role="img" aria-label="what led to the failure">
<text x="${KIT_X}" y="16" class="head">kit</text><text x="${SUBJECT_X}" y="16" class="head">subject</text>
${line(KIT_X)}${line(SUBJECT_X)}
${body.join('\n')}
</svg>`;
}

function arrowSvg({ atMs, way, connection, text, offending }: Arrow, y: number): string {
  const colour = offending ? ' offending' : '';
  const time = `<text x="8" y="${y}" class="time">${atMs.toFixed(1)} ms ${connection === undefined ? '' : `c${connection}`}</text>`;
  const label = `<text x="${KIT_X + 10}" y="${y - 4}" class="label${colour}">${escapeXml(shortened(text, LABEL_CHARACTERS))}</text>`;
  if (way === 'note') return `${time}${label}`;
  const [from, to] = way === '>' ? [KIT_X, SUBJECT_X] : [SUBJECT_X, KIT_X];
  const head = way === '>' ? -7 : 7;
  return `${time}${label}<path class="arrow${colour}" d="M${from} ${y}H${to}M${to + head} ${y - 4}L${to} ${y}L${to + head} ${y + 4}"/>`;
}

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1b1f24;background:#fff}
main{max-width:1100px;margin:0 auto;padding:1.5rem}
h1{font-size:1.5rem}
h2{margin-top:2rem}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:#f6f8fa;padding:.8rem;overflow:auto}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #e3e6ea;vertical-align:top}
.matrix td{border:0;padding:.1rem}
.matrix th{border:0;width:3rem}
.cell{display:inline-block;min-width:2rem;height:1.3rem;margin:1px;border-radius:3px;text-align:center;font-size:11px;
  line-height:1.3rem;color:#fff;text-decoration:none;vertical-align:middle}
.cell.pass{background:#1a7f37}
.cell.fail,.cell.stale{background:#cf222e}
.cell.warning{background:#bc4c00}
.cell.expected{background:#8250df}
.cell.inconclusive{background:#9a6700}
.cell.not-run{background:#6e7781}
.cell.excluded{background:#afb8c1}
td.pass,.conformant{color:#1a7f37}
td.fail,td.stale,.nonconformant{color:#cf222e}
td.warning{color:#bc4c00}
td.inconclusive,.inconclusive{color:#9a6700}
svg{width:100%;max-height:34rem;border:1px solid #e3e6ea}
.life{stroke:#afb8c1}
.arrow{stroke:#0969da;fill:none;stroke-width:1.4}
.arrow.offending{stroke:#cf222e;stroke-width:2.4}
.label{font:12px ui-monospace,monospace;fill:#1b1f24}
.label.offending{fill:#cf222e;font-weight:bold}
.time{font:11px ui-monospace,monospace;fill:#6e7781}
.head{font-weight:bold;text-anchor:middle}
blockquote{border-left:3px solid #afb8c1;margin:.5rem 0;padding:0 1rem;color:#57606a}
.harness{color:#cf222e}
@media(prefers-color-scheme:dark){
body{background:#0d1117;color:#e6edf3}
pre{background:#161b22}
.label{fill:#e6edf3}
td,th,svg{border-color:#30363d}
}
`;
