/**
 * The plan of one patient's life, from which the records are made: who, where, since when, with which diseases, and
 * which visits.
 *
 * Invariant: a pure function of (seed, index, now, years): nothing of the population's size is in it.
 */
import type { JsonObject } from '../fhir/format/json.js';
import { reference, STREAM } from './identity.js';
import { DEFAULT_NOW, DEFAULT_YEARS, type PopulationOptions } from './options.js';
import { ageAt, makePerson, type Person } from './person.js';
import { Random } from './random.js';
import { SHOWCASES, type Showcase } from './showcase.js';
import { SITE_SIZE, type Site, siteOf } from './site.js';
import { DISEASE_NAMES, DISEASES, type Disease, type DiseaseName } from './tables/diseases.js';
import { DAY, YEAR } from './time.js';
import { planVisits, type Visit } from './visits.js';

/** A disease as this patient has it. */
export interface Course {
  readonly name: DiseaseName;
  readonly disease: Disease;
  readonly id: string;
  readonly onset: number;
  /** When the first drug was prescribed; absent where none is. */
  readonly treatedSince?: number;
}

export interface Chart {
  readonly seed: number;
  readonly index: number;
  readonly now: number;
  readonly random: Random;
  /** The next id of a record of this patient. */
  readonly newId: () => string;
  readonly showcase: Showcase;
  readonly site: Site;
  readonly person: Person;
  readonly subject: JsonObject;
  /** First and last moment of the records. */
  readonly since: number;
  readonly until: number;
  readonly courses: readonly Course[];
  /** Oldest first; never empty. */
  readonly visits: readonly Visit[];
  /** How this person differs from the mean, by the name of a measure, in spreads; drawn at first use. */
  readonly traits: Map<string, number>;
}

export function makeChart(options: PopulationOptions, index: number): Chart {
  const { seed, now = DEFAULT_NOW, years = DEFAULT_YEARS } = options;
  const random = new Random(seed, index, STREAM.life);
  const ids = new Random(seed, index, STREAM.ids);
  const newId = (): string => ids.uuid();
  const showcase = SHOWCASES[index % 20] ?? {};
  const site = siteOf(seed, Math.floor(index / SITE_SIZE));
  const person = makePerson(random, { index, id: newId(), now, site, showcase });
  const until = person.death ?? now;
  const drawn = random.between(years.lo, years.hi);
  const since = Math.max(person.birth + DAY, until - (showcase.thorough === true ? years.hi : drawn) * YEAR);
  const subject = Object.freeze(reference('Patient', person.id, person.display));
  const courses = fallIll(random, person, { since, until, newId, showcase });
  const visits = planVisits(random, { person, site, since, until, courses, newId, showcase });
  return {
    seed,
    index,
    now,
    random,
    newId,
    showcase,
    site,
    person,
    subject,
    since,
    until,
    courses,
    visits,
    traits: new Map(),
  };
}

/** True where a value shall be missing: for the first of a kind in the chart that shows gaps, else rarely. */
export function isGap(chart: Chart, place: number): boolean {
  return (chart.showcase.gaps === true && place === 0) || chart.random.chance(0.01);
}

interface Circumstances {
  readonly since: number;
  readonly until: number;
  readonly newId: () => string;
  readonly showcase: Showcase;
}

function fallIll(random: Random, person: Person, { since, until, newId, showcase }: Circumstances): Course[] {
  const age = ageAt(person, until);
  const courses: Course[] = [];
  for (const name of DISEASE_NAMES) {
    const disease: Disease = DISEASES[name];
    const shown = showcase.diseases?.includes(name) === true;
    const has = random.chance(likelihood(disease, age)) || shown;
    if (!has || age <= disease.from) continue;
    const earliest = person.birth + disease.from * YEAR;
    // Half of the diseases begin within the records, so that results before and after can be seen.
    const lately = random.chance(0.5) && !shown;
    const from = Math.max(earliest, lately ? since : until - 20 * YEAR);
    const onset = random.between(from, shown ? Math.max(from, since) : until - 30 * DAY);
    courses.push({
      name,
      disease,
      id: newId(),
      onset,
      ...(disease.drugs.length > 0 ? { treatedSince: onset + random.between(1, 60) * DAY } : {}),
    });
  }
  return courses;
}

/** Between the two shares of the table, by age. */
function likelihood(disease: Disease, age: number): number {
  if (age < disease.from) return 0;
  const [young, old] = disease.share;
  const way = Math.min(1, (age - disease.from) / (80 - disease.from));
  return young + (old - young) * way;
}
