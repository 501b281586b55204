/**
 * The fetcher of `fairway export` and of sources. Whoever types a URL means it, so its host may be of this machine or its networks and may
 * speak http; what the server then leads to must be public, or listed in the settings.
 */
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../base/clock.js';
import type { Config } from '../config.js';
import type { Pull, PullParts } from '../jobs/bulk-client/pull.js';
import { type Fetcher, GuardedFetcher } from '../net/fetcher.js';
import { hostList, hostOf } from '../net/policy.js';

/** Names of this machine: servers mix them in what they answer. */
const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];
const TIME_LIMIT_MILLISECONDS = 60_000;
const STEP_MILLISECONDS = 500;

type Reach = Pick<Config, 'fetchPrivateHosts' | 'fetchHttp'>;

/** `between`: is called again and again during a pause; what it throws ends it. */
export function pullParts(
  { request, credentials }: Pull,
  config: Reach,
  between: () => void = () => undefined,
): PullParts {
  const typed = [
    request.base,
    ...(credentials?.tokenUrl === undefined ? [] : [new URL(credentials.tokenUrl)]),
  ];
  return {
    fetcher: fetcherTo(typed, config),
    clock: systemClock,
    pause: async (milliseconds) => {
      const end = performance.now() + milliseconds;
      for (let left = milliseconds; left > 0; left = end - performance.now()) {
        between();
        await setTimeout(Math.min(left, STEP_MILLISECONDS));
      }
    },
    random: Math.random,
  };
}

function fetcherTo(typed: readonly URL[], { fetchPrivateHosts, fetchHttp }: Reach): Fetcher {
  const hosts = typed.map(hostOf);
  const own = hosts.some((host) => LOOPBACK.includes(host)) ? LOOPBACK : [];
  return new GuardedFetcher({
    policy: {
      plainHttp: fetchHttp || typed.some(({ protocol }) => protocol === 'http:'),
      hosts: ['*'],
      privateHosts: [...hosts, ...own, ...hostList(fetchPrivateHosts)],
    },
    clock: systemClock,
    timeLimit: TIME_LIMIT_MILLISECONDS,
    random: Math.random,
    // An export has a patience of its own, and as many requests under way as it was told to have.
    limits: { atOnce: 64, waiting: 64, failures: Number.MAX_SAFE_INTEGER, rest: 0 },
  });
}
