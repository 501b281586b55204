/** One patient as a person: sex, age, name, heritage, where they live. */
import type { Random } from './random.js';
import type { Showcase } from './showcase.js';
import type { Site } from './site.js';
import {
  ETHNICITIES,
  FAMILY_NAMES,
  FEMALE_NAMES,
  type Heritage,
  LANGUAGES,
  MALE_NAMES,
  RACES,
  STREETS,
} from './tables/people.js';
import { DAY, HOUR, startOfDay, YEAR } from './time.js';

export interface Person {
  readonly index: number;
  readonly id: string;
  readonly female: boolean;
  /** Midnight of the birthday. */
  readonly birth: number;
  readonly death?: number;
  readonly given: string;
  readonly middle: string;
  readonly family: string;
  readonly display: string;
  readonly race: Heritage;
  readonly ethnicity: Heritage;
  readonly language: (typeof LANGUAGES)[number];
  readonly street: string;
  /** Height when grown up, cm. */
  readonly grownHeight: number;
}

export function ageAt(person: Person, time: number): number {
  return (time - person.birth) / YEAR;
}

interface Birth {
  readonly index: number;
  readonly id: string;
  readonly now: number;
  readonly site: Site;
  readonly showcase: Showcase;
}

/** Shares of the age bands of a population. */
const AGES = [
  { weight: 12, low: 0.1, high: 10 },
  { weight: 12, low: 10, high: 20 },
  { weight: 27, low: 20, high: 40 },
  { weight: 26, low: 40, high: 60 },
  { weight: 18, low: 60, high: 78 },
  { weight: 5, low: 78, high: 97 },
] as const;

export function makePerson(random: Random, { index, id, now, showcase }: Birth): Person {
  const band = random.weighted(AGES);
  const [low, high] = showcase.ages ?? [band.low, band.high];
  const birth = startOfDay(now - random.between(low, high) * YEAR);
  const drawn = random.chance(0.51);
  const female = showcase.female ?? drawn;
  const given = random.pick(female ? FEMALE_NAMES : MALE_NAMES);
  const middle = random.pick(female ? FEMALE_NAMES : MALE_NAMES);
  const family = random.pick(FAMILY_NAMES);
  const dies = random.chance(0.05) && now - birth > 65 * YEAR;
  const death = startOfDay(now - random.between(20, 500) * DAY) + random.integer(0, 23) * HOUR;
  return {
    index,
    id,
    female,
    birth,
    ...(dies || showcase.deceased === true ? { death } : {}),
    given,
    middle,
    family,
    display: showcase.nameless === true ? 'Unknown' : `${given} ${family}`,
    race: random.weighted(RACES),
    ethnicity: random.weighted(ETHNICITIES),
    language: random.weighted(LANGUAGES),
    street: `${random.integer(1, 480)} ${random.pick(STREETS)}`,
    grownHeight: (female ? 163 : 176) + random.bell() * 6.5,
  };
}
