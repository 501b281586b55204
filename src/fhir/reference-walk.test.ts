/** The walk over all links: every place where one can stand, its kind and path; what is shared and what is copied. */
import { describe, expect, it } from 'vitest';
import { readDefinitions } from '../definitions-file.js';
import type { ResourceObject } from './format/json.js';
import { parseJson } from './format/parse.js';
import { serialise } from './format/serialise.js';
import { rewriteLinks } from './reference-walk.js';

const definitions = readDefinitions();

describe('rewriteLinks', () => {
  it('finds references, uris, canonicals and narrative links wherever they stand', () => {
    const resource: ResourceObject = {
      resourceType: 'Observation',
      id: 'urn:uuid:never',
      meta: { profile: ['http://a.example/p'] },
      text: { status: 'generated', div: '<div xmlns="x"><a href="urn:uuid:n">n</a></div>' },
      contained: [
        { resourceType: 'Patient', id: 'p', generalPractitioner: [{ reference: 'Practitioner/1' }] },
      ],
      extension: [{ url: 'http://a.example/e', valueReference: { reference: 'Patient/2' } }],
      status: 'final',
      _status: { extension: [{ url: 'http://a.example/s', valueUrl: 'urn:uuid:u' }] },
      subject: { reference: '#p', type: 'Patient', display: 'urn:uuid:never' },
      performer: [{ display: 'x' }, { reference: 'Practitioner/3' }],
      component: [{ code: { coding: [{ system: 'http://loinc.org', code: 'urn:uuid:never' }] } }],
    };

    const links = linksOf(resource);

    expect(links).toEqual([
      ['canonical', 'Observation.meta.profile[0]', 'http://a.example/p'],
      ['narrative', 'Observation.text.div', 'urn:uuid:n'],
      ['reference', 'Observation.contained[0].generalPractitioner[0].reference', 'Practitioner/1'],
      ['uri', 'Observation.extension[0].url', 'http://a.example/e'],
      ['reference', 'Observation.extension[0].value.reference', 'Patient/2'],
      ['uri', 'Observation.status.extension[0].url', 'http://a.example/s'],
      ['uri', 'Observation.status.extension[0].value', 'urn:uuid:u'],
      ['reference', 'Observation.subject.reference', '#p'],
      ['uri', 'Observation.subject.type', 'Patient'],
      ['reference', 'Observation.performer[1].reference', 'Practitioner/3'],
      ['uri', 'Observation.component[0].code.coding[0].system', 'http://loinc.org'],
    ]);
  });

  it('walks elements whose content another element defines', () => {
    const links = linksOf({
      resourceType: 'Questionnaire',
      item: [{ linkId: '1', item: [{ linkId: '2', definition: 'http://a.example/d' }] }],
    });

    expect(links).toEqual([['uri', 'Questionnaire.item[0].item[0].definition', 'http://a.example/d']]);
  });

  it('walks entries of a Bundle and the siblings of a list of primitives', () => {
    const links = linksOf({
      resourceType: 'Bundle',
      entry: [
        {
          fullUrl: 'urn:uuid:1',
          resource: {
            resourceType: 'Patient',
            name: [{ given: ['A', 'B'], _given: [null, { extension: [{ url: 'http://a.example/g' }] }] }],
          },
        },
      ],
    });

    expect(links).toEqual([
      ['uri', 'Bundle.entry[0].fullUrl', 'urn:uuid:1'],
      ['uri', 'Bundle.entry[0].resource.name[0].given[1].extension[0].url', 'http://a.example/g'],
    ]);
  });

  it('returns the very same object when nothing is replaced', () => {
    const patient: ResourceObject = {
      resourceType: 'Patient',
      managingOrganization: { reference: 'Organization/1' },
    };

    expect(rewriteLinks(patient, definitions, () => undefined)).toBe(patient);
    expect(rewriteLinks(patient, definitions, ({ text }) => text)).toBe(patient);
  });

  it('copies what it changes, keeps the order of properties and shares the rest', () => {
    const text =
      '{"resourceType":"Patient","contact":[{"gender":"male"},{"organization":{"reference":"urn:uuid:1","display":"O"}}],' +
      '"name":[{"text":"A"}],"text":{"status":"generated","div":"<div><a href=\\"urn:uuid:1\\"/></div>"}}';
    const patient = parseJson(text) as ResourceObject; // it has a type

    const result = rewriteLinks(patient, definitions, ({ text }) =>
      text === 'urn:uuid:1' ? 'Organization/1' : undefined,
    );

    expect(serialise(result)).toBe(text.replaceAll('urn:uuid:1', 'Organization/1'));
    expect(serialise(patient)).toBe(text);
    expect(result.name).toBe(patient.name);
  });

  it('passes over types and shapes that it does not know', () => {
    const odd: ResourceObject = {
      resourceType: 'Patient',
      __proto__x: { reference: 'Patient/1' },
      managingOrganization: 'Organization/1',
      generalPractitioner: [null, 1, [{ reference: 'Practitioner/1' }]],
      contained: [{ resourceType: 'Unknown', subject: { reference: 'Patient/1' } }, null],
    };

    expect(linksOf(odd)).toEqual([]);
    expect(linksOf({ resourceType: 'Unknown', subject: { reference: 'Patient/1' } })).toEqual([]);
  });
});

function linksOf(resource: ResourceObject): readonly (readonly [string, string, string])[] {
  const found: [string, string, string][] = [];
  rewriteLinks(resource, definitions, ({ kind, path, text }) => {
    found.push([kind, path, text]);
    return undefined;
  });
  return found;
}
