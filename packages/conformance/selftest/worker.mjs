// Runs the programs of one clause's families against engines that have a bug, until the clause fails. Jobs come as messages.
const { FAMILIES, BUDGETS, drawPrograms, inProcessSite, streamSite, survey, WebSocketGround } = await import(process.argv[2]);

/** Programs on real time wait mostly: so many at a time. */
const AT_A_TIME = 8;

/** Families of servers and of clients may have a clause each for one id. */
const casesOf = ({ clause: id, role }) =>
  FAMILIES.flatMap((family) =>
    family.clauses
      .filter((clause) => clause.id === id)
      .flatMap(({ roles }) => roles.filter((one) => role === undefined || role === one).map((one) => ({ family, role: one }))),
  );

/** A bridge in this process has no cluster that a driver could tell, and is not started again. */
const runsHere = (role, needs) => role !== 'bridge' || needs.length === 0;

/** Engines that come with a binding run over it. */
function siteOf(role, engines) {
  const { bridge, webSocketTransport } = engines;
  if (bridge !== undefined) return streamSite(bridge);
  if (webSocketTransport === undefined) return inProcessSite({ role, engines });
  return inProcessSite({ role, engines, ground: () => new WebSocketGround(undefined, webSocketTransport()) });
}

/** The first program, then the others so many at a time. */
function groupsOf([first, ...others], size) {
  const groups = first === undefined ? [] : [[first]];
  for (let at = 0; at < others.length; at += size) groups.push(others.slice(at, at + size));
  return groups;
}

/** Runs programs until the clause fails. @returns what killed the mutant, or undefined; what else was seen goes to `seen`. */
async function killerAmong(programs, { clause }, { family, role }, engines, seen) {
  const site = siteOf(role, engines);
  for (const group of groupsOf(programs, site.timing === 'real' ? AT_A_TIME : 1)) {
    const surveys = await Promise.all(group.map((program) => survey(site, [program], [family])));
    for (const [i, { findings, harness }] of surveys.entries()) {
      const [failure] = findings.get(clause)?.failures ?? [];
      if (failure !== undefined) return { program: group[i].name ?? 'drawn', message: failure.failure.sentence };
      for (const [id, { failures }] of findings) if (failures.length > 0) seen.others.add(id);
      seen.error ??= harness[0]?.why;
    }
  }
  return undefined;
}

/** What killed the mutant last time goes first. */
const inOrder = (programs, first) => [...programs].sort((a, b) => Number(b.name === first) - Number(a.name === first));

async function tryMutant(job) {
  const engines = await import(job.engines);
  const cases = casesOf(job).sort((a, b) => Number(b.role === job.firstRole) - Number(a.role === job.firstRole));
  if (cases.length === 0) throw new Error(`no family has the clause ${job.clause}`);
  const seen = { others: new Set(), error: undefined };
  for (const one of cases) {
    const programs = one.family.programs.filter(({ role, needs = [] }) => role === one.role && runsHere(one.role, needs));
    const killer = await killerAmong(inOrder(programs, job.first), job, one, engines, seen);
    // No seed has a part in the programs that were written by hand.
    if (killer !== undefined) return { ...killer, role: one.role, kills: job.seeds };
  }
  const kills = [];
  let last;
  for (const seed of job.seeds) {
    for (const one of cases) {
      const programs = drawPrograms(one.family, one.role, BUDGETS[job.budget].generatedPerFamily, seed);
      const killer = await killerAmong(programs, job, one, engines, seen);
      if (killer === undefined) continue;
      kills.push(seed);
      last = { ...killer, role: one.role };
      break;
    }
  }
  return { ...last, kills, others: [...seen.others], error: seen.error };
}

process.on('message', async (job) => {
  try {
    process.send(await tryMutant(job));
  } catch (error) {
    process.send({ kills: [], others: [], error: error.stack ?? String(error) });
  }
});
process.on('disconnect', () => process.exit());
process.send('ready');
