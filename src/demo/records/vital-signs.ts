/**
 * Vital signs of each measured visit, by age; children's percentiles.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-vital-signs.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { type Chart, isGap } from '../chart.js';
import { decimal, profile, quantity } from '../concepts.js';
import { valueAt } from '../measures.js';
import { ageAt } from '../person.js';
import type { Measure } from '../tables/measure.js';
import { BLOOD_PRESSURE, PERCENTILES, VITALS } from '../tables/vitals.js';
import type { Visit } from '../visits.js';
import { CATEGORY, NOT_OBTAINED, observation } from './observation.js';

const META = {
  bloodPressure: profile('blood-pressure'),
  heartRate: profile('heart-rate'),
  respiratoryRate: profile('respiratory-rate'),
  temperature: profile('body-temperature'),
  oxygenSaturation: profile('pulse-oximetry'),
  height: profile('body-height'),
  weight: profile('body-weight'),
  bodyMassIndex: profile('bmi'),
  headCircumference: profile('head-circumference'),
} as const;

const PERCENTILE_META = {
  bodyMassIndex: profile(PERCENTILES.bodyMassIndex.profile),
  weightForLength: profile(PERCENTILES.weightForLength.profile),
  headCircumference: profile(PERCENTILES.headCircumference.profile),
} as const;

export function vitalSigns(chart: Chart): ResourceObject[] {
  const found: ResourceObject[] = [];
  let place = 0;
  for (const visit of chart.visits) {
    if (!visit.kind.measured) continue;
    const age = ageAt(chart.person, visit.at);
    if (age >= 3) found.push(bloodPressure(chart, visit, age, isGap(chart, place)));
    found.push(...circulation(chart, visit, age));
    if (visit.complaint === undefined) found.push(...size(chart, visit, age));
    place++;
  }
  return found;
}

function bloodPressure(chart: Chart, visit: Visit, age: number, gap: boolean): ResourceObject {
  const drift = age < 18 ? (age - 18) * 1.6 : (age - 40) * 0.25;
  const systolic = Math.round(valueAt(chart, 'systolic', VITALS.systolic, visit.at) + drift);
  const diastolic = Math.round(valueAt(chart, 'diastolic', VITALS.diastolic, visit.at) + drift * 0.5);
  return observation(chart, visit, {
    meta: META.bloodPressure,
    category: CATEGORY.vitalSigns,
    code: BLOOD_PRESSURE,
    finding: {
      component: [
        { code: VITALS.systolic.code, valueQuantity: quantity(systolic, 'mmHg', 'mm[Hg]') },
        {
          code: VITALS.diastolic.code,
          ...(gap
            ? NOT_OBTAINED
            : { valueQuantity: quantity(Math.min(diastolic, systolic - 15), 'mmHg', 'mm[Hg]') }),
        },
      ],
    },
  });
}

function circulation(chart: Chart, visit: Visit, age: number): ResourceObject[] {
  const quick = age < 16 ? (16 - age) * 2.6 : 0;
  const fever = visit.complaint?.about.fever === true ? chart.random.between(0.4, 2.4) : 0;
  const heartRate = valueAt(chart, 'heartRate', VITALS.heartRate, visit.at) + quick + fever * 9;
  const temperature = valueAt(chart, 'temperature', VITALS.temperature, visit.at) + fever;
  const found = [vital(chart, visit, 'heartRate', VITALS.heartRate, heartRate)];
  if (visit.course !== undefined) return found;
  found.push(vital(chart, visit, 'temperature', VITALS.temperature, temperature));
  if (visit.complaint !== undefined && !visit.kind.hospital) return found;
  const respiratoryRate = valueAt(chart, 'respiratoryRate', VITALS.respiratoryRate, visit.at) + quick * 0.35;
  const saturation = valueAt(chart, 'oxygenSaturation', VITALS.oxygenSaturation, visit.at);
  found.push(
    vital(chart, visit, 'respiratoryRate', VITALS.respiratoryRate, respiratoryRate),
    vital(chart, visit, 'oxygenSaturation', VITALS.oxygenSaturation, saturation),
  );
  return found;
}

function size(chart: Chart, visit: Visit, age: number): ResourceObject[] {
  const height = heightAt(chart, age);
  const thinner = age < 18 ? (age < 2 ? -7.4 : (age - 18) * 0.5) : 0;
  const index = Math.max(12, valueAt(chart, 'bodyMassIndex', VITALS.bodyMassIndex, visit.at) + thinner);
  const weight = Math.min(VITALS.weight.ceiling, (index * height * height) / 10_000);
  const found = [vital(chart, visit, 'weight', VITALS.weight, weight)];
  if (visit.course !== undefined) return found;
  found.push(vital(chart, visit, 'height', VITALS.height, height));
  if (age >= 2) found.push(vital(chart, visit, 'bodyMassIndex', VITALS.bodyMassIndex, index));
  if (age >= 2 && age < 20) found.push(percentile(chart, visit, 'bodyMassIndex'));
  if (age < 3) {
    const circumference = 35 + Math.min(14, age * 11 - Math.min(age, 1.5) ** 2 * 2.2);
    found.push(
      vital(chart, visit, 'headCircumference', VITALS.headCircumference, circumference),
      percentile(chart, visit, 'headCircumference'),
      percentile(chart, visit, 'weightForLength'),
    );
  }
  return found;
}

/** Centimetres: fast in the first two years, then steady until sixteen. */
function heightAt(chart: Chart, age: number): number {
  const { grownHeight } = chart.person;
  if (age >= 16) return grownHeight;
  const small = age < 2 ? 50 + age * 18.5 : 87 + ((age - 2) * (170 - 87)) / 14;
  return small * (grownHeight / 170);
}

function vital(
  chart: Chart,
  visit: Visit,
  name: keyof typeof META,
  measure: Measure,
  value: number,
): ResourceObject {
  const within = Math.min(measure.ceiling, Math.max(measure.floor, value));
  return observation(chart, visit, {
    meta: META[name],
    category: CATEGORY.vitalSigns,
    code: measure.code,
    finding: { valueQuantity: quantity(decimal(within, measure.digits), measure.unit, measure.ucum) },
  });
}

function percentile(chart: Chart, visit: Visit, name: keyof typeof PERCENTILES): ResourceObject {
  const value: JsonObject = quantity(chart.random.integer(4, 97), '%', '%');
  return observation(chart, visit, {
    meta: PERCENTILE_META[name],
    category: CATEGORY.vitalSigns,
    code: PERCENTILES[name].code,
    finding: { valueQuantity: value },
  });
}
