import fc from 'fast-check';
import type { Role } from '../driver/driver.ts';
import type { Family } from '../play/family.ts';
import type { Program } from '../play/program.ts';

/** Programs of a family for a role, drawn by a seed: the same seed gives the same ones with the same version of this kit. */
export function drawPrograms(family: Family, role: Role, count: number, seed: number): readonly Program[] {
  const generated = family.generated?.[role];
  if (generated === undefined) return [];
  return fc.sample(generated.steps, { numRuns: count, seed }).map((steps) => ({
    family: family.name,
    role,
    steps,
    ...(generated.setup === undefined ? {} : { setup: generated.setup }),
    ...(generated.alone === undefined ? {} : { alone: generated.alone }),
    ...(generated.needs === undefined ? {} : { needs: generated.needs }),
    ...(generated.binding === undefined ? {} : { binding: generated.binding }),
  }));
}
