/**
 * A site: one organisation with a clinic, a hospital and its practitioners, for a block of patients.
 *
 * Invariant: which site a patient belongs to depends on the patient's index alone, so records of one patient are the
 * same in a population of ten and of a million.
 */
import type { JsonObject } from '../fhir/format/json.js';
import { reference, STREAM, stableId } from './identity.js';
import { Random } from './random.js';
import { FAMILY_NAMES, FEMALE_NAMES, MALE_NAMES, TOWNS, type Town } from './tables/people.js';
import { POSTS, type Post } from './tables/staff.js';

/** Patients of one site. */
export const SITE_SIZE = 500;

export interface Site {
  readonly index: number;
  readonly name: string;
  readonly town: Town;
  readonly organization: JsonObject;
  readonly clinic: JsonObject;
  readonly hospital: JsonObject;
  /** In the order of POSTS. */
  readonly staff: readonly StaffMember[];
}

export interface StaffMember {
  /** Unique in the population. */
  readonly number: number;
  readonly id: string;
  readonly post: Post;
  readonly female: boolean;
  readonly given: string;
  readonly family: string;
  readonly reference: JsonObject;
}

export function siteOf(seed: number, index: number): Site {
  const random = new Random(seed, index, STREAM.siteChoice);
  const town = TOWNS[index % TOWNS.length] as Town; // the remainder is a place of the table
  const name = index < TOWNS.length ? town.name : `${town.name} ${Math.floor(index / TOWNS.length) + 1}`;
  return {
    index,
    name,
    town,
    organization: shared('Organization', stableId(seed, STREAM.organization, index), `${name} Health`),
    clinic: shared('Location', stableId(seed, STREAM.clinic, index), `${name} Clinic`),
    hospital: shared('Location', stableId(seed, STREAM.hospital, index), `${name} Hospital`),
    staff: POSTS.map((post, place) => staffMember(seed, index * POSTS.length + place, post, random)),
  };
}

function staffMember(seed: number, number: number, post: Post, random: Random): StaffMember {
  const female = random.chance(0.5);
  const given = random.pick(female ? FEMALE_NAMES : MALE_NAMES);
  const family = random.pick(FAMILY_NAMES);
  const id = stableId(seed, STREAM.practitioner, number);
  return {
    number,
    id,
    post,
    female,
    given,
    family,
    reference: shared('Practitioner', id, `${given} ${family}, ${post.suffix}`),
  };
}

function shared(type: string, id: string, display: string): JsonObject {
  return Object.freeze(reference(type, id, display));
}
