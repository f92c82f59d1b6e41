// npm run sim -- --replication: seeds of the model of one broker group (packages/simulator/src/replication), which is so small
// that one process runs hundreds in a second.
const PROGRESS_EVERY = 1_000;

/**
 * @param simulator the module of the simulator's sources.
 * @returns how many seeds passed and failed.
 */
export function runReplicationSeeds({ replicationPlan, runReplication }, { firstSeed, seeds, untilMs, say }) {
  const totals = { passed: 0, failed: 0, acked: 0, promotions: 0, halted: 0 };
  for (let seed = firstSeed; seed < firstSeed + seeds && Date.now() < untilMs; seed++) {
    const plan = replicationPlan(seed);
    const { violations, acked, promotions, halted } = runReplication(plan);
    // By rule nobody leads a group of which all who may have lost with the power what they had not synced.
    if (halted && plan.sync)
      violations.push({ checker: 'replication-converges', message: 'nobody may lead, though all was synced' });
    totals.acked += acked;
    totals.promotions += promotions;
    if (halted) totals.halted++;
    if (violations.length === 0) totals.passed++;
    else {
      totals.failed++;
      say(`seed ${seed}: ${violations.map(({ checker, message }) => `${checker}: ${message}`).join('; ')}`);
      say(`  again: npm run sim -- --replication --seed ${seed}`);
    }
    if ((totals.passed + totals.failed) % PROGRESS_EVERY === 0)
      process.stderr.write(`${totals.passed + totals.failed} of ${seeds} seeds\n`);
  }
  const { passed, failed, acked, promotions, halted } = totals;
  say(
    `${passed + failed} groups: ${acked} messages acknowledged, ${promotions} promotions, ${halted} halted by rule, all others came together`,
  );
  return { passed, failed };
}
