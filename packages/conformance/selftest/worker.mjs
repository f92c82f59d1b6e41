// Runs the programs of one clause's family against engines that may have a bug, and tells its parent which clauses fail.
const [kitUrl, enginesUrl, job] = process.argv.slice(2);
const { FAMILIES, inProcessSite, survey } = await import(kitUrl);
const { clause: id, role } = JSON.parse(job);
const engines = await import(enginesUrl);
// Families of servers and of clients may have a clause each for one id.
const isMeant = (clause) => clause.id === id && (role === undefined || clause.roles.includes(role));
const family = FAMILIES.find(({ clauses }) => clauses.some(isMeant));
if (family === undefined) process.send({ error: `no family has the clause ${id}` });
else {
  const clause = family.clauses.find(isMeant);
  const failed = [];
  let error;
  for (const one of clause.roles) {
    if (role !== undefined && role !== one) continue;
    const programs = family.programs.filter((program) => program.role === one);
    const { findings, harness } = await survey(inProcessSite({ role: one, engines }), programs, [family]);
    for (const [of, { failures }] of findings)
      if (failures.length > 0)
        failed.push({ id: of, role: one, program: failures[0].run.program.name, sentence: failures[0].failure.sentence });
    error ??= harness[0]?.why;
  }
  process.send({ failed, ...(failed.length > 0 ? {} : { error }) });
}
process.disconnect();
