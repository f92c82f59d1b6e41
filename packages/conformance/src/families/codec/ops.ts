import type { Op } from '../../play/family.ts';
import { countOf, numberOf, objectOf, textOf } from '../../play/program.ts';
import { damagedBatch, drawnBatch, drawnFrame } from './drawn-questions.ts';
import { ask, type Question } from './question.ts';
import { vectorQuestions } from './vector-questions.ts';

const asking =
  (questions: (step: Parameters<Op>[1]) => readonly Question[]): Op =>
  async (play, step) => {
    const hasFunctions = play.driver.manifest.abilities.includes('functions');
    for (const question of questions(step)) if (hasFunctions || isOfCodecs(question)) await ask(play, question);
  };

/** What every codec is asked; the others are functions. */
const isOfCodecs = ({ op }: Question): boolean => op === 'decode' || op === 'encode';

/**
 * `vector`: the case of a file of vectors, counted from 1. `frame`, `batch`: what stands in the step, as the vectors write it.
 * `damaged`: a stored `batch` with one `bit` turned over.
 */
export const CODEC_OPS: Readonly<Record<string, Op>> = {
  vector: asking((step) => vectorQuestions(textOf(step, 'file'), numberOf(step, 'case', 0))),
  frame: asking(({ op: _, ...parts }) => drawnFrame(parts)),
  batch: asking((step) => drawnBatch(objectOf(step, 'batch'))),
  damaged: asking((step) => damagedBatch(objectOf(step, 'batch'), countOf(step, 'bit', 0))),
};
