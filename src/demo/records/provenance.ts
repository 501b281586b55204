/**
 * Where a patient's records come from: one Provenance over the patient and the first record of each kind.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-provenance.html
 */
import type { ResourceObject } from '../../fhir/format/json.js';
import type { Chart } from '../chart.js';
import { concept, profile, SYSTEM } from '../concepts.js';
import { reference } from '../identity.js';
import { instantText, MINUTE } from '../time.js';

const META = profile('provenance');
const AUTHOR = concept(SYSTEM.provenanceParticipant, 'author', 'Author');
const TRANSMITTER = concept(SYSTEM.provenanceParticipant, 'transmitter', 'Transmitter');

export function provenance(chart: Chart, records: readonly ResourceObject[]): ResourceObject {
  const { site, visits, until } = chart;
  const latest = visits.at(-1);
  return {
    resourceType: 'Provenance',
    id: chart.newId(),
    meta: META,
    target: firstOfEach(records).map(({ resourceType, id }) => reference(resourceType, String(id))),
    recorded: instantText((latest?.end ?? until) + 30 * MINUTE),
    agent: [
      {
        type: AUTHOR,
        who: (latest?.practitioner ?? site.staff[0])?.reference ?? {},
        onBehalfOf: site.organization,
      },
      { type: TRANSMITTER, who: site.organization, onBehalfOf: site.organization },
    ],
  };
}

/** Profiles tell vital signs from laboratory results and notes from panels; codes would make the list too long. */
function firstOfEach(records: readonly ResourceObject[]): ResourceObject[] {
  const seen = new Set<unknown>();
  return records.filter((record) => {
    // `meta` is one frozen object per profile; types without a profile count once.
    const kind = record.meta ?? record.resourceType;
    if (seen.has(kind)) return false;
    seen.add(kind);
    return true;
  });
}
