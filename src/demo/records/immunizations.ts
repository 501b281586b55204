/**
 * Immunizations that fell due within the records.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-immunization.html
 */
import type { ResourceObject } from '../../fhir/format/json.js';
import { type Chart, isGap } from '../chart.js';
import { ABSENT, profile } from '../concepts.js';
import { OBJECTION, VACCINES, type Vaccine } from '../tables/immunizations.js';
import { DAY, dateText, YEAR } from '../time.js';

const META = profile('immunization');

export function immunizations(chart: Chart): ResourceObject[] {
  const found: ResourceObject[] = [];
  for (const vaccine of VACCINES) {
    for (const time of dueTimes(chart, vaccine)) {
      if (time < chart.since || time > chart.until) continue;
      const given = chart.random.chance(vaccine.share);
      if (given || chart.random.chance(0.04))
        found.push(immunization(chart, vaccine, time, given, found.length));
    }
  }
  return found;
}

function dueTimes({ person, since, until, random }: Chart, { ages, yearly }: Vaccine): number[] {
  if (yearly === undefined) return ages.map((age) => person.birth + age * YEAR + random.integer(0, 20) * DAY);
  const [from, to] = yearly;
  const times: number[] = [];
  const last = Math.min(until, person.birth + to * YEAR);
  // Seasons begin in October, some 90 days before the day on which the population is looked at.
  for (
    let time = last - random.integer(40, 100) * DAY;
    time >= Math.max(since, person.birth + from * YEAR);
    time -= YEAR
  ) {
    times.push(time);
  }
  return times;
}

function immunization(
  chart: Chart,
  { code }: Vaccine,
  time: number,
  given: boolean,
  place: number,
): ResourceObject {
  const { random, site } = chart;
  const own = given && random.chance(0.8);
  return {
    resourceType: 'Immunization',
    id: chart.newId(),
    meta: META,
    status: given ? 'completed' : 'not-done',
    ...(given ? {} : { statusReason: OBJECTION }),
    vaccineCode: code,
    patient: chart.subject,
    ...(isGap(chart, place) ? { _occurrenceDateTime: ABSENT } : { occurrenceDateTime: dateText(time) }),
    primarySource: own,
    ...(own
      ? {
          location: site.clinic,
          lotNumber: `L${random.integer(10_000, 99_999)}`,
          expirationDate: dateText(time + 200 * DAY),
          performer: [{ actor: site.staff[3]?.reference ?? {} }],
        }
      : {}),
  };
}
