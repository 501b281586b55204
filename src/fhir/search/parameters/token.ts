/**
 * Token values: `code`, `system|code`, `|code`, `system|`.
 * https://hl7.org/fhir/R4/search.html#token
 *
 * Invariant: an element of type code has no system of its own; the one that its binding implies may be named.
 */
import type { SearchParameter } from '../../definitions/definitions.js';
import { foldToken } from '../../primitives/fold.js';
import { bySystem, type SystemCodes } from '../../terminology/value-set.js';
import type { TokenSetTest, TokenTest } from '../query.js';
import { tokenTests } from '../token-code.js';
import { typeSystem } from '../values/token-values.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue, SingleTest } from './reading.js';
import { splitUnescaped, unescaped } from './split.js';

const SHAPES = 'a token is code, system|code, |code or system|';

/** https://hl7.org/fhir/R4/search.html#token: the implicit system of truth values. */
const TRUTH_SYSTEM = 'http://terminology.hl7.org/CodeSystem/special-values';

export const readToken: ReadValue = (text, { parameter }) => {
  const parsed = readTokenParts(text);
  if (parsed instanceof Problem) return parsed;
  const { elementTypes } = parameter;
  if (elementTypes.length > 0 && elementTypes.every((type) => type === 'boolean')) return truth(parsed);
  return codeTests(parameter, parsed);
};

function codeTests(
  { elementTypes, impliedSystems }: SearchParameter,
  { system, code }: TokenParts,
): readonly TokenTest[] {
  if (system && elementTypes.length > 0 && elementTypes.every((type) => type === 'code')) {
    // Where no binding tells the system (languages, media types), any is taken for the one that is meant.
    const fits = impliedSystems === undefined || impliedSystems.includes(system);
    return fits ? tokenTests(elementTypes, undefined, code) : [];
  }
  return tokenTests(elementTypes, system, code);
}

/** Codes of code systems as the parameter's values have them; undefined = no value can be one of them. */
export function tokenSet(
  parameter: SearchParameter,
  codes: readonly SystemCodes[],
): TokenSetTest | undefined {
  const members = bySystem(
    codes.flatMap(({ system, codes: own }) =>
      own.flatMap((one) =>
        // A test without a system stands for an element of type code, whose values have none.
        codeTests(parameter, { system, code: one }).map(
          (test) => [test.system ?? '', test.code ?? one] as const,
        ),
      ),
    ),
  );
  return members.length === 0 ? undefined : { kind: 'token-set', members };
}

/** `:identifier` on a reference. */
export function readIdentifier(text: string): readonly SingleTest[] | Problem {
  const parsed = readTokenParts(text);
  return parsed instanceof Problem ? parsed : tokenTests(['Identifier'], parsed.system, parsed.code);
}

/** `:of-type` on an identifier: `system|code|value`, the first two of the identifier's type. */
export const readOfType: ReadValue = (text, { parameter }) => {
  if (!parameter.elementTypes.includes('Identifier')) {
    return malformed('holds no identifiers, of which :of-type tells the type');
  }
  const parts = splitUnescaped(text, '|');
  if (parts.length !== 3) return malformed('needs the form system|code|value, all three with :of-type');
  const [system, code, value] = parts.map(unescaped);
  for (const part of [system, code, value]) if (part instanceof Problem) return part;
  if (code === '' || value === '') return malformed('needs a code and a value in system|code|value');
  // None of them is a problem, and there are three.
  const [typeOf, typeCode, exact] = [system, code, value] as [string, string, string];
  return [{ kind: 'token', system: typeSystem(typeOf, foldToken(typeCode)), code: exact }];
};

interface TokenParts {
  readonly system: string | undefined;
  readonly code: string | undefined;
}

export function readTokenParts(text: string): TokenParts | Problem {
  const parts = splitUnescaped(text, '|');
  if (parts.length > 2) return malformed(`has too many bars: ${SHAPES}, and a bar inside is written \\|`);
  const [first = '', second] = parts;
  const system = second === undefined ? undefined : unescaped(first);
  const code = unescaped(second ?? first);
  if (system instanceof Problem) return system;
  if (code instanceof Problem) return code;
  if (code !== '') return { system, code };
  if (system === undefined || system === '') return malformed(`names neither system nor code: ${SHAPES}`);
  return { system, code: undefined };
}

function truth({ system, code }: TokenParts): readonly SingleTest[] | Problem {
  if (code === undefined) return system === TRUTH_SYSTEM ? [{ kind: 'token' }] : [];
  if (code !== 'true' && code !== 'false') return malformed('must be true or false');
  return system === undefined || system === '' || system === TRUTH_SYSTEM ? [{ kind: 'token', code }] : [];
}
