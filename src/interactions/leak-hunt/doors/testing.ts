/**
 * Doors: the routes of the router's table, and the operations of theirs. Which of them a request goes through, and those that the
 * leak hunt need not go through, each with its reason.
 */
import type { Definitions } from '../../../fhir/definitions/definitions.js';
import { OPERATIONS } from '../../operations.js';
import { locate } from '../../path.js';
import { ROUTES } from '../../routes.js';

/** `GET instance`, `POST type-operation`; `$everything instance`. */
export type Door = string;

export const NOT_HUNTED: Readonly<Record<Door, string>> = {
  'GET metadata': 'tells of the server and of no resource',
};

/** All that there are. */
export function allDoors(): readonly Door[] {
  const routes = Object.entries(ROUTES).flatMap(([shape, methods]) =>
    Object.keys(methods).map((method) => `${method} ${shape}`),
  );
  const operations = OPERATIONS.flatMap(({ name, levels }) => levels.map((level) => `$${name} ${level}`));
  return [...new Set([...routes, ...operations])];
}

/** Those that a request goes through; none where its path leads nowhere. `line`: method and path. */
export function doorsOf(line: string, definitions: Definitions): readonly Door[] {
  const [method = '', url = ''] = line.split(' ', 2);
  const [path = ''] = url.split('?');
  const segments = path.split('/').filter((segment) => segment !== '');
  const { shape, target } = locate(segments.map(decodeURIComponent), definitions);
  const route = `${method} ${shape}`;
  if (!('operation' in target)) return [route];
  return [route, `$${target.operation} ${shape.replace('-operation', '')}`];
}
