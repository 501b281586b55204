/**
 * References, the identifiers in logical references, and the compartments that a reference makes its resource a member of.
 * https://hl7.org/fhir/R4/search.html#reference, https://hl7.org/fhir/R4/compartmentdefinition.html
 *
 * Invariant: `#id` leads to what the resource at hand contains, `#` to the container; nothing outside of it can name them.
 */
import type { JsonValue } from '../../format/json.js';
import { isObject } from '../../format/json.js';
import { type ParsedReference, parseReference } from '../../reference.js';
import type { Inside } from '../contained-values.js';
import type { ReferenceTarget } from '../index-value.js';
import { targetOf } from '../reference-target.js';
import { type Extract, type Extraction, textOf } from './extraction.js';
import { addIdentifier } from './token-values.js';

/** A parameter as far as its references need it; '' is the code of a composite's component. */
export interface ReferenceParameter {
  readonly code: string;
  readonly targets: readonly string[];
  /** Names of the compartments that the parameter makes membership in. */
  readonly compartments: readonly string[];
}

/** Reads references. One value is often looked at by several parameters in turn, so the last answer is kept. */
export interface ReferenceReader {
  /** What is read from here on stands in this container; undefined: in a resource that contains none. */
  enter(inside: Inside | undefined): void;
  /** undefined: conditional, malformed, or to what is not contained; such a reference leads nowhere. */
  target(text: string): ReferenceTarget | undefined;
  /** `resolve() is type`, as far as the reference itself tells. */
  resolvesTo(reference: JsonValue, type: string): boolean;
}

export function referenceReader(baseUrl: string | undefined): ReferenceReader {
  let lastText: string | undefined;
  let last: ParsedReference = { kind: 'invalid' };
  let inside: Inside | undefined;
  const parse = (text: string): ParsedReference => {
    if (text !== lastText) {
      last = parseReference(text, baseUrl);
      lastText = text;
    }
    return last;
  };
  return {
    enter: (entered) => {
      inside = entered;
    },
    target: (text) => {
      const parsed = parse(text);
      return parsed.kind === 'contained' ? inside?.target(parsed.fragment) : targetOf(parsed);
    },
    resolvesTo: (value, type) => {
      const text = textOf(isObject(value) ? value.reference : value);
      const parsed = parse(text);
      if (parsed.kind === 'local') return parsed.type === type;
      if (parsed.kind === 'contained') return inside?.typeOf(parsed.fragment) === type;
      if (parsed.kind === 'absolute' && parsed.type !== undefined) return parsed.type === type;
      return isObject(value) && value.type === type;
    },
  };
}

/** The maker for an element type; undefined where the type holds no reference. */
export function referenceValues(
  type: string,
  parameter: ReferenceParameter,
  reader: ReferenceReader,
): Extract | undefined {
  switch (type) {
    case 'Reference':
      return (value, walk) => {
        if (!isObject(value)) return;
        if (typeof value.reference === 'string') {
          addTarget(walk, parameter, reader.target(value.reference));
        }
        if (parameter.code !== '') addIdentifier(walk, `${parameter.code}:identifier`, value.identifier);
      };
    case 'canonical':
    case 'uri':
      return (value, walk) => {
        if (typeof value === 'string') addTarget(walk, parameter, reader.target(value));
      };
    case 'Resource':
      return (value, walk) => addTarget(walk, parameter, inlineTarget(value, parameter));
    default:
      return undefined;
  }
}

/** A resource that stands in a Bundle entry itself. */
function inlineTarget(value: JsonValue, { targets }: ReferenceParameter): ReferenceTarget | undefined {
  if (!isObject(value)) return undefined;
  const [type, id] = [textOf(value.resourceType), textOf(value.id)];
  return id !== '' && targets.includes(type) ? { kind: 'local', type, id } : undefined;
}

function addTarget(
  walk: Extraction,
  { code, compartments }: ReferenceParameter,
  target: ReferenceTarget | undefined,
): void {
  if (target === undefined) return;
  walk.values.push({ kind: 'reference', param: code, target });
  if (compartments.length === 0 || target.kind !== 'local' || !compartments.includes(target.type)) return;
  const { type, id } = target;
  walk.memberships.push({ kind: 'reference', param: `@${type}`, target: { kind: 'local', type, id } });
}
