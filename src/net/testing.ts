/** For tests of this room: servers on this machine, and fetchers that find them under made-up names. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createRawServer, type Socket } from 'node:net';
import { type FetcherParts, GuardedFetcher } from './fetcher.js';

export interface Site {
  readonly port: number;
  stop(): Promise<void>;
}

export async function serveHttp(answer: RequestListener): Promise<Site> {
  const server = createServer(answer);
  const site = await listening(server);
  return {
    port: site.port,
    stop: () => {
      server.closeAllConnections();
      return site.stop();
    },
  };
}

/** Every connection is handled by hand. */
export async function serveRaw(handle: (socket: Socket) => void): Promise<Site> {
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    handle(socket);
  });
  const site = await listening(server);
  return {
    port: site.port,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return site.stop();
    },
  };
}

async function listening(server: Server): Promise<Site> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

/** Every name is this machine's, and `*.test` may be; no time passes between attempts. */
export function fetcherOnThisMachine(parts: Partial<FetcherParts> = {}): GuardedFetcher {
  return new GuardedFetcher({
    policy: { plainHttp: true, hosts: [], privateHosts: ['*.test'] },
    clock: { now: () => 0 },
    timeLimit: 5_000,
    random: () => 0.5,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    pause: async () => undefined,
    ...parts,
  });
}
