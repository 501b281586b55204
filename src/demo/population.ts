/**
 * A population of patients with all their records, made from a seed: realistic, US Core 6.1 shaped, of any size.
 * https://hl7.org/fhir/us/core/STU6.1/
 *
 * Invariants: the same options give the same resources, byte for byte; a patient's records depend on the seed, the
 * patient's index, `now` and `years` alone, so that a population can be made in parts; memory does not grow with the
 * number of patients. Parts that resources share are frozen: copy before changing.
 */
import type { ResourceObject } from '../fhir/format/json.js';
import { makeChart } from './chart.js';
import { reference, STREAM, stableId } from './identity.js';
import { DEFAULT_NOW, type PopulationOptions } from './options.js';
import { Random } from './random.js';
import { appointments } from './records/appointments.js';
import { care } from './records/care.js';
import { allergies, conditions } from './records/conditions.js';
import { encounters } from './records/encounters.js';
import { immunizations } from './records/immunizations.js';
import { laboratory } from './records/laboratory.js';
import { medications } from './records/medications.js';
import { notes } from './records/notes.js';
import { coverage, patient, relatedPerson } from './records/patient.js';
import { procedures } from './records/procedures.js';
import { provenance } from './records/provenance.js';
import { commonResources, siteResources } from './records/shared.js';
import { socialHistory } from './records/social-history.js';
import { vitalSigns } from './records/vital-signs.js';
import { SITE_SIZE, siteOf } from './site.js';

export type { PopulationOptions } from './options.js';

/** More than there are streams. */
const LAST_STREAM = 64;

/** Everything, in an order in which references point backwards: shared, patient by patient, groups. */
export function* population(options: PopulationOptions): Generator<ResourceObject, void, undefined> {
  yield* sharedResources(options);
  const start = options.start ?? 0;
  for (let index = start; index < start + options.patients; index++) yield* patientResources(options, index);
  yield* groupResources(options);
}

/** Organizations, places, staff and calendars that the patients of these options refer to. */
export function* sharedResources(options: PopulationOptions): Generator<ResourceObject, void, undefined> {
  yield* commonResources(options.seed);
  for (const index of siteIndexes(options)) {
    yield* siteResources(options.seed, siteOf(options.seed, index), options.now ?? DEFAULT_NOW);
  }
}

/** The records of one patient, the Patient first, the Provenance of them all last. */
export function patientResources(options: PopulationOptions, index: number): ResourceObject[] {
  const chart = makeChart(options, index);
  const related = relatedPerson(chart);
  const records = [
    patient(chart),
    ...related,
    coverage(chart),
    ...encounters(chart),
    ...conditions(chart),
    ...allergies(chart),
    ...socialHistory(chart),
    ...vitalSigns(chart),
    ...laboratory(chart),
    ...notes(chart),
    ...procedures(chart),
    ...medications(chart),
    ...immunizations(chart),
    ...care(chart, related),
    ...appointments(chart),
  ];
  records.push(provenance(chart, records));
  return records;
}

/** One Group for the patients of each site, within these options. */
export function* groupResources(options: PopulationOptions): Generator<ResourceObject, void, undefined> {
  const { seed, patients, start = 0 } = options;
  for (const index of siteIndexes(options)) {
    const first = Math.max(start, index * SITE_SIZE);
    const last = Math.min(start + patients, (index + 1) * SITE_SIZE) - 1;
    const site = siteOf(seed, index);
    // Its members are part of its identity: a part of a population has a group of its own.
    const id = new Random(seed, first, STREAM.group + LAST_STREAM * (last + 1)).uuid();
    yield {
      resourceType: 'Group',
      id,
      active: true,
      type: 'person',
      actual: true,
      name: `Patients of ${site.name} Health`,
      quantity: last - first + 1,
      managingEntity: site.organization,
      member: Array.from({ length: last - first + 1 }, (_, place) => ({
        entity: reference('Patient', patientId(seed, first + place)),
      })),
    };
  }
}

/** A patient's id is the first that the chart draws. */
export function patientId(seed: number, index: number): string {
  return stableId(seed, STREAM.ids, index);
}

function siteIndexes({ patients, start = 0 }: PopulationOptions): number[] {
  if (patients <= 0) return [];
  const first = Math.floor(start / SITE_SIZE);
  const last = Math.floor((start + patients - 1) / SITE_SIZE);
  return Array.from({ length: last - first + 1 }, (_, place) => first + place);
}
