import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';
import { addLogInspect } from './log-inspect.ts';
import { addLogRepair } from './log-repair.ts';
import { addLogVerify } from './log-verify.ts';

export function addLogCommands(program: Command, session: Session): void {
  const noun = program.command('log').description('look into the log of a broker, verify it, repair it');
  addLogInspect(noun, session);
  addLogVerify(noun, session);
  addLogRepair(noun, session);
  addExamples(noun, [
    ['qanat log inspect /var/lib/qanat', ''],
    ['qanat log verify /var/lib/qanat', ''],
  ]);
}
