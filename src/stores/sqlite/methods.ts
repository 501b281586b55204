/** How a version came to be, as the small integer that is stored. */
import type { WriteMethod } from '../../ports/backend.js';

const METHODS: readonly WriteMethod[] = ['POST', 'PUT', 'PATCH', 'DELETE'];

export function methodNumber(method: WriteMethod): number {
  return METHODS.indexOf(method);
}

export function methodOf(number: number): WriteMethod {
  return METHODS[number] ?? 'PUT';
}
