/**
 * The code systems and value sets that FHIR R4 itself publishes, as compiled bytes and as what is made of them.
 * https://hl7.org/fhir/R4/terminologies-systems.html, https://hl7.org/fhir/R4/terminologies-valuesets.html
 *
 * Invariant: value sets are kept as their complete expansions; one whose codes are not all known is not there. Code
 * systems are built when they are first asked for.
 */
import { parseCanonical } from '../reference.js';
import { type CodeSystem, type CodeSystemContent, codeSystemOf } from './code-system.js';
import type { Library } from './expand.js';
import type { ValueSet } from './value-set.js';

export interface CompiledTerminology {
  /** The systems that value sets name by their place. */
  readonly systems: readonly string[];
  readonly valueSets: readonly CompiledValueSet[];
  readonly codeSystems: readonly CodeSystemContent[];
}

export type CompiledValueSet = readonly [
  url: string,
  version: string | null,
  codes: readonly (readonly [system: number, codes: readonly string[]])[],
];

/** `compiledJson`: what the build wrote. */
export function loadBaseTerminology(compiledJson: string): Library {
  // Written by our own build; its shape is CompiledTerminology by construction.
  return new BaseTerminology(JSON.parse(compiledJson) as CompiledTerminology);
}

class BaseTerminology implements Library {
  readonly #systems: readonly string[];
  readonly #valueSets: ReadonlyMap<string, CompiledValueSet>;
  readonly #contents: ReadonlyMap<string, CodeSystemContent>;
  readonly #codeSystems = new Map<string, CodeSystem>();

  constructor({ systems, valueSets, codeSystems }: CompiledTerminology) {
    this.#systems = systems;
    this.#valueSets = new Map(valueSets.map((one) => [one[0], one]));
    this.#contents = new Map(codeSystems.map((one) => [one.url, one]));
  }

  valueSet(canonical: string): ValueSet | undefined {
    const { url, version } = parseCanonical(canonical);
    const compiled = this.#valueSets.get(url);
    if (compiled === undefined || !isVersion(version, compiled[1] ?? undefined)) return undefined;
    const [, own, codes] = compiled;
    return {
      url,
      ...(own === null ? {} : { version: own }),
      expansion: codes.map(([system, members]) => ({ system: this.#systems[system] ?? '', codes: members })),
    };
  }

  codeSystem(canonical: string): CodeSystem | undefined {
    const { url, version } = parseCanonical(canonical);
    const content = this.#contents.get(url);
    if (content === undefined || !isVersion(version, content.version)) return undefined;
    const codeSystem = this.#codeSystems.get(url) ?? codeSystemOf(content);
    this.#codeSystems.set(url, codeSystem);
    return codeSystem;
  }
}

function isVersion(asked: string | undefined, own: string | undefined): boolean {
  return asked === undefined || asked === own;
}
