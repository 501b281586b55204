/**
 * Kinds of patients that every population of twenty or more has, so that a small one shows every record and every
 * gap too; the rest is chance.
 *
 * Invariant: a showcase hangs on the patient's index alone.
 */
import type { DiseaseName } from './tables/diseases.js';

export interface Showcase {
  /** Age in years on the day of `now`. */
  readonly ages?: readonly [low: number, high: number];
  readonly female?: boolean;
  readonly diseases?: readonly DiseaseName[];
  readonly pregnant?: boolean;
  readonly implant?: boolean;
  readonly deceased?: boolean;
  /** The name is not known: an extension says so. */
  readonly nameless?: boolean;
  /** Values that must be there and are not known, values that may be there and are left out. */
  readonly gaps?: boolean;
  /** Two names and two addresses, an old one each. */
  readonly moved?: boolean;
  readonly tribe?: boolean;
  /** A long record, in which everything that others are asked now and then is asked; a hospital stay. */
  readonly thorough?: boolean;
}

/** By the remainder of the index by twenty. */
export const SHOWCASES: Readonly<Record<number, Showcase>> = {
  0: {
    ages: [52, 64],
    female: true,
    diseases: ['diabetes', 'hypertension', 'hyperlipidemia'],
    thorough: true,
  },
  1: { ages: [28, 38], female: true, pregnant: true, moved: true },
  2: { ages: [1, 2] },
  3: { ages: [5, 12], female: false, diseases: ['asthma'] },
  4: { ages: [70, 84], female: false, diseases: ['atrialFibrillation', 'kidneyDisease'], implant: true },
  5: { ages: [20, 45], diseases: ['depression'], tribe: true },
  6: { gaps: true, ages: [35, 60], diseases: ['hypothyroidism'] },
  7: { nameless: true, ages: [30, 50] },
  8: { deceased: true, ages: [72, 90] },
};
