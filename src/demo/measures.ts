/**
 * The value of a measure in one person at one time: the healthy mean, how this person differs, what diseases and
 * their treatment do over the years, and the noise of the day.
 *
 * Invariant: results of one person hang together: they scatter around a line of their own, not around the mean.
 */
import type { Chart } from './chart.js';
import type { Effect } from './tables/diseases.js';
import type { Measure } from './tables/measure.js';
import { YEAR } from './time.js';

/** Part of the spread between people by which a person's own values move from day to day. */
const DAILY = 0.35;
const DAILY_WHERE_STEADY = 0.06;

export function valueAt(chart: Chart, name: string, measure: Measure, at: number): number {
  const own = measure.mean + measure.spread * trait(chart, name) + diseaseShift(chart, name, at);
  const daily = measure.steady === true ? DAILY_WHERE_STEADY : DAILY;
  const value = own + measure.spread * daily * chart.random.bell();
  return Math.min(measure.ceiling, Math.max(measure.floor, value));
}

function trait(chart: Chart, name: string): number {
  const known = chart.traits.get(name);
  if (known !== undefined) return known;
  const drawn = chart.random.bell();
  chart.traits.set(name, drawn);
  return drawn;
}

function diseaseShift(chart: Chart, name: string, at: number): number {
  let shift = 0;
  for (const { disease, onset, treatedSince } of chart.courses) {
    const effect: Effect | undefined = disease.effects[name];
    if (effect === undefined) continue;
    const years = (at - onset) / YEAR;
    // A disease shows before it is found: half of the shift is there a year earlier.
    if (years < -1) continue;
    shift += effect.shift * Math.min(1, 1 + years / 2);
    shift += (effect.perYear ?? 0) * Math.max(0, years);
    if (treatedSince !== undefined && at > treatedSince) {
      shift += (effect.treated ?? 0) * Math.min(1, (at - treatedSince) / YEAR);
    }
  }
  return shift;
}
