import { describe, expect, it } from 'vitest';
import { lazyBaseTerminology } from '../../terminology-file.js';
import { closure } from './code-system.js';
import { expandValueSet } from './expand.js';

const base = lazyBaseTerminology()();

describe('the terminology of FHIR R4', () => {
  it.each([
    [
      'http://hl7.org/fhir/ValueSet/administrative-gender',
      'http://hl7.org/fhir/administrative-gender',
      'unknown',
      4,
    ],
    ['http://hl7.org/fhir/ValueSet/observation-vitalsignresult', 'http://loinc.org', '8867-4', 13],
    ['http://terminology.hl7.org/ValueSet/v2-0001', 'http://terminology.hl7.org/CodeSystem/v2-0001', 'F', 6],
  ])('has the codes of %s', (url, system, code, count) => {
    const [only, ...others] = expandValueSet(url, base);
    expect([only?.system, only?.codes.length, others]).toEqual([system, count, []]);
    expect(only?.codes).toContain(code);
  });

  it('has hierarchies of code systems', () => {
    const system = base.codeSystem('http://terminology.hl7.org/CodeSystem/v3-RoleCode');
    const family = system?.concepts.get('PRN');
    expect(family && closure(family, 'below')).toContain('NMTH');
    expect(base.codeSystem('http://terminology.hl7.org/CodeSystem/v3-RoleCode')).toBe(system);
  });

  it('has no value set whose codes were not published in full', () => {
    expect(base.valueSet('http://hl7.org/fhir/ValueSet/body-site')).toBeUndefined();
    expect(base.valueSet('http://hl7.org/fhir/ValueSet/condition-code')).toBeUndefined();
  });

  it('is of one version', () => {
    const url = 'http://hl7.org/fhir/ValueSet/administrative-gender';
    expect(base.valueSet(`${url}|4.0.1`)?.url).toBe(url);
    expect(base.valueSet(`${url}|9`)).toBeUndefined();
  });
});
