/**
 * Values of a `_filter` as the readers of search parameters take them: escaped, so that nothing in them separates
 * alternatives.
 * https://hl7.org/fhir/R4/search_filter.html, https://hl7.org/fhir/R4/search.html#escaping
 */
import type { SearchParameterType } from '../../definitions/definitions.js';

/** https://hl7.org/fhir/R4/search_filter.html#ops, the note below the table */
const SYSTEMS: Readonly<Record<string, string>> = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ucum: 'http://unitsofmeasure.org',
};

export function escapedValue(value: string, type: SearchParameterType): string {
  switch (type) {
    case 'string':
    case 'uri':
      return value.replace(/[\\,|$]/g, '\\$&');
    case 'token':
      return withoutCommas(value.replace(/^(\w+)(?=\|)/, fullSystem));
    case 'composite':
      return withoutCommas(value.replace(/(?<=^|\$)(\w+)(?=\|)/g, fullSystem));
    case 'quantity':
      return withoutCommas(value.replace(/(?<=^[^|]*\|)(\w+)(?=\|)/, fullSystem));
    default:
      return withoutCommas(value);
  }
}

function fullSystem(name: string): string {
  return Object.hasOwn(SYSTEMS, name) ? (SYSTEMS[name] ?? name) : name;
}

/** Bars and dollars mean what they mean in other parameters, escapes too. */
function withoutCommas(value: string): string {
  return value.replace(/\\.|,/gs, (found) => (found === ',' ? '\\,' : found));
}
