/**
 * When a patient comes, why, and to whom: check-ups by age, follow-ups by disease, and what happens by chance.
 *
 * Invariant: visits are sorted by time and lie within the records.
 */
import type { JsonObject } from '../fhir/format/json.js';
import type { Course } from './chart.js';
import { reference } from './identity.js';
import { ageAt, type Person } from './person.js';
import type { Random } from './random.js';
import type { Showcase } from './showcase.js';
import type { Site, StaffMember } from './site.js';
import { COMPLAINTS, type Complaint, type DiseaseName } from './tables/diseases.js';
import { POST } from './tables/staff.js';
import { VISIT_KINDS, type VisitKind } from './tables/visit-kinds.js';
import { DAY, dateTimeText, HOUR, MINUTE, startOfDay, YEAR } from './time.js';

export interface Visit {
  readonly id: string;
  readonly kind: VisitKind;
  /** Begin and end, milliseconds. */
  readonly at: number;
  readonly end: number;
  /** `at` as the site writes it. */
  readonly text: string;
  readonly encounter: JsonObject;
  readonly practitioner: StaffMember;
  /** A short illness it is about, with the id of the diagnosis. */
  readonly complaint?: { readonly about: Complaint; readonly id: string };
  /** A disease it follows up. */
  readonly course?: Course;
}

interface Life {
  readonly person: Person;
  readonly site: Site;
  readonly since: number;
  readonly until: number;
  readonly courses: readonly Course[];
  readonly newId: () => string;
  readonly showcase: Showcase;
}

interface Plan {
  readonly kind: VisitKind;
  readonly at: number;
  readonly complaint?: Complaint;
  readonly course?: Course;
}

const SPECIALISTS: Partial<Record<DiseaseName, number>> = {
  diabetes: POST.endocrinology,
  hypothyroidism: POST.endocrinology,
  atrialFibrillation: POST.cardiology,
  hypertension: POST.internal,
  depression: POST.psychiatry,
};

export function planVisits(random: Random, life: Life): Visit[] {
  const plans = [...checkUps(random, life), ...followUps(random, life), ...accidents(random, life)];
  plans.sort((left, right) => left.at - right.at);
  return plans.map((plan) => arrange(random, life, plan));
}

function checkUps(random: Random, { person, since, until }: Life): Plan[] {
  const plans: Plan[] = [];
  // Back from the last one, so that everybody has one, and lately.
  let at = Math.max(since, until - random.between(5, 300) * DAY);
  while (at >= since) {
    plans.push({ kind: VISIT_KINDS.checkUp, at });
    at -= random.between(0.8, 1.3) * checkUpInterval(ageAt(person, at)) * YEAR;
  }
  return plans;
}

function checkUpInterval(age: number): number {
  if (age < 2) return 0.3;
  if (age < 6) return 0.9;
  return age < 20 || age > 60 ? 1.2 : 1.6;
}

function followUps(random: Random, { since, until, courses }: Life): Plan[] {
  // Who has several diseases does not come for each of them.
  const together = 1 / (1 + 0.3 * Math.max(0, courses.length - 1));
  return courses.flatMap((course) => {
    const from = Math.max(since, course.onset);
    const times = count(random, (course.disease.visits * together * (until - from)) / YEAR);
    return Array.from({ length: times }, () => ({
      kind: random.chance(0.15) ? VISIT_KINDS.telehealth : VISIT_KINDS.followUp,
      at: random.between(from, until - 2 * DAY),
      course,
    }));
  });
}

function accidents(random: Random, { person, since, until, showcase }: Life): Plan[] {
  const years = (until - since) / YEAR;
  const age = ageAt(person, until);
  const plans: Plan[] = [];
  const frail = age > 65 ? 0.14 : 0.04;
  for (let left = count(random, years * (age < 12 ? 0.8 : 0.35)); left > 0; left--) {
    plans.push({
      kind: VISIT_KINDS.illness,
      at: random.between(since, until - 2 * DAY),
      complaint: ailment(random, age),
    });
  }
  for (let left = count(random, years * 0.1); left > 0; left--) {
    plans.push({
      kind: VISIT_KINDS.emergency,
      at: random.between(since, until - 2 * DAY),
      complaint: ailment(random, age),
    });
  }
  const stays = count(random, years * frail);
  for (let left = showcase.thorough === true ? Math.max(1, stays) : stays; left > 0; left--) {
    plans.push({ kind: VISIT_KINDS.inpatient, at: random.between(since, Math.max(since, until - 12 * DAY)) });
  }
  return plans;
}

function ailment(random: Random, age: number): Complaint {
  return random.weighted(
    COMPLAINTS.filter(({ ages }) => ages === undefined || (age >= ages[0] && age <= ages[1])),
  );
}

/** A whole number whose mean is `expected`. */
function count(random: Random, expected: number): number {
  return Math.floor(expected) + (random.chance(expected % 1) ? 1 : 0);
}

function arrange(random: Random, life: Life, { kind, at, complaint, course }: Plan): Visit {
  const { site, newId } = life;
  const [opens, closes] = kind.hours;
  const day = startOfDay(at);
  const begin = day + random.integer(opens, closes - 1) * HOUR + random.integer(0, 3) * 15 * MINUTE;
  const start = begin - site.town.zone * MINUTE;
  const id = newId();
  return {
    id,
    kind,
    at: start,
    end: start + random.integer(kind.minutes[0], kind.minutes[1]) * MINUTE,
    text: dateTimeText(start, site.town.zone),
    encounter: Object.freeze(reference('Encounter', id)),
    practitioner: site.staff[postFor(random, life, kind, at, course)] as StaffMember, // the posts are places of staff
    ...(complaint === undefined ? {} : { complaint: { about: complaint, id: newId() } }),
    ...(course === undefined ? {} : { course }),
  };
}

function postFor(random: Random, { person }: Life, kind: VisitKind, at: number, course?: Course): number {
  if (kind.post !== undefined) return kind.post;
  if (ageAt(person, at) < 16) return POST.pediatrics;
  const specialist = course === undefined ? undefined : SPECIALISTS[course.name];
  return specialist ?? (random.chance(0.3) ? POST.nurse : POST.family);
}
