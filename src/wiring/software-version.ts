/** The version of this program: that of package.json, which stands beside dist. */
import { readFileSync } from 'node:fs';

export const SOFTWARE_VERSION: string =
  /"version":\s*"([^"]+)"/.exec(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))?.[1] ??
  'unknown';
