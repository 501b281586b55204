/**
 * What a check finds: where, and of which kind. Sentences are made of it only when something was found (explain.ts).
 *
 * Invariant: at most MAX_PROBLEMS are kept at any level, so that no input can make a flood of them.
 */
import type { JsonValue } from '../format/json.js';

export const MAX_PROBLEMS = 100;

export type Finding =
  | { readonly kind: 'unknown'; readonly name: string; readonly type: string }
  | { readonly kind: 'missing'; readonly element: string; readonly type: string; readonly choice: boolean }
  | { readonly kind: 'several-types'; readonly element: string; readonly type: string }
  | { readonly kind: 'not-object' | 'not-array'; readonly value: JsonValue }
  | { readonly kind: 'empty-object' | 'empty-array' | 'null' }
  | { readonly kind: 'too-many'; readonly max: number }
  | { readonly kind: 'primitive'; readonly type: string; readonly codes?: string; readonly value: JsonValue }
  | { readonly kind: 'rule'; readonly rule: string }
  | { readonly kind: 'no-type' }
  | { readonly kind: 'unknown-type'; readonly name: string }
  /** `below`: FHIRPath from the path on. */
  | { readonly kind: 'contained'; readonly rule: ContainedRule; readonly below?: string };

export type ContainedRule = 'nested' | 'version' | 'security' | 'same-id' | 'reference';

export interface Problem {
  /** JSON pointer from the resource that is validated: `/name/0/given`. */
  readonly path: string;
  readonly finding: Finding;
}

export function found(problems: Problem[] | null, path: string, finding: Finding): Problem[] {
  if (problems === null) return [{ path, finding }];
  if (problems.length < MAX_PROBLEMS) problems.push({ path, finding });
  return problems;
}

/** Problems of a part, seen from the whole. */
export function merged(
  problems: Problem[] | null,
  path: string,
  inner: readonly Problem[],
): Problem[] | null {
  let all = problems;
  for (const { path: below, finding } of inner) all = found(all, path + below, finding);
  return all;
}
