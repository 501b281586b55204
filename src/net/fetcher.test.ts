/** The guarded fetcher against servers that mean well, and against those that do not. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../http/self-signed.testing.js';
import type { Fetcher, FetchRequest } from './fetcher.js';
import { hostList } from './policy.js';
import { fetcherOnThisMachine, type Site, serveHttp, serveRaw } from './testing.js';
import { webFetch } from './web-fetch.js';

const sites: Site[] = [];

afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.stop()));
});

async function site(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const made = await serveHttp(answer);
  sites.push(made);
  return made.port;
}

/** What a server does that writes bytes by hand. */
async function rawSite(handle: Parameters<typeof serveRaw>[0]): Promise<number> {
  const made = await serveRaw(handle);
  sites.push(made);
  return made.port;
}

async function text(fetcher: Fetcher, request: Partial<FetchRequest> & { url: string }): Promise<string> {
  const { status, bytes } = await fetcher.fetch({ maxBytes: 1_000, ...request });
  return `${status} ${(await bytes()).toString()}`;
}

describe('fetching', () => {
  it('answers status, headers and body', async () => {
    const port = await site((request, response) => {
      response.setHeader('x-asked', `${request.method} ${request.url} ${request.headers.host}`);
      response.end('hello');
    });

    const fetched = await fetcherOnThisMachine().fetch({
      url: `http://keys.test:${port}/jwks?a=1`,
      maxBytes: 5,
    });

    expect(fetched.headers['x-asked']).toBe(`GET /jwks?a=1 keys.test:${port}`);
    expect((await fetched.bytes()).toString()).toBe('hello');
    expect(fetched.url).toBe(`http://keys.test:${port}/jwks?a=1`);
  });

  it('sends a body with its length', async () => {
    const port = await site((request, response) => {
      request.pipe(response.writeHead(200, { 'x-length': request.headers['content-length'] }));
    });

    const sent = await text(fetcherOnThisMachine(), {
      url: `http://keys.test:${port}/`,
      method: 'POST',
      body: Buffer.from('grüße'),
    });

    expect(sent).toBe('200 grüße');
  });

  it('takes a compressed body where it was told that it may come so', async () => {
    const port = await site((request, response) => {
      response.writeHead(200, {
        'content-encoding': 'gzip',
        'x-accepted': request.headers['accept-encoding'],
      });
      response.end(gzipSync('packed'));
    });
    const url = `http://keys.test:${port}/`;
    const fetched = await fetcherOnThisMachine().fetch({ url, maxBytes: 100, gzip: true });
    expect(gunzipSync(await fetched.bytes()).toString()).toBe('packed');
    expect(fetched.headers['x-accepted']).toBe('gzip');
    await expect(text(fetcherOnThisMachine(), { url })).rejects.toThrow('was not asked for');
  });
  it('gives up a server that falls silent, however long all of it may take', async () => {
    const port = await site((_request, response) => void response.write('a beginning'));
    const silent = text(fetcherOnThisMachine({ timeLimit: 60_000 }), {
      url: `http://keys.test:${port}/`,
      idleLimit: 50,
    });
    await expect(silent).rejects.toMatchObject({
      kind: 'timed-out',
      message: expect.stringContaining('sent nothing'),
    });
  });
  it('speaks https with those alone whose certificate names them', async () => {
    const { cert, key } = selfSigned();
    const server = createSecureServer({ cert, key }, (_request, response) => response.end('private'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    sites.push({ port, stop: () => new Promise((resolve) => server.close(() => resolve())) });
    const policy = { plainHttp: false, hosts: [], privateHosts: ['localhost', '*.test'] };
    const trusting = fetcherOnThisMachine({ policy, ca: cert });

    await expect(text(trusting, { url: `https://localhost:${port}/` })).resolves.toBe('200 private');
    await expect(text(trusting, { url: `https://other.test:${port}/` })).rejects.toThrow(
      'CERT_ALTNAME_INVALID',
    );
    await expect(
      text(fetcherOnThisMachine({ policy }), { url: `https://localhost:${port}/` }),
    ).rejects.toMatchObject({ kind: 'failed' });
  });

  it('has the shape of the web’s fetch for libraries', async () => {
    const port = await site((request, response) => {
      response.writeHead(request.headers.accept === 'application/json' ? 200 : 406, {
        'content-type': 'application/json',
      });
      response.end('{"keys":[]}');
    });
    const fetch = webFetch(fetcherOnThisMachine(), { maxBytes: 100 });

    const response = await fetch(`http://keys.test:${port}/`, { headers: { accept: 'application/json' } });

    expect([response.status, await response.json()]).toEqual([200, { keys: [] }]);
  });
});

describe('addresses that may not be reached', () => {
  const open = { plainHttp: true, hosts: ['*'], privateHosts: [] };

  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://0x7f.0.0.1/',
    'http://0x7f000001/',
    'http://127.1/',
    'http://017700000001/',
    'http://１２７.０.０.１/',
    'http://127。0。0。1/',
    'http://localhost/',
    'http://localhost./',
    'http://LOCALHOST/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://100.100.100.200/',
    'http://255.255.255.255/',
    'http://224.0.0.251/',
    'http://[::]/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
  ])('are refused before anything is sent: %s', async (url) => {
    // The system's own resolution: localhost is what it is.
    const { systemResolve } = await import('./exchange.js');
    const fetcher = fetcherOnThisMachine({ policy: open, resolve: systemResolve });

    await expect(text(fetcher, { url })).rejects.toMatchObject({ kind: 'address-refused' });
  });

  it('are refused when a name has one beside a public one', async () => {
    const fetcher = fetcherOnThisMachine({
      policy: open,
      resolve: async () => [
        { address: '93.184.216.34', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ],
    });

    await expect(text(fetcher, { url: 'http://rebound.example.org/' })).rejects.toMatchObject({
      kind: 'address-refused',
      message: expect.not.stringContaining('10.0.0.1'),
    });
  });

  it('are not reached by a name that is public when looked at and private when connected to', async () => {
    const port = await site((_request, response) => response.end('from the address that was checked'));
    let asked = 0;
    const fetcher = fetcherOnThisMachine({
      policy: { plainHttp: true, hosts: ['*'], privateHosts: ['rebound.test'] },
      // 127.0.0.1 stands for the public address; nobody listens on what the name has afterwards.
      resolve: async () => [{ address: asked++ === 0 ? '127.0.0.1' : '127.0.0.2', family: 4 }],
    });

    await expect(text(fetcher, { url: `http://rebound.test:${port}/` })).resolves.toBe(
      '200 from the address that was checked',
    );
    expect(asked).toBe(1);
  });

  it('are looked at anew by every attempt', async () => {
    const port = await rawSite((socket) => socket.destroy());
    const addresses = ['127.0.0.1', '169.254.169.254'];
    const fetcher = fetcherOnThisMachine({
      policy: { plainHttp: true, hosts: ['*'], privateHosts: ['127.0.0.1'] },
      resolve: async () => [{ address: addresses.shift() ?? '', family: 4 }],
    });

    await expect(text(fetcher, { url: `http://rebound.example.org:${port}/` })).rejects.toMatchObject({
      kind: 'address-refused',
    });
  });

  it('can be allowed for a host, but no multicast and no disguise', async () => {
    const port = await site((_request, response) => response.end('inside'));
    const policy = {
      plainHttp: true,
      hosts: [],
      privateHosts: hostList('127.0.0.1, [::ffff:7f00:1], 224.0.0.1'),
    };
    const fetcher = fetcherOnThisMachine({ policy });

    await expect(text(fetcher, { url: `http://127.1:${port}/` })).resolves.toBe('200 inside');
    for (const host of ['[::ffff:127.0.0.1]', '224.0.0.1']) {
      await expect(text(fetcher, { url: `http://${host}:${port}/` })).rejects.toMatchObject({
        kind: 'address-refused',
      });
    }
    await expect(text(fetcher, { url: `http://127.0.0.2:${port}/` })).rejects.toMatchObject({
      kind: 'url-refused',
    });
  });
});

describe('redirects', () => {
  it.each([
    ['http://169.254.169.254/latest/meta-data/', 'url-refused'],
    ['http://metadata.example.org/', 'url-refused'],
    ['http://user:pw@keys.test/', 'url-refused'],
    ['file:///etc/passwd', 'url-refused'],
    ['//[::1]/', 'url-refused'],
    ['http://[', 'redirect-refused'],
  ])('to %s are refused', async (location, kind) => {
    const port = await site((_request, response) => response.writeHead(302, { location }).end());

    await expect(text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/` })).rejects.toMatchObject({
      kind,
    });
  });

  it('to an address that may not be reached are refused where all hosts may be', async () => {
    const port = await site((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end(),
    );
    const fetcher = fetcherOnThisMachine({
      policy: { plainHttp: true, hosts: ['*'], privateHosts: ['keys.test'] },
    });

    await expect(text(fetcher, { url: `http://keys.test:${port}/` })).rejects.toMatchObject({
      kind: 'address-refused',
    });
  });

  it('are followed three times and no further', async () => {
    const port = await site((request, response) => {
      const step = Number(request.url?.slice(1));
      if (step === 0) response.end('there');
      else response.writeHead(307, { location: `/${step - 1}` }).end();
    });
    const fetcher = fetcherOnThisMachine();

    await expect(text(fetcher, { url: `http://keys.test:${port}/3` })).resolves.toBe('200 there');
    await expect(text(fetcher, { url: `http://keys.test:${port}/4` })).rejects.toMatchObject({
      kind: 'redirect-refused',
    });
  });

  it('do not carry credentials to another origin', async () => {
    const port = await site((request, response) => {
      if (request.url === '/start') {
        response.writeHead(302, { location: `http://other.test:${port}/end` }).end();
      } else response.end(`${request.headers.authorization} ${request.headers.accept}`);
    });

    const seen = await text(fetcherOnThisMachine(), {
      url: `http://keys.test:${port}/start`,
      headers: { Authorization: 'Bearer secret', accept: 'text/plain' },
    });

    expect(seen).toBe('200 undefined text/plain');
  });

  it('of what is sent are not followed', async () => {
    const port = await site((_request, response) => response.writeHead(307, { location: '/other' }).end());

    await expect(
      text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/`, method: 'POST' }),
    ).rejects.toMatchObject({ kind: 'redirect-refused' });
  });
});

describe('answers without end', () => {
  it('are cut off at the limit', async () => {
    const port = await site((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    });

    await expect(text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/` })).rejects.toMatchObject({
      kind: 'too-large',
    });
  });

  it('are refused by what they declare', async () => {
    const port = await site((_request, response) =>
      response.writeHead(200, { 'content-length': '1001' }).flushHeaders(),
    );

    await expect(text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/` })).rejects.toMatchObject({
      kind: 'too-large',
    });
  });

  it('are refused when compressed, which nobody asked for', async () => {
    const port = await site((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('bomb'),
    );

    await expect(text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/` })).rejects.toThrow(
      'coding',
    );
  });

  it.each([
    ['a head that comes drop by drop', 'HTTP/1.1 200 OK\r\n', 'x-slow: 1\r\n'],
    ['a body that comes drop by drop', 'HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n', 'x'],
    ['a body that never comes', 'HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n', ''],
    ['silence', '', ''],
  ])('end at the deadline: %s', async (_name, head, drop) => {
    const port = await rawSite((socket) => {
      socket.write(head);
      const drops = setInterval(() => socket.write(drop), 20);
      socket.on('close', () => clearInterval(drops));
    });

    await expect(
      text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/`, timeLimit: 150 }),
    ).rejects.toMatchObject({ kind: 'timed-out' });
  });

  it('end at the deadline where the name is never found', async () => {
    const fetcher = fetcherOnThisMachine({ resolve: () => new Promise(() => undefined) });

    await expect(text(fetcher, { url: 'http://keys.test/', timeLimit: 50 })).rejects.toMatchObject({
      kind: 'timed-out',
    });
  });

  it('end with heads that are too long', async () => {
    const port = await rawSite((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(100_000)}\r\n\r\n`),
    );

    await expect(
      text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/`, attempts: 1 }),
    ).rejects.toThrow('HPE_HEADER_OVERFLOW');
  });
});

describe('hosts that fail', () => {
  it('are tried again, with pauses that grow', async () => {
    let asked = 0;
    const port = await site((_request, response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200).end('at last');
    });
    const pauses: number[] = [];
    const fetcher = fetcherOnThisMachine({
      pause: async (milliseconds) => {
        pauses.push(milliseconds);
      },
    });

    await expect(text(fetcher, { url: `http://keys.test:${port}/` })).resolves.toBe('200 at last');
    expect(pauses).toEqual([150, 300]);
  });

  it('are waited for as long as they ask, within reason', async () => {
    const port = await site((_request, response) => response.writeHead(429, { 'retry-after': '60' }).end());
    const pauses: number[] = [];
    const fetcher = fetcherOnThisMachine({
      pause: async (milliseconds) => {
        pauses.push(milliseconds);
      },
    });

    await expect(text(fetcher, { url: `http://keys.test:${port}/` })).resolves.toBe('429 ');
    expect(pauses).toEqual([]);
  });

  it('are asked once for what must not happen twice', async () => {
    let asked = 0;
    const port = await rawSite((socket) => {
      asked += 1;
      socket.destroy();
    });

    await expect(
      text(fetcherOnThisMachine(), { url: `http://keys.test:${port}/`, method: 'POST' }),
    ).rejects.toMatchObject({ kind: 'failed' });
    expect(asked).toBe(1);
  });

  it('are left alone for a while, then tried by one', async () => {
    let works = false;
    let asked = 0;
    const port = await site((_request, response) => {
      asked += 1;
      response.writeHead(works ? 200 : 500).end();
    });
    let now = 0;
    const fetcher = fetcherOnThisMachine({
      clock: { now: () => now },
      limits: { atOnce: 8, waiting: 8, failures: 3, rest: 1_000 },
    });
    const ask = (): Promise<string> => text(fetcher, { url: `http://keys.test:${port}/`, attempts: 1 });
    for (let time = 0; time < 3; time++) await ask();

    await expect(ask()).rejects.toMatchObject({ kind: 'resting' });
    expect(asked).toBe(3);

    works = true;
    now = 1_000;
    await expect(Promise.all([ask(), ask()])).resolves.toEqual(['200 ', '200 ']);
  });

  it('get so many requests at once and no more', async () => {
    let inside = 0;
    let most = 0;
    const held: (() => void)[] = [];
    const port = await site((_request, response) => {
      inside += 1;
      most = Math.max(most, inside);
      held.push(() => {
        inside -= 1;
        response.end('ok');
      });
      if (held.length % 2 === 0) for (const release of held.splice(0)) release();
    });
    const fetcher = fetcherOnThisMachine({ limits: { atOnce: 2, waiting: 2, failures: 3, rest: 1_000 } });
    const ask = (): Promise<string> => text(fetcher, { url: `http://keys.test:${port}/` });

    const answers = await Promise.allSettled([ask(), ask(), ask(), ask(), ask()]);

    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(answers[4]).toMatchObject({ reason: { kind: 'busy' } });
    expect(most).toBe(2);
  });

  it('make room for others when their answer is not wanted', async () => {
    const port = await site((_request, response) => {
      response.write('beginning');
    });
    const fetcher = fetcherOnThisMachine({ limits: { atOnce: 1, waiting: 0, failures: 3, rest: 1_000 } });
    const first = await fetcher.fetch({ url: `http://keys.test:${port}/`, maxBytes: 100 });

    first.discard();

    const second = await fetcher.fetch({ url: `http://keys.test:${port}/`, maxBytes: 100 });
    second.discard();
    expect(second.status).toBe(200);
  });
});
