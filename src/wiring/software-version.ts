/** The version of this program: that of package.json, two folders up from here, whether this is bundled or not. */
import { readFileSync } from 'node:fs';

export const SOFTWARE_VERSION: string =
  /"version":\s*"([^"]+)"/.exec(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))?.[1] ??
  'unknown';
