// Runs the programs of one clause's family against engines that may have a bug, and tells its parent which clauses fail.
const [kitUrl, enginesUrl, job] = process.argv.slice(2);
const { FAMILIES, inProcessSite, survey } = await import(kitUrl);
const { clause: id, role } = JSON.parse(job);
const engines = await import(enginesUrl);
// Families of servers and of clients may have a clause each for one id.
const isMeant = (clause) => clause.id === id && (role === undefined || clause.roles.includes(role));
const families = FAMILIES.filter(({ clauses }) => clauses.some(isMeant));
const failed = [];
let error = families.length === 0 ? `no family has the clause ${id}` : undefined;
for (const family of families) {
  for (const one of family.clauses.find(isMeant).roles) {
    if (role !== undefined && role !== one) continue;
    const programs = family.programs.filter((program) => program.role === one);
    const { findings, harness } = await survey(inProcessSite({ role: one, engines }), programs, [family]);
    for (const [of, { failures }] of findings)
      if (failures.length > 0)
        failed.push({ id: of, role: one, program: failures[0].run.program.name, sentence: failures[0].failure.sentence });
    error ??= harness[0]?.why;
  }
  if (failed.some((one) => one.id === id)) break;
}
process.send({ failed, ...(failed.length > 0 ? {} : { error }) });
process.disconnect();
