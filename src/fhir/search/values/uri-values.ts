/**
 * Uris, exact. A canonical with a version can be found with and without it.
 * https://hl7.org/fhir/R4/search.html#uri, https://hl7.org/fhir/R4/references.html#canonical
 */
import type { Extract, Extraction, ValueTable } from './extraction.js';

export const URI_VALUES: ValueTable = {
  uri: plain(),
  url: plain(),
  oid: plain(),
  uuid: plain(),
  canonical: (param) => (value, walk) => {
    if (typeof value !== 'string') return;
    add(walk, param, value);
    const version = value.indexOf('|');
    if (version > 0) add(walk, param, value.slice(0, version));
  },
};

function plain(): (param: string) => Extract {
  return (param) => (value, walk) => {
    if (typeof value === 'string') add(walk, param, value);
  };
}

function add(walk: Extraction, param: string, value: string): void {
  if (value !== '') walk.values.push({ kind: 'uri', param, value });
}
